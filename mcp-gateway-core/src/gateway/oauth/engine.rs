//! The tokens of all servers of a gateway.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::credential::Credentials;
use super::settings::OAuthServer;
use super::tokens::ServerTokens;
use crate::error::Result;
use crate::gateway::hub::Body;
use crate::model::{ProfileName, ServerName};
use crate::runtime::RemotePlan;
use crate::secrets::SecretBroker;
use crate::transport::client::Authorization;

/// The tokens of all servers of a gateway; each server's are one value, whatever connections it has.
#[derive(Debug)]
pub(crate) struct OAuth {
    profile: ProfileName,
    credentials: Arc<Credentials>,
    servers: Mutex<HashMap<ServerName, Arc<ServerTokens>>>,
}

impl OAuth {
    /// Nothing is read yet.
    pub(crate) fn new(profile: ProfileName, secrets: Arc<dyn SecretBroker>) -> Self {
        let credentials = Arc::new(Credentials::new(profile.clone(), secrets));
        Self { profile, credentials, servers: Mutex::default() }
    }

    /// Who gives tokens for a connection; `None` where the operator's own header says who the gateway is.
    ///
    /// # Errors
    /// `InvalidConfig` when the settings cannot be right.
    pub(crate) fn authorization(&self, body: &Body, plan: &RemotePlan) -> Result<Option<Arc<dyn Authorization>>> {
        if plan.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("authorization")) {
            return Ok(None);
        }
        Ok(Some(self.tokens(body, plan)?))
    }

    /// The tokens of a server; they begin anew when its settings have changed.
    pub(super) fn tokens(&self, body: &Body, plan: &RemotePlan) -> Result<Arc<ServerTokens>> {
        let server = OAuthServer::of(&self.profile, body, plan)?;
        let mut servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = servers.get(&server.name).filter(|known| known.server == server) {
            return Ok(Arc::clone(known));
        }
        let tokens = ServerTokens::new(server, Arc::clone(&self.credentials))?;
        servers.insert(tokens.server.name.clone(), Arc::clone(&tokens));
        Ok(tokens)
    }
}
