//! The audit trails of a home: where they are, who signs them, and what changes of profiles leave in them.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::Home;
use super::options::{AuditSource, OpenOptions, ProfileSource};
use crate::audit::{
    AuditEvent, AuditKey, AuditQuery, AuditStore, Durability, MemoryAudit, Overload, Rotation, SqliteAudit,
    SqliteAuditConfig,
};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{ProfileName, ServerName};
use crate::profile::{AuditDurability, AuditSpec, OnOverload, ProfileSpec};
use crate::util::{env_vars, fs};

/// After how many records a checkpoint is signed, where the profile does not say it.
const CHECKPOINT_EVERY: u64 = 1_000;
/// The action of a record about the profile itself.
const CONFIGURED: &str = "config/change";
/// The longest settings that a record of a change holds; of longer ones, their names and their hash are kept.
const MAX_SETTINGS: usize = 32 * 1024;

impl Home {
    /// The file of the key that signs checkpoints.
    pub fn audit_key_file(&self) -> PathBuf {
        self.root().join("audit.key")
    }

    /// The key that signs the checkpoints of every trail of the home; made when there is none yet.
    ///
    /// # Errors
    /// `InvalidConfig` when its file is damaged, `Io`.
    pub fn audit_key(&self) -> Result<AuditKey> {
        AuditKey::open(&self.audit_key_file())
    }

    /// The audit trail of a profile, to be read.
    ///
    /// # Errors
    /// `NotFound` when nothing was recorded yet.
    pub fn audit_trail(&self, profile: &ProfileName) -> Result<Arc<dyn AuditStore>> {
        Ok(Arc::new(SqliteAudit::open_read_only(self.written_audit_file(profile)?)?))
    }

    /// The file of a profile's audit trail, which is there.
    ///
    /// # Errors
    /// `NotFound` when nothing was recorded yet.
    pub fn written_audit_file(&self, profile: &ProfileName) -> Result<PathBuf> {
        let path = self.audit_file(profile);
        if fs::exists(&path) {
            return Ok(path);
        }
        Err(Error::new(ErrorKind::NotFound, format!("nothing was recorded for profile `{profile}` yet"))
            .with_context("file", path.display())
            .with_hint("records begin when the profile's gateway runs or one of its tools is called"))
    }

    /// The audit trail of a profile, to be written as the profile says.
    pub(super) fn audit_of(&self, spec: &ProfileSpec, source: Option<&AuditSource>) -> Result<Arc<dyn AuditStore>> {
        let path = match source {
            Some(AuditSource::Memory) => return Ok(Arc::new(MemoryAudit::new())),
            Some(AuditSource::File(path)) => path.clone(),
            None => self.audit_file(&spec.name),
        };
        Ok(Arc::new(SqliteAudit::open(self.audit_config(path, &spec.name, &spec.audit)?)?))
    }

    fn audit_config(&self, path: PathBuf, profile: &ProfileName, spec: &AuditSpec) -> Result<SqliteAuditConfig> {
        let every = spec.checkpoint_every.unwrap_or(CHECKPOINT_EVERY);
        let rotation = Rotation { bytes: spec.rotate.bytes()?, age: spec.rotate.age()? };
        let mut config = SqliteAuditConfig::new(path)
            .with_checkpoints(profile.clone(), Arc::new(self.audit_key()?), every)
            .with_rotation(rotation)
            .with_durability(match spec.durability {
                AuditDurability::Normal => Durability::Normal,
                AuditDurability::Full => Durability::Full,
            })
            .with_overload(match spec.on_overload {
                OnOverload::Block => Overload::Block,
                OnOverload::Spill => Overload::Spill,
            });
        config.retention = spec.retention()?;
        Ok(config)
    }

