//! What keeps secrets.

use std::sync::Arc;

use super::Home;
use crate::error::Result;
use crate::secrets::{AgeBroker, AgeBrokerConfig, BrokerOptions, ChainBroker, SecretBroker, open};

impl Home {
    /// The stores that are named, in their order, then the home's own encrypted file.
    ///
    /// # Errors
    /// As [`secrets::open`](crate::secrets::open), and what the encrypted file says.
    pub fn secrets(&self, stores: &[String]) -> Result<Arc<dyn SecretBroker>> {
        let mut brokers = self.secret_stores(stores)?;
        Ok(if brokers.len() == 1 { brokers.remove(0) } else { Arc::new(ChainBroker::new(brokers)) })
    }

    /// Each of the stores that are named, in their order, then the home's own encrypted file.
    pub(super) fn secret_stores(&self, stores: &[String]) -> Result<Vec<Arc<dyn SecretBroker>>> {
        let options = BrokerOptions::from_env();
        let mut brokers = stores.iter().map(|spec| open(spec, &options)).collect::<Result<Vec<_>>>()?;
        brokers.push(Arc::new(self.own_secrets()?));
        Ok(brokers)
    }

    /// The home's own encrypted file.
    ///
    /// # Errors
    /// `InvalidInput` when `MCP_GATEWAY_SECRETS_PASSPHRASE` is empty.
    pub fn own_secrets(&self) -> Result<AgeBroker> {
        let (options, own) = (BrokerOptions::from_env(), AgeBrokerConfig::new(self.secrets_file()));
        AgeBroker::new(match options.passphrase {
            Some(passphrase) => own.with_passphrase(passphrase),
            None => own.with_identity(options.identity.unwrap_or_else(|| self.identity_file())),
        })
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
}
