//! Keeping copies of catalogs as their origins have them.

use super::add::of_nothing;
use super::record::{OriginRecord, SyncFailure};
use super::signed::{accepted, of_its_own};
use super::{CatalogChange, CatalogChanged, CatalogOptions, of_catalog, parsed, record_catalog};
use crate::catalog::{CatalogOrigin, FetchedCatalog, KnownCatalog, SourceState};
use crate::error::{Error, ErrorKind, Result};
use crate::gateway::home::Home;
use crate::util::oci::digest_of;
use crate::util::{clock, fs};

/// What an origin has now.
struct New {
    text: String,
    signature: Option<String>,
    after: OriginRecord,
    notes: Vec<String>,
}

/// Why a catalog did not come, and from where its source goes on next time, if it came a part of the way.
struct Failed {
    error: Error,
    state: Option<SourceState>,
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self { error, state: None }
    }
}

impl Home {
    /// Asks where catalogs come from whether they have changed, and takes over what has; of all that come from somewhere,
    /// where none is named.
    ///
    /// # Behavior
    /// - An address is asked by its entity tag or date, a registry by its digest, a registry of MCP servers for what has
    ///   changed since, so that what is the same is not fetched.
    /// - What cannot be reached, or is no catalog, changes nothing: the copy stays, and the others are asked all the same.
    /// - One that must be signed is taken over only with its signer's signature, and not when it is older.
    /// - A copy that somebody edited is fetched anew.
    /// - Every audit trail of the home records what has changed or failed.
    ///
    /// # Errors
    /// `NotFound` for a name that no catalog has, `InvalidInput` for one that comes from nowhere; what a trail says. What an
    /// origin says is in its [`CatalogChange::error`].
    pub async fn sync_catalogs(&self, names: &[String], options: &CatalogOptions) -> Result<Vec<CatalogChange>> {
        let mut wanted = Vec::new();
        if names.is_empty() {
            for registered in self.registered_catalogs()? {
                // One whose record is broken is said to be so, and does not hold up the others.
                match self.read_origin(&registered.name) {
                    Ok(Some(record)) if record.origin != "own" => wanted.push((registered.name, Ok(record))),
                    Ok(_) => {}
                    Err(error) => wanted.push((registered.name, Err(error))),
                }
            }
        }
        for name in names {
            self.registered_catalog(name)?;
            match self.read_origin(name)?.filter(|record| record.origin != "own") {
                Some(record) => wanted.push((name.clone(), Ok(record))),
                None => {
                    return Err(Error::new(ErrorKind::InvalidInput, format!("catalog `{name}` comes from nowhere"))
                        .with_hint(format!("say from where: `mcp-gateway catalog add {name} ORIGIN --replace`")));
                }
            }
        }
        let trails = self.trails_of(None).await?;
        let mut changes = Vec::new();
        for (name, record) in wanted {
            let origin = record.as_ref().ok().map(|record| record.origin.clone());
            let done = match record {
                Ok(record) => self.sync_one(&name, record, options).await,
                Err(error) => Err(error),
            };
            let change = match done {
                Ok(change) => change,
                Err(error) => {
                    let servers = self.count(&name).await;
                    let mut change = CatalogChange::new(&name, CatalogChanged::Failed, origin, servers);
                    change.reason = Some(error.report());
                    change.error = Some(error);
                    change
                }
            };
            if change.change != CatalogChanged::Unchanged {
                record_catalog(&trails, "catalog/sync", &change, options.by).await?;
            }
            changes.push(change);
        }
        Ok(changes)
    }

