//! What is kept of an authorization: one secret for each server of a profile.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::settings::OAuthServer;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{ProfileName, SecretValue, ServerName};
use crate::secrets::{SecretBroker, SecretKey};

/// How long before its end a token counts as expired, in milliseconds: a call may be on its way for a while.
const MARGIN: i64 = 30_000;

/// The client that a server's tokens belong to, and the tokens; all of them those of one issuer.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Credential {
    /// The address that the tokens were got for; they are sent nowhere else.
    pub(super) server: String,
    /// Who gave them.
    pub(super) issuer: String,
    /// What they are good for, RFC 8707.
    pub(super) resource: String,
    pub(super) client: Client,
    #[serde(default)]
    pub(super) tokens: Option<Tokens>,
    /// Scopes that a call was refused for the lack of.
    #[serde(default)]
    pub(super) wanted: Vec<String>,
}

/// A client of an authorization server.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Client {
    pub(super) id: String,
    pub(super) origin: ClientOrigin,
    /// Of a client that registered itself; that of a configured one is where the operator keeps it.
    #[serde(default, with = "exposed", skip_serializing_if = "Option::is_none")]
    pub(super) secret: Option<SecretValue>,
    pub(super) method: ClientMethod,
    pub(super) redirect_uri: String,
    /// The scopes that a client has registered itself for; some authorization servers give no others.
    #[serde(default)]
    pub(super) scopes: Vec<String>,
}

/// Where a client comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum ClientOrigin {
    /// The operator registered it.
    Configured,
    /// Its id is the address of its metadata.
    Document,
    /// It registered itself.
    Registered,
}

/// How a client proves who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ClientMethod {
    /// It cannot.
    None,
    /// By its secret in a header.
    ClientSecretBasic,
    /// By its secret in the body.
    ClientSecretPost,
}

/// An access token with what belongs to it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Tokens {
    #[serde(with = "exposed_one")]
    pub(super) access: SecretValue,
    #[serde(default, with = "exposed", skip_serializing_if = "Option::is_none")]
    pub(super) refresh: Option<SecretValue>,
    /// When it ends, in milliseconds since the Unix epoch; `None` where the server does not say.
    #[serde(default)]
    pub(super) expires: Option<i64>,
    pub(super) scopes: Vec<String>,
}

impl Tokens {
    /// Whether the token will not last for a call.
    pub(super) fn is_spent(&self, now: i64) -> bool {
        self.expires.is_some_and(|end| now >= end.saturating_sub(MARGIN))
    }

    /// Whether the token has ended.
    pub(super) fn has_ended(&self, now: i64) -> bool {
        self.expires.is_some_and(|end| now >= end)
    }
}

impl Credential {
    /// Whether it is of this server, its issuer and its client as they are configured now.
    pub(super) fn fits(&self, server: &OAuthServer) -> bool {
        let is_client = match (&server.spec.client_id, self.client.origin) {
            (Some(id), origin) => origin == ClientOrigin::Configured && self.client.id == *id,
            (None, origin) => origin != ClientOrigin::Configured,
        };
        let is_issuer =
            server.spec.issuer.as_deref().is_none_or(|only| super::metadata::same_issuer(only, &self.issuer));
        self.server == server.resource() && is_client && is_issuer
    }
}

/// Keeps credentials with the secrets; where those cannot be written, in memory.
#[derive(Debug)]
pub(super) struct Credentials {
    profile: ProfileName,
    broker: Arc<dyn SecretBroker>,
    /// What the broker did not take.
    unkept: Mutex<HashMap<ServerName, Credential>>,
}

impl Credentials {
    pub(super) fn new(profile: ProfileName, broker: Arc<dyn SecretBroker>) -> Self {
        Self { profile, broker, unkept: Mutex::default() }
    }

    pub(super) fn broker(&self) -> &dyn SecretBroker {
        self.broker.as_ref()
    }

    /// What is kept for a server; what cannot be read counts as nothing, with a warning.
    ///
    /// # Errors
    /// What the broker says.
    pub(super) async fn load(&self, server: &ServerName) -> Result<Option<Credential>> {
        if let Some(credential) = self.locked().get(server) {
            return Ok(Some(credential.clone()));
        }
        let key = self.key(server)?;
        let Some(value) = self.broker.get(&key).await? else { return Ok(None) };
        match serde_json::from_str(value.expose()) {
            Ok(credential) => Ok(Some(credential)),
            Err(_) => {
                // What the parser says could quote the text.
                tracing::warn!(%key, "what is kept as an authorization is none and counts as nothing");
                Ok(None)
            }
        }
    }

    /// Keeps a credential; says whether it outlives this process.
    pub(super) async fn save(&self, server: &ServerName, credential: &Credential) -> bool {
        let kept = async {
            let key = self.key(server)?;
            let text = serde_json::to_string(credential)
                .map_err(|_| Error::new(ErrorKind::Internal, "an authorization has no JSON form"))?;
            self.broker.set(&key, SecretValue::new(text)).await
        };
        match kept.await {
            Ok(()) => {
                self.locked().remove(server);
                true
            }
            Err(error) => {
                tracing::warn!(%server, error = %error.report(), "tokens are kept in memory only");
                self.locked().insert(server.clone(), credential.clone());
                false
            }
        }
    }

    /// Forgets a credential.
    ///
    /// # Errors
    /// What the broker says; one that cannot be written and holds nothing is no failure.
    pub(super) async fn forget(&self, server: &ServerName) -> Result<()> {
        self.locked().remove(server);
        let key = self.key(server)?;
        match self.broker.delete(&key).await {
            Err(error) if error.kind() == ErrorKind::Unsupported && self.broker.get(&key).await?.is_none() => Ok(()),
            done => done,
        }
    }

    fn key(&self, server: &ServerName) -> Result<SecretKey> {
        Ok(SecretKey::new(SecretKey::OAUTH)?.for_profile(self.profile.clone()).for_server(server.clone()))
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<ServerName, Credential>> {
        self.unkept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Secrets as the text that is handed to the broker, and to nothing else.
mod exposed {
    use serde::{Deserialize as _, Deserializer, Serializer};

    use crate::model::SecretValue;

    #[expect(clippy::ref_option, reason = "serde asks for a reference to the field")]
    pub(super) fn serialize<S: Serializer>(value: &Option<SecretValue>, serializer: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => serializer.serialize_some(value.expose()),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SecretValue>, D::Error> {
        Ok(Option::<String>::deserialize(deserializer)?.map(SecretValue::new))
    }
}

/// As `exposed`, for a value that is always there.
mod exposed_one {
    use serde::{Deserialize as _, Deserializer, Serializer};

    use crate::model::SecretValue;

    pub(super) fn serialize<S: Serializer>(value: &SecretValue, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(value.expose())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SecretValue, D::Error> {
        Ok(SecretValue::new(String::deserialize(deserializer)?))
    }
}
