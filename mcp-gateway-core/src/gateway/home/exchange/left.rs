//! What is left to do with a profile that came from another home.

use super::{Imported, ImportedSecret, ImportedServer, PinState};
use crate::catalog::fingerprint;
use crate::error::Result;
use crate::gateway::home::Home;
use crate::model::{Digest, Effect, ProfileName, VerifyMode};
use crate::profile::{NeededSecret, NetworkSpec, NetworkWord, ProfileBundle, ProfileSpec};
use crate::secrets::SecretKey;

impl Home {
    /// What is left to do with a profile that was taken over.
    pub(super) async fn report(&self, bundle: ProfileBundle, digest: Digest) -> Imported {
        let (spec, lock) = (&bundle.profile, &bundle.lock);
        let mut warnings = Vec::new();
        let catalog = match self.catalog_of(&[], &spec.catalogs).await {
            Ok((catalog, _)) => Some(catalog),
            Err(error) => {
                if !spec.servers.is_empty() {
                    warnings.push(format!("its servers cannot be looked up here: {}", error.report()));
                }
                None
            }
        };
        let mut servers = Vec::new();
        for name in spec.servers.keys() {
            let entry = match &catalog {
                Some(catalog) => catalog.get(name).await.ok().flatten(),
                None => None,
            };
            let pinned = lock.servers.get(name);
            let pin = match (&entry, pinned) {
                (None, _) => PinState::Missing,
                (Some(_), None) => PinState::Unpinned,
                (Some(entry), Some(pinned)) if fingerprint(entry) == pinned.entry => PinState::Pinned,
                (Some(_), Some(_)) => PinState::OtherEntry,
            };
            match pin {
                PinState::Missing => warnings.push(format!("server `{name}` is in no catalog of this home")),
                PinState::OtherEntry => warnings.push(format!(
                    "the catalogs of this home say something else about server `{name}`: its pin does not count"
                )),
                PinState::Pinned | PinState::Unpinned => {}
            }
            let tools = pinned.and_then(|pinned| pinned.surface.as_ref()).map_or(0, |surface| surface.tools.len());
            let digest = pinned.and_then(|pinned| pinned.digest.clone());
            servers.push(ImportedServer { server: name.clone(), pin, digest, tools });
        }
        warnings.extend(powers(spec));
        if !spec.policy.cedar.is_empty() {
            warnings
                .push(format!("its policy needs files that do not travel with it: {}", spec.policy.cedar.join(", ")));
        }
        // What the catalogs here say counts before what the bundle says: it is these entries that run.
        let needed = self.needed_secrets(spec).await.unwrap_or_default();
        let known =
            |secret: &NeededSecret| needed.iter().any(|own| own.server == secret.server && own.key == secret.key);
        let others: Vec<_> = bundle.secrets.iter().filter(|secret| !known(secret)).cloned().collect();
        let mut secrets = Vec::new();
        for secret in needed.into_iter().chain(others) {
            let (set, command) = (self.is_set(&spec.name, &secret).await, secret.command(&spec.name));
            secrets.push(ImportedSecret { secret, set, command });
        }
        Imported { profile: spec.name.clone(), digest: Some(digest), reference: None, servers, secrets, warnings }
    }

    /// The secrets that a profile needs, by what the catalogs here say about its servers.
    pub(super) async fn needed_secrets(&self, spec: &ProfileSpec) -> Result<Vec<NeededSecret>> {
        let mut needed = Vec::new();
        if let Some(webhook) = &spec.approval.webhook {
            let mut secret = NeededSecret::new(None, webhook.secret.as_str());
            secret.why = Some("signs the questions to the program that is asked for approvals".to_owned());
            needed.push(secret);
        }
        if spec.servers.is_empty() {
            return Ok(needed);
        }
        let (catalog, _) = self.catalog_of(&[], &spec.catalogs).await?;
        for (name, settings) in &spec.servers {
            let entry = catalog.get(name).await?;
            for declared in entry.iter().flat_map(|entry| &entry.secrets) {
                let variable = if declared.env.is_empty() { &declared.name } else { &declared.env };
                let key = settings.secrets.get(variable);
                let mut secret =
                    NeededSecret::new(key.is_none().then(|| name.clone()), key.unwrap_or(variable).as_str());
                secret.env.clone_from(&declared.env);
                secret.required = declared.required != Some(false);
                let why = declared.extra.get("description").and_then(serde_json::Value::as_str);
                secret.why = why.map(str::to_owned).or_else(|| key.map(|_| format!("server {name}")));
                needed.push(secret);
            }
            if let Some(key) = settings.oauth.as_ref().and_then(|oauth| oauth.client_secret.as_ref()) {
                let mut secret = NeededSecret::new(None, key.as_str());
                secret.why = Some(format!("the client of server {name} at its authorization server"));
                needed.push(secret);
            }
        }
        Ok(needed)
    }

    /// Whether a secret is stored; a store that cannot be asked has none.
    async fn is_set(&self, profile: &ProfileName, secret: &NeededSecret) -> bool {
        let Ok(broker) = self.secrets(&[]) else { return false };
        let Ok(name) = SecretKey::new(secret.key.as_str()) else { return false };
        let own = name.clone().for_profile(profile.clone());
        let keys = match &secret.server {
            Some(server) => {
                vec![own.clone().for_server(server.clone()), own, name.clone().for_server(server.clone()), name]
            }
            None => vec![own, name],
        };
        for key in keys {
            if matches!(broker.get(&key).await, Ok(Some(_))) {
                return true;
            }
        }
        false
    }
}

/// What a profile allows on this machine that somebody should have looked at: it was written elsewhere.
fn powers(spec: &ProfileSpec) -> Vec<String> {
    let mut powers = Vec::new();
    for (name, server) in &spec.servers {
        let mut of_server = Vec::new();
        if server.network == Some(NetworkSpec::Word(NetworkWord::Open)) {
            of_server.push("reach every address".to_owned());
        }
        if server.allow_private {
            of_server.push("reach addresses of this machine and its network".to_owned());
        }
        if !server.writable.is_empty() {
            of_server.push(format!("write to {}", server.writable.join(", ")));
        }
        if server.verify == Some(VerifyMode::Off) {
            of_server.push("run without a signature, whatever its catalog says".to_owned());
        }
        if !of_server.is_empty() {
            powers.push(format!("the profile lets server `{name}` {}", of_server.join(", and ")));
        }
    }
    if spec.policy.default == Some(Effect::Allow) {
        powers.push("the profile allows every request that none of its rules covers".to_owned());
    }
    if spec.dynamic.enabled {
        powers.push("the profile lets agents find and add servers by themselves, as its policy says".to_owned());
    }
    if let Some(webhook) = &spec.approval.webhook {
        powers.push(format!("the profile has confirmations asked of {}", webhook.url));
    }
    powers
}