    async fn sync_one(&self, name: &str, before: OriginRecord, options: &CatalogOptions) -> Result<CatalogChange> {
        let options = CatalogOptions {
            allow_private: before.allow_private,
            images: before.images.clone(),
            verify_key: before.signed.as_ref().map(|signed| signed.key.parse()).transpose()?,
            ..options.clone()
        };
        let fetched = self.fetch_checked(name, &before, &options).await;
        let now = clock::rfc3339(clock::now_millis());
        let (copy, after, notes) = match fetched {
            Ok(Some(New { text, signature, after, notes })) => (Some((text, signature)), after, notes),
            Ok(None) => (
                None,
                self.whole(name, OriginRecord { last_sync: Some(now), failure: None, ..before.clone() })?,
                Vec::new(),
            ),
            Err(Failed { error, state }) => {
                let error = of_catalog(error, name, &before.origin);
                let failure = Some(SyncFailure { time: now, reason: error.report() });
                let after = match state {
                    Some(state) => OriginRecord { failure, state, ..before.clone() },
                    None => self.whole(name, OriginRecord { failure, ..before.clone() })?,
                };
                self.refresh(name, &before, None, after)?;
                return Err(error);
            }
        };
        let is_same = copy.as_ref().is_none_or(|(text, _)| digest_of(text.as_bytes()) == before.copy);
        self.refresh(name, &before, copy, after)?;
        let changed = if is_same { CatalogChanged::Unchanged } else { CatalogChanged::Updated };
        let mut change = CatalogChange::new(name, changed, Some(before.origin), self.count(name).await);
        change.notes = notes;
        Ok(change)
    }

    /// A record with the cursor itself.
    fn whole(&self, name: &str, record: OriginRecord) -> Result<OriginRecord> {
        let state = self.read_state(name, &record)?;
        Ok(OriginRecord { state, ..record })
    }

    /// What an origin has, if it is not what is known.
    async fn fetch_checked(
        &self,
        name: &str,
        before: &OriginRecord,
        options: &CatalogOptions,
    ) -> Result<Option<New>, Failed> {
        let origin = CatalogOrigin::parse(&before.origin)?;
        let copy = fs::read_optional(&self.catalog(name))?;
        // Of a copy that was edited the source's word says nothing.
        let known = match copy.filter(|text| digest_of(text.as_bytes()) == before.copy) {
            Some(text) => Some(KnownCatalog::new(self.read_state(name, before)?, text)),
            None => None,
        };
        match self.fetch_catalog(&origin, options, known.as_ref()).await? {
            FetchedCatalog::Unchanged if known.is_some() => Ok(None),
            FetchedCatalog::Unchanged => Err(of_nothing().into()),
            FetchedCatalog::Interrupted { state, error } => Err(Failed { error, state: known.map(|_| state) }),
            FetchedCatalog::Catalog { text, state, notes, signature } => {
                let check =
                    |key| accepted(&text, signature.as_deref(), &key, before.signed.as_ref(), options.allow_older);
                let signed = options.verify_key.map(check).transpose()?;
                self.check_names(name, &origin, &parsed(name, &text)?).await?;
                let after = OriginRecord::fetched(&origin, options, state, &text).with_signed(signed);
                let signature = of_its_own(&text, signature.as_deref()).map(str::to_owned);
                Ok(Some(New { text, signature, after, notes }))
            }
        }
    }

    /// Writes what was found out of a catalog, if it is still the one that was asked for; a copy with its signature.
    fn refresh(
        &self,
        name: &str,
        before: &OriginRecord,
        copy: Option<(String, Option<String>)>,
        after: OriginRecord,
    ) -> Result<()> {
        let _lock = fs::FileLock::acquire(&self.catalog_order())?;
        if self.read_origin(name)?.as_ref() != Some(before) {
            return Err(Error::new(ErrorKind::Conflict, format!("catalog `{name}` was changed while it was fetched"))
                .with_hint("run `mcp-gateway catalog sync` again"));
        }
        // Cut off in between, the copy is not the one of the record, and is fetched anew.
        if let Some((text, signature)) = copy {
            fs::write_atomic(&self.catalog(name), text.as_bytes())?;
            self.write_signature(name, signature.as_deref())?;
        }
        let (cursor, after) = after.apart();
        if after.state.cursor != before.state.cursor {
            self.write_cursor(name, cursor.as_deref())?;
        }
        self.write_origin(name, &after)
    }

    /// How many servers the copy of a catalog has.
    async fn count(&self, name: &str) -> usize {
        crate::catalog::FileCatalog::load(self.catalog(name)).await.map_or(0, |report| report.catalog.len())
    }
}
