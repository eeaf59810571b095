//! Who approved an entry of one of the home's own catalogs, and when.

use std::sync::Arc;

use super::{CatalogChange, CatalogOptions};
use crate::catalog::{FileCatalog, fingerprint};
use crate::error::{Error, ErrorKind, Result};
use crate::gateway::home::Home;
use crate::model::{EntryApproval, ServerEntry, ServerName};
use crate::util::clock;
use crate::util::pattern::did_you_mean;

/// The longest name and note of an approval.
const MAX_TEXT: usize = 1_024;

impl Home {
    /// Writes into one of the home's own catalogs who approved a server's entry, as it is now, and when; it takes the place
    /// of an earlier approval, and is void when the entry changes. Every audit trail of the home records it.
    ///
    /// # Errors
    /// `NotFound` when there is no such catalog or server; `InvalidInput` when the catalog comes from elsewhere, or for a
    /// name or note that is none.
    pub async fn approve_catalog_server(
        &self,
        name: &str,
        server: &ServerName,
        by: &str,
        note: Option<&str>,
        options: &CatalogOptions,
    ) -> Result<CatalogChange> {
        for (what, text) in [("name", Some(by)), ("note", note)] {
            let is_fine =
                |text: &str| !text.trim().is_empty() && text.len() <= MAX_TEXT && !text.contains(char::is_control);
            if text.is_some_and(|text| !is_fine(text)) {
                return Err(Error::new(
                    ErrorKind::InvalidInput,
                    format!("the {what} of the approval is empty, too long or more than a line"),
                ));
            }
        }
        let mut approval = EntryApproval::new(by.trim(), clock::rfc3339(clock::now_millis()));
        approval.note = note.map(str::to_owned);
        let written = move |entry: &mut ServerEntry| {
            approval.entry = Some(fingerprint(entry));
            entry.approved = Some(approval);
            Ok(())
        };
        let change = |catalog: &mut FileCatalog| put(catalog, name, server, written);
        self.edit(name, options, ("catalog/approve", Some(server)), change).await
    }

    /// Takes the approval of a server's entry away. Every audit trail of the home records it.
    ///
    /// # Errors
    /// `NotFound` when there is no such catalog, server or approval; `InvalidInput` when the catalog comes from elsewhere.
    pub async fn revoke_catalog_server(
        &self,
        name: &str,
        server: &ServerName,
        options: &CatalogOptions,
    ) -> Result<CatalogChange> {
        let taken = |entry: &mut ServerEntry| match entry.approved.take() {
            Some(_) => Ok(()),
            None => Err(Error::new(ErrorKind::NotFound, format!("nobody has approved `{server}` as it is now"))
                .with_context("catalog", name)),
        };
        let change = |catalog: &mut FileCatalog| put(catalog, name, server, taken);
        self.edit(name, options, ("catalog/revoke", Some(server)), change).await
    }
}

/// Changes the entry of a server.
fn put(
    catalog: &mut FileCatalog,
    name: &str,
    server: &ServerName,
    change: impl FnOnce(&mut ServerEntry) -> Result<()>,
) -> Result<()> {
    let Some(entry) = catalog.entries().find(|entry| entry.name == *server) else {
        let error = Error::new(ErrorKind::NotFound, format!("catalog `{name}` has no server `{server}`"));
        let known = catalog.entries().map(|entry| entry.name.as_str());
        return Err(match did_you_mean(server.as_str(), known) {
            Some(meant) => error.with_hint(format!("did you mean `{meant}`?")),
            None => error.with_hint(format!("run `mcp-gateway catalog show {name}` to see its servers")),
        });
    };
    let mut entry = ServerEntry::clone(entry);
    change(&mut entry)?;
    catalog.put(Arc::new(entry));
    Ok(())
}
