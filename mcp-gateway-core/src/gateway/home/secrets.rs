//! The secrets that the stores of a home hold: which there are, and changes of them, which leave records.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value, json};

use super::Home;
use super::trail::user;
use crate::audit::{AuditEvent, AuditQuery, AuditStore};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{ProfileName, SecretValue, ServerName};
use crate::profile::ProfileSpec;
use crate::secrets::{self, ChainBroker, SecretBroker as _, SecretKey};
use crate::util::{clock, fs};

/// How many records of uses are read at a time.
const PAGE: usize = 10_000;

/// The actions of records: a server is given a secret; an operator keeps one, forgets one, encrypts the store anew.
const USED: &str = "secret/use";
const SET: &str = "secret/set";
const REMOVED: &str = "secret/remove";
const ROTATED: &str = "secret/rotate";

/// A secret that a store holds; its name, never its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SecretStatus {
    /// Its key: `name`, `profile//name`, `/server/name` or `profile/server/name`.
    pub key: String,
    /// The profile that it is for; every one where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<ProfileName>,
    /// The server that it is for; every one where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<ServerName>,
    /// Its name.
    pub name: String,
    /// The store that holds it.
    pub store: String,
    /// Whether a store that is asked earlier holds the same key, so that this one is given to nobody.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub hidden: bool,
    /// Until when it is good, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// Whether that is over.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub expired: bool,
    /// When a server was last given it, as far as the audit trails of the home tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_use: Option<SecretUsed>,
}

/// When a secret was last given to a server, and to which.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SecretUsed {
    /// When, RFC 3339.
    pub time: String,
    /// In which profile.
    pub profile: ProfileName,
    /// To which server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<ServerName>,
}

impl SecretUsed {
    /// The time to the second and who was given it, for people.
    pub fn shown(&self) -> String {
        let second = self.time.split('.').next().unwrap_or(&self.time).replace('T', " ");
        match &self.server {
            Some(server) => format!("{second} {}/{server}", self.profile),
            None => format!("{second} {}", self.profile),
        }
    }
}

impl Home {
    /// The secrets that the named stores and the home's own name, in the order in which the stores are asked.
    ///
    /// # Errors
    /// As [`secrets`](Self::secrets), and what stores and audit trails say.
    pub async fn list_secrets(&self, stores: &[String]) -> Result<Vec<SecretStatus>> {
        let members = self.secret_stores(stores)?;
        let mut named = Vec::new();
        for store in &members {
            let keys = store.list().await?;
            named.extend(keys.into_iter().map(|key| (store.name(), key)));
        }
        let chain = ChainBroker::new(members);
        // Asked for only where there is one: a store may take long to answer.
        let (expiries, named): (Vec<_>, Vec<_>) = named.into_iter().partition(|(_, key)| key.is_expiry());
        let expiries: BTreeSet<_> = expiries.into_iter().map(|(_, key)| key.to_string()).collect();
        let (mut found, mut seen) = (Vec::new(), BTreeSet::new());
        for (store, key) in named {
            let expires = expiries.contains(&secrets::expiry_key(&key));
            let until = if expires { secrets::expiry(&chain, &key).await? } else { None };
            found.push(SecretStatus {
                key: key.to_string(),
                hidden: !seen.insert(key.clone()),
                profile: key.profile,
                server: key.server,
                name: key.name,
                store,
                expires: until.map(clock::rfc3339),
                expired: until.is_some_and(|until| until <= clock::now_millis()),
                last_use: None,
            });
        }
        let wanted = found.iter().map(|secret| secret.key.clone()).collect();
        let mut uses = self.last_uses(wanted).await?;
        for secret in found.iter_mut().filter(|secret| !secret.hidden) {
            secret.last_use = uses.remove(&secret.key);
        }
        Ok(found)
    }

    /// When secrets were last given to a server, by their keys.
    pub async fn last_uses(&self, wanted: BTreeSet<String>) -> Result<HashMap<String, SecretUsed>> {
        let mut last: HashMap<String, (i64, SecretUsed)> = HashMap::new();
        for profile in self.recorded_profiles()? {
            let trail = self.audit_trail(&profile)?;
            let mut missing = wanted.clone();
            let mut query = AuditQuery { action: Some(USED.to_owned()), ..AuditQuery::newest(PAGE) };
            while !missing.is_empty() {
                let records = trail.query(&query).await?;
                let Some(first) = records.first().map(|record| record.sequence) else { break };
                for event in records.into_iter().rev().map(|record| record.event) {
                    let key = event.detail.as_ref().and_then(|detail| detail.get("key")).and_then(Value::as_str);
                    let Some(key) = key.filter(|key| missing.remove(*key)) else { continue };
                    if last.get(key).is_none_or(|(time, _)| *time < event.time) {
                        let (time, profile) = (clock::rfc3339(event.time), profile.clone());
                        last.insert(key.to_owned(), (event.time, SecretUsed { time, profile, server: event.server }));
                    }
                }
                query.before = Some(first);
            }
        }
        Ok(last.into_iter().map(|(key, (_, used))| (key, used)).collect())
    }

