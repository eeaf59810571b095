//! Which servers exist for every profile of a home.

use std::path::PathBuf;

use serde::Serialize;

use super::Home;
use super::options::CatalogSource;
use crate::catalog::{Admission, Catalog as _, Scope, ScopeSpec, typed};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{ProfileName, ServerName};
use crate::util::fs;
use crate::util::pattern::did_you_mean;

/// Whose word the home's scope is, where decisions are explained.
const HOME: &str = "home";

/// What the scopes say of a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ScopeCheck {
    /// The server.
    pub server: ServerName,
    /// The catalog that describes it.
    #[serde(rename = "catalog", skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Whether it exists.
    pub admitted: bool,
    /// What each scope says, the home's first; nothing where there is none.
    pub scopes: Vec<Admission>,
}

impl Home {
    /// The file that says which servers exist, `scope.yaml`; without it, all do that catalogs describe.
    pub fn scope_file(&self) -> PathBuf {
        self.root().join("scope.yaml")
    }

    /// What the file says; it counts for every profile, and none can widen it.
    ///
    /// # Errors
    /// `InvalidConfig` with file and line when it is broken: a scope that cannot be read lets nothing in.
    pub fn scope_spec(&self) -> Result<ScopeSpec> {
        let file = self.scope_file();
        let Some(text) = fs::read_optional(&file)? else { return Ok(ScopeSpec::default()) };
        let name = file.display().to_string();
        if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
            return Err(Error::new(ErrorKind::InvalidConfig, "the scope is empty")
                .with_context("file", name)
                .with_hint("write `allow:` or `deny:`, or remove the file to have every server"));
        }
        let spec: ScopeSpec = typed(&name, &text).map_err(|diagnostic| diagnostic.into_error())?;
        Scope::new().with(HOME, &spec).map_err(|error| error.with_context("file", name))?;
        Ok(spec)
    }

    pub(super) fn scope(&self) -> Result<Scope> {
        Scope::new().with(HOME, &self.scope_spec()?)
    }

    /// What the scopes of the home and of a profile say of a server that a catalog describes.
    ///
    /// # Errors
    /// `NotFound` when no catalog describes it; `InvalidConfig` when a scope is broken.
    pub async fn check_scope(
        &self,
        server: &ServerName,
        profile: &ProfileName,
        catalogs: &[CatalogSource],
    ) -> Result<ScopeCheck> {
        let spec = self.profile_or_empty(profile).await?;
        let scope = self.scope()?.with(format!("profile {profile}"), &spec.scope)?;
        let catalog = self.described(catalogs, &spec.catalogs).await?;
        let Some(entry) = catalog.get(server).await? else {
            let known = catalog.list().await?;
            let error = Error::new(ErrorKind::NotFound, format!("no catalog describes server `{server}`"));
            return Err(match did_you_mean(server.as_str(), known.iter().map(|entry| entry.name.as_str())) {
                Some(meant) => error.with_hint(format!("did you mean `{meant}`?")),
                None => error.with_hint("run `mcp-gateway catalog ls` to see what is registered"),
            });
        };
        let scopes = scope.decide(&entry);
        Ok(ScopeCheck {
            server: server.clone(),
            source: entry.source.clone(),
            admitted: scopes.iter().all(|word| word.admitted),
            scopes,
        })
    }
}
