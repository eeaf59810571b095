//! Which secrets a server lacks, and under which key each would be kept.

use serde_json::Value;

use crate::error::Result;
use crate::gateway::hub::Body;
use crate::model::ProfileName;
use crate::secrets::{SecretBroker, SecretKey};

/// A secret that a server cannot start without and that no store holds.
#[derive(Clone, Debug)]
pub(super) struct Lacking {
    /// The catalog's name for it.
    pub(super) name: String,
    pub(super) description: Option<String>,
    /// Where it is looked for; the first one is where it is kept.
    keys: Vec<SecretKey>,
}

impl Lacking {
    /// The key under which it is kept: the profile's own word for it, else the one of this server of this profile alone.
    pub(super) fn key(&self) -> Option<&SecretKey> {
        self.keys.first()
    }

    /// Whether a store holds it by now, though it may have expired: what is there is never replaced.
    pub(super) async fn is_held(&self, secrets: &dyn SecretBroker) -> Result<bool> {
        for key in &self.keys {
            if secrets.get(key).await?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// The secrets that a server lacks, each once.
///
/// # Errors
/// `InvalidInput` for a key in the profile that is none, and what the store says.
pub(super) async fn lacking(secrets: &dyn SecretBroker, profile: &ProfileName, body: &Body) -> Result<Vec<Lacking>> {
    let (entry, own) = (&body.entry, &body.spec.secrets);
    let mut all: Vec<Lacking> = Vec::new();
    for secret in &entry.secrets {
        let keys = match own.get(&secret.env).or_else(|| own.get(&secret.name)) {
            // Where the profile says a key, the server does not start without it, whatever the catalog says.
            Some(key) => vec![SecretKey::parse(key)?],
            None if secret.required == Some(false) => continue,
            None => SecretKey::candidates(profile, &entry.name, secret),
        };
        // Tokens of the gateway's own are nothing to be typed.
        let Some(first) = keys.first().filter(|key| key.name != SecretKey::OAUTH && !key.is_expiry()) else { continue };
        if all.iter().any(|other| other.key() == Some(first)) {
            continue;
        }
        let description = secret.extra.get("description").and_then(Value::as_str).map(str::to_owned);
        let name = if secret.name.is_empty() { &secret.env } else { &secret.name };
        let lacking = Lacking { name: name.clone(), description, keys };
        if !lacking.is_held(secrets).await? {
            all.push(lacking);
        }
    }
    Ok(all)
}