    /// Keeps a secret in the first of the stores that can be written to, and records that.
    ///
    /// `by` says for the record what did it, such as `command line`.
    ///
    /// # Behavior
    /// - A secret of one profile is recorded in its trail, one of every profile in each trail that the home has; a profile
    ///   without a trail gets none by this.
    ///
    /// # Errors
    /// As [`secrets::keep`]; what a trail says: when it cannot be opened, nothing is kept.
    pub async fn set_secret(
        &self,
        stores: &[String],
        key: &SecretKey,
        value: SecretValue,
        until: Option<i64>,
        by: &str,
    ) -> Result<()> {
        let (broker, trails) = (self.secrets(stores)?, self.trails_of(key.profile.as_ref()).await?);
        secrets::keep(broker.as_ref(), key, value, until).await?;
        let store = broker.find(key).await?.map(|found| found.store);
        let detail = json!({"key": key.to_string(), "store": store, "expires": until.map(clock::rfc3339)});
        record(&trails, SET, Some(key), detail, by).await
    }

    /// Forgets a secret, and records that as [`set_secret`](Self::set_secret) does.
    ///
    /// # Errors
    /// `NotFound` when no store names it; as [`secrets::forget`]; what a trail says: when it cannot be opened, nothing is
    /// forgotten.
    pub async fn remove_secret(&self, stores: &[String], key: &SecretKey, by: &str) -> Result<()> {
        let (broker, trails) = (self.secrets(stores)?, self.trails_of(key.profile.as_ref()).await?);
        if !broker.list().await?.contains(key) {
            return Err(Error::new(ErrorKind::NotFound, format!("no secret `{key}` is stored"))
                .with_context("store", broker.name())
                .with_hint("run `mcp-gateway secret ls` to see what is stored"));
        }
        secrets::forget(broker.as_ref(), key).await?;
        record(&trails, REMOVED, Some(key), json!({"key": key.to_string(), "store": broker.name()}), by).await
    }

    /// Encrypts the home's own store anew, to a new key or with a new passphrase, and records that in each trail that the
    /// home has; gives the store's name.
    ///
    /// # Errors
    /// As [`AgeBroker::rotate`](secrets::AgeBroker::rotate); what a trail says: when it cannot be opened, nothing is changed.
    pub async fn rotate_secrets(&self, passphrase: Option<SecretValue>, by: &str) -> Result<String> {
        let (broker, trails) = (self.own_secrets()?, self.trails_of(None).await?);
        let to = if passphrase.is_some() { "passphrase" } else { "key" };
        broker.rotate(passphrase).await?;
        record(&trails, ROTATED, None, json!({"store": broker.name(), "to": to}), by).await?;
        Ok(broker.name())
    }

    /// The profiles that have an audit trail.
    fn recorded_profiles(&self) -> Result<Vec<ProfileName>> {
        let files = fs::list(&self.audit_folder(), &["sqlite"])?;
        let names = files.iter().filter_map(|file| file.file_stem().and_then(|name| name.to_str()));
        Ok(names.filter_map(|name| ProfileName::new(name).ok()).collect())
    }

    /// The trails in which a change of what is a profile's, or everybody's, is recorded.
    pub(super) async fn trails_of(
        &self,
        profile: Option<&ProfileName>,
    ) -> Result<Vec<(ProfileName, Arc<dyn AuditStore>)>> {
        let mut trails = Vec::new();
        for name in self.recorded_profiles()? {
            if profile.is_some_and(|profile| *profile != name) {
                continue;
            }
            let spec = match self.profile_or_empty(&name).await {
                // One that a host keeps in its own code, or that was deleted.
                Err(error) if error.kind() == ErrorKind::NotFound => ProfileSpec::new(name.clone()),
                spec => spec?,
            };
            trails.push((name, self.audit_of(&spec, None)?));
        }
        Ok(trails)
    }
}

pub(super) async fn record(
    trails: &[(ProfileName, Arc<dyn AuditStore>)],
    action: &str,
    key: Option<&SecretKey>,
    mut detail: Value,
    by: &str,
) -> Result<()> {
    if let Value::Object(detail) = &mut detail {
        detail.retain(|_, value| !value.is_null());
        detail.insert("by".to_owned(), by.into());
        detail.extend(user().map(|user| ("user".to_owned(), user.into())));
    }
    for (profile, trail) in trails {
        let mut event = AuditEvent::new(profile.clone(), "operator", action);
        event.server = key.and_then(|key| key.server.clone());
        event.name = key.map(|key| key.name.clone());
        event.detail = Some(detail.clone());
        trail.append(event).await.map_err(|error| error.with_hint("the change itself has happened"))?;
    }
    Ok(())
}