    /// Records that an operator made a profile what it is now; `None` is a profile that is not there.
    ///
    /// Nothing is recorded where nothing has changed.
    ///
    /// # Errors
    /// What the trail says; the change itself has happened.
    pub async fn record_change(&self, before: Option<&ProfileSpec>, after: Option<&ProfileSpec>) -> Result<()> {
        let Some(spec) = after.or(before) else { return Ok(()) };
        if before == after {
            return Ok(());
        }
        let store = self.audit_of(spec, None)?;
        let none = ProfileSpec::new(spec.name.clone());
        let known: BTreeSet<ServerName> = before.iter().flat_map(|spec| spec.servers.keys()).cloned().collect();
        let how = json!({"by": "command line", "user": user()});
        append_change(store.as_ref(), &known, after.unwrap_or(&none), after.is_none(), how).await
    }
}

/// Records what a gateway is opened with, where that is not what was recorded last: profiles are files, which anybody
/// may edit.
pub(super) async fn record_opened(
    home: &Home,
    options: &OpenOptions,
    store: &dyn AuditStore,
    name: &ProfileName,
) -> Result<()> {
    // What the options add is for this run, and in the records of its servers.
    let spec = match &options.profile {
        Some(ProfileSource::Spec(spec)) => ProfileSpec::clone(spec),
        _ => home.profile_or_empty(name).await?,
    };
    let mut query = AuditQuery::newest(1);
    query.action = Some(CONFIGURED.to_owned());
    let last = store.query(&query).await?.pop().and_then(|record| record.event.detail);
    let said = |key: &str| last.as_ref().and_then(|detail| detail.get(key));
    if said("digest").and_then(Value::as_str) == Some(digest(&spec).as_str()) {
        return Ok(());
    }
    let known = said("servers").and_then(Value::as_array).into_iter().flatten();
    let known = known.filter_map(Value::as_str).filter_map(|name| ServerName::new(name).ok()).collect();
    append_change(store, &known, &spec, false, json!({"by": "found when the gateway was opened", "user": user()})).await
}

/// One record for each server that came or went, and one for the profile.
async fn append_change(
    store: &dyn AuditStore,
    known: &BTreeSet<ServerName>,
    spec: &ProfileSpec,
    is_deleted: bool,
    how: Value,
) -> Result<()> {
    let event = |action: &str| AuditEvent::new(spec.name.clone(), "operator", action);
    for (server, settings) in spec.servers.iter().filter(|(server, _)| !known.contains(*server)) {
        let mut event = event("server/add");
        event.server = Some(server.clone());
        event.detail = Some(with(&how, "settings", bounded(settings.to_record())));
        store.append(event).await?;
    }
    for server in known.iter().filter(|server| !spec.servers.contains_key(*server)) {
        let mut event = event("server/remove");
        event.server = Some(server.clone());
        event.detail = Some(how.clone());
        store.append(event).await?;
    }
    let names: Vec<&str> = spec.servers.keys().map(ServerName::as_str).collect();
    let mut detail = with(&with(&how, "digest", json!(digest(spec))), "servers", json!(names));
    if is_deleted {
        detail = with(&detail, "deleted", json!(true));
    } else {
        detail = with(&detail, "profile", bounded(spec.to_record()));
    }
    let mut event = event(CONFIGURED);
    event.detail = Some(detail);
    store.append(event).await.map(|_| ())
}

fn bounded(value: Value) -> Value {
    let bytes = value.to_string().len();
    if bytes > MAX_SETTINGS { json!(format!("left out: {bytes} bytes")) } else { value }
}

fn with(detail: &Value, key: &str, value: Value) -> Value {
    let mut detail = detail.clone();
    if let Value::Object(detail) = &mut detail {
        detail.insert(key.to_owned(), value);
    }
    detail
}

/// What a profile says, by its hash.
fn digest(spec: &ProfileSpec) -> String {
    let text = serde_json::to_string(spec).unwrap_or_default();
    format!("sha256:{}", hex::encode(Sha256::digest(text)))
}

/// The user of this process, as its environment says.
pub(super) fn user() -> Option<String> {
    env_vars::get("USER").or_else(|| env_vars::get("LOGNAME")).or_else(|| env_vars::get("USERNAME"))
}
