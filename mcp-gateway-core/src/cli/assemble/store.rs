//! What keeps secrets and records.

use std::sync::Arc;

use crate::audit::{AuditStore, SqliteAudit, SqliteAuditConfig};
use crate::cli::Env;
use crate::cli::args::SecretArgs;
use crate::error::{Error, ErrorKind, Result};
use crate::model::ProfileName;
use crate::secrets::{AgeBroker, AgeBrokerConfig, BrokerOptions, ChainBroker, SecretBroker, open};
use crate::util::fs;

/// The stores that flags name, in their order, then the home's own encrypted file.
pub(crate) fn secrets(env: &Env, args: &SecretArgs) -> Result<Arc<dyn SecretBroker>> {
    let options = BrokerOptions::from_env();
    let mut brokers = args.stores.iter().map(|spec| open(spec, &options)).collect::<Result<Vec<_>>>()?;
    let mut own = AgeBrokerConfig::new(env.home.secrets());
    own = match options.passphrase {
        Some(passphrase) => own.with_passphrase(passphrase),
        None => own.with_identity(options.identity.unwrap_or_else(|| env.home.identity())),
    };
    let own: Arc<dyn SecretBroker> = Arc::new(AgeBroker::new(own)?);
    if brokers.is_empty() {
        return Ok(own);
    }
    brokers.push(own);
    Ok(Arc::new(ChainBroker::new(brokers)))
}

/// The audit trail of a profile, to be read.
///
/// # Errors
/// `NotFound` when nothing was recorded yet.
pub(crate) fn audit_trail(env: &Env, profile: &ProfileName) -> Result<Arc<dyn AuditStore>> {
    let path = env.home.audit(profile);
    if !fs::exists(&path) {
        return Err(Error::new(ErrorKind::NotFound, format!("nothing was recorded for profile `{profile}` yet"))
            .with_context("file", path.display())
            .with_hint("records begin when the profile's gateway runs or one of its tools is called"));
    }
    Ok(Arc::new(SqliteAudit::open_read_only(path)?))
}

/// The audit trail of a profile, to be written.
pub(crate) fn audit(env: &Env, profile: &ProfileName) -> Result<Arc<dyn AuditStore>> {
    Ok(Arc::new(SqliteAudit::open(SqliteAuditConfig::new(env.home.audit(profile)))?))
}
