//! What keeps secrets and records.

use std::sync::Arc;

use super::Home;
use super::options::AuditSource;
use crate::audit::{AuditStore, MemoryAudit, SqliteAudit, SqliteAuditConfig};
use crate::error::{Error, ErrorKind, Result};
use crate::model::ProfileName;
use crate::secrets::{AgeBroker, AgeBrokerConfig, BrokerOptions, ChainBroker, SecretBroker, open};
use crate::util::fs;

impl Home {
    /// The stores that are named, in their order, then the home's own encrypted file.
    ///
    /// # Errors
    /// As [`secrets::open`](crate::secrets::open), and what the encrypted file says.
    pub fn secrets(&self, stores: &[String]) -> Result<Arc<dyn SecretBroker>> {
        let options = BrokerOptions::from_env();
        let mut brokers = stores.iter().map(|spec| open(spec, &options)).collect::<Result<Vec<_>>>()?;
        let mut own = AgeBrokerConfig::new(self.secrets_file());
        own = match options.passphrase {
            Some(passphrase) => own.with_passphrase(passphrase),
            None => own.with_identity(options.identity.unwrap_or_else(|| self.identity_file())),
        };
        let own: Arc<dyn SecretBroker> = Arc::new(AgeBroker::new(own)?);
        if brokers.is_empty() {
            return Ok(own);
        }
        brokers.push(own);
        Ok(Arc::new(ChainBroker::new(brokers)))
    }

    /// A host's own broker, then the stores that are named.
    pub(super) fn secrets_after(
        &self,
        host: Arc<dyn SecretBroker>,
        stores: &[String],
    ) -> Result<Arc<dyn SecretBroker>> {
        if stores.is_empty() {
            return Ok(host);
        }
        let options = BrokerOptions::from_env();
        let mut brokers = vec![host];
        for spec in stores {
            brokers.push(open(spec, &options)?);
        }
        Ok(Arc::new(ChainBroker::new(brokers)))
    }

    /// The audit trail of a profile, to be read.
    ///
    /// # Errors
    /// `NotFound` when nothing was recorded yet.
    pub fn audit_trail(&self, profile: &ProfileName) -> Result<Arc<dyn AuditStore>> {
        let path = self.audit_file(profile);
        if !fs::exists(&path) {
            return Err(Error::new(ErrorKind::NotFound, format!("nothing was recorded for profile `{profile}` yet"))
                .with_context("file", path.display())
                .with_hint("records begin when the profile's gateway runs or one of its tools is called"));
        }
        Ok(Arc::new(SqliteAudit::open_read_only(path)?))
    }

    /// The audit trail of a profile, to be written.
    pub(super) fn audit_of(&self, profile: &ProfileName, source: Option<&AuditSource>) -> Result<Arc<dyn AuditStore>> {
        let path = match source {
            Some(AuditSource::Memory) => return Ok(Arc::new(MemoryAudit::new())),
            Some(AuditSource::File(path)) => path.clone(),
            None => self.audit_file(profile),
        };
        Ok(Arc::new(SqliteAudit::open(SqliteAuditConfig::new(path))?))
    }
}
