//! A profile that travels: what a person wrote, what was pinned, and which secrets are needed.

use serde::{Deserialize, Serialize};

use super::validate::faults;
use super::{ProfileLock, ProfileSpec, SurfacePin};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Digest, ProfileName, ServerName, find_tokens};
use crate::protocol::RawJson;

/// What a bundle says it is.
const FORMAT: &str = "mcp-gateway/profile/v1";

/// A profile for another home.
///
/// # Behavior
/// - It never holds a secret's value; it says which secrets are needed, and for what.
/// - Its digest is over what it says, in a canonical form: another order or another layout is the same bundle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct ProfileBundle {
    /// What a person wrote.
    pub profile: ProfileSpec,
    /// What was pinned for it: digests, surfaces and names.
    #[serde(default)]
    pub lock: ProfileLock,
    /// The secrets that its servers need.
    #[serde(default)]
    pub secrets: Vec<NeededSecret>,
}

/// A secret that is needed, without its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct NeededSecret {
    /// The server that receives it; `None` is one that the gateway itself uses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<ServerName>,
    /// The name that it is stored under.
    pub key: String,
    /// The variable that carries it into the server.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub env: String,
    /// Whether the server cannot start without it.
    pub required: bool,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl NeededSecret {
    /// A secret that is required.
    pub fn new(server: Option<ServerName>, key: impl Into<String>) -> Self {
        Self { server, key: key.into(), env: String::new(), required: true, why: None }
    }

    /// The command that stores it for a profile; the value is asked for.
    pub fn command(&self, profile: &ProfileName) -> String {
        match &self.server {
            Some(server) => {
                format!("mcp-gateway profile secret set {server} --key {} --profile {profile}", self.key)
            }
            None => format!("mcp-gateway secret set {}", self.key),
        }
    }
}

/// A bundle as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    bundle: String,
    digest: Digest,
    content: RawJson,
}

impl ProfileBundle {
    /// A bundle of a profile and what was pinned for its servers.
    ///
    /// # Errors
    /// `Denied` when the profile says something that looks like a provider's token, which does not travel.
    pub fn new(profile: ProfileSpec, mut lock: ProfileLock, secrets: Vec<NeededSecret>) -> Result<Self> {
        let text = serde_json::to_string(&profile).unwrap_or_default();
        if let Some(found) = find_tokens(&text).first() {
            let message =
                format!("profile `{}` says something that looks like a token (`{}`)", profile.name, found.kind);
            return Err(Error::new(ErrorKind::Denied, message).with_operation("ProfileBundle::new").with_hint(
                "store it with `mcp-gateway profile secret set`, take it out of the profile, and revoke it if it was shared",
            ));
        }
        lock.servers.retain(|server, _| profile.servers.contains_key(server));
        Ok(Self { profile, lock, secrets })
    }

    /// The digest of what it says.
    ///
    /// # Errors
    /// `Internal` when it has no JSON form.
    pub fn digest(&self) -> Result<Digest> {
        digest_of(&RawJson::from_value(self)?)
    }

    /// The text of its file, JSON.
    ///
    /// # Errors
    /// `Internal` when it has no JSON form.
    pub fn to_text(&self) -> Result<String> {
        let content = serde_json::to_string_pretty(self)
            .map_err(|cause| Error::new(ErrorKind::Internal, "the bundle makes no JSON").with_source(cause))?;
        let content = content.replace('\n', "\n  ");
        Ok(format!(
            "{{\n  \"bundle\": \"{FORMAT}\",\n  \"digest\": \"{}\",\n  \"content\": {content}\n}}\n",
            self.digest()?
        ))
    }

    /// Whether a text is meant to be a bundle, and not a profile alone.
    pub fn is_bundle(text: &str) -> bool {
        let text = text.trim_start_matches('\u{feff}').trim_start();
        text.starts_with('{')
            && RawJson::parse(text).and_then(|json| json.object()).is_ok_and(|object| object.get("bundle").is_some())
    }

    /// Reads a bundle; `file` names it in messages.
    ///
    /// # Errors
    /// `Denied` when it is not what was exported; `InvalidConfig` when it is broken, of another version, says something
    /// that is not known here, or something that cannot be right.
    pub fn parse(file: &str, text: &str) -> Result<Self> {
        let broken = |cause: serde_json::Error| {
            Error::new(ErrorKind::InvalidConfig, format!("not a bundle of a profile: {cause}"))
                .with_context("file", format!("{file}:{}:{}", cause.line(), cause.column()))
        };
        let written: Written = serde_json::from_str(text).map_err(broken)?;
        if written.bundle != FORMAT {
            return Err(Error::new(ErrorKind::InvalidConfig, format!("`{}` is not a kind of bundle", written.bundle))
                .with_context("file", file)
                .with_hint(format!(
                    "this version reads `{FORMAT}`; use the version that it was exported with, or a later one"
                )));
        }
        if digest_of(&written.content)? != written.digest {
            return Err(Error::new(ErrorKind::Denied, "the bundle was changed after it was exported")
                .with_operation("ProfileBundle::parse")
                .with_context("file", file)
                .with_hint(
                    "get it once more from where it was exported; to change a profile, import it and edit it there",
                ));
        }
        let bundle: Self = serde_json::from_str(written.content.get()).map_err(|cause| {
            let message = format!("the bundle says something that is not known here: {cause}");
            Error::new(ErrorKind::InvalidConfig, message).with_context("file", file)
        })?;
        // What would not be written again was not read: a pin that is ignored is no pin.
        if bundle.digest()? != written.digest {
            return Err(Error::new(ErrorKind::InvalidConfig, "the bundle says something that is not known here")
                .with_context("file", file)
                .with_hint("use the version that it was exported with, or a later one"));
        }
        if let Some(fault) = faults(&bundle.profile).into_iter().next() {
            let error = Error::new(ErrorKind::InvalidConfig, fault.message)
                .with_context("file", file)
                .with_context("key", format!("content.profile.{}", fault.path.join(".")));
            return Err(match fault.hint {
                Some(hint) => error.with_hint(hint),
                None => error,
            });
        }
        Ok(bundle)
    }

    /// The bundle as another home may take it over.
    ///
    /// # Behavior
    /// - What was found out about an image there has to be found out here.
    /// - What an operator approved there counts only if `trust_approvals` says so. Without it, pinned definitions stay
    ///   pinned, as if they had been seen first, and those among them that are flagged are held back.
    #[must_use]
    pub fn for_import(mut self, name: Option<ProfileName>, trust_approvals: bool) -> Self {
        if let Some(name) = name {
            self.profile.name = name;
        }
        for server in self.lock.servers.values_mut() {
            server.verification = None;
            if !trust_approvals {
                server.approved = None;
                server.pin = server.pin.take().map(SurfacePin::without_operator);
            }
        }
        self
    }
}

fn digest_of(content: &RawJson) -> Result<Digest> {
    Digest::new(format!("sha256:{}", content.canonical_hash()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Definition, Surface};
    use crate::profile::{Acceptance, ApprovedSurface, ServerLock, ServerSpec};

    fn bundle() -> ProfileBundle {
        let server = ServerName::new("github").unwrap();
        let mut spec = ProfileSpec::new(ProfileName::new("dev").unwrap());
        spec.limits.cpus = Some(1.0);
        let settings = ServerSpec {
            config: [("n".to_owned(), serde_json::json!(1e20))].into_iter().collect(),
            ..ServerSpec::default()
        };
        spec.servers.insert(server.clone(), settings);
        let surface = Surface { tools: vec![Definition::new("t", r#"{"name":"t","x":1.10}"#)], ..Surface::default() };
        let item = surface.items().next().unwrap();
        let mut pin = SurfacePin { by: "ana".to_owned(), ..SurfacePin::default() };
        pin.accept(&item, &item.definition(), Acceptance::Operator, |_| false);
        let lock = ServerLock {
            entry: "e".to_owned(),
            identity: "i".to_owned(),
            surface: Some(surface),
            pin: Some(pin),
            approved: Some(ApprovedSurface::new("e", "i")),
            ..ServerLock::default()
        };
        let mut all = ProfileLock::default();
        all.servers.insert(server.clone(), lock.clone());
        all.servers.insert(ServerName::new("gone").unwrap(), lock);
        ProfileBundle::new(spec, all, vec![NeededSecret::new(Some(server), "TOKEN")]).unwrap()
    }

    #[test]
    fn a_bundle_is_read_as_it_was_written() {
        let bundle = bundle();
        let text = bundle.to_text().unwrap();
        assert!(ProfileBundle::is_bundle(&text) && !ProfileBundle::is_bundle("name: dev\n"));
        assert_eq!(ProfileBundle::parse("b.json", &text).unwrap(), bundle);
        assert!(!bundle.lock.servers.contains_key("gone"), "pins of servers that it does not have stay at home");
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(ProfileBundle::parse("b.json", &value.to_string()).unwrap(), bundle, "the layout does not count");
    }

    #[test]
    fn a_bundle_that_was_changed_is_refused() {
        let text = bundle().to_text().unwrap();
        let kind = |text: String| ProfileBundle::parse("b.json", &text).unwrap_err().kind();
        assert_eq!(kind(text.replace("1.10", "1.11")), ErrorKind::Denied);
        assert_eq!(kind(text.replace("\"TOKEN\"", "\"OTHER\"")), ErrorKind::Denied);
        assert_eq!(kind(text.replace("profile/v1", "profile/v2")), ErrorKind::InvalidConfig);
        assert_eq!(kind(text.replace("\"bundle\"", "\"more\": 1, \"bundle\"")), ErrorKind::InvalidConfig);
        assert_eq!(kind(text[..text.len() / 2].to_owned()), ErrorKind::InvalidConfig);
    }

    /// A text whose content was changed by somebody who knows how to make the digest right again.
    fn resealed(change: impl Fn(&str) -> String) -> String {
        let bundle = bundle();
        let content = change(&serde_json::to_string(&bundle).unwrap());
        let digest = digest_of(&RawJson::parse(content.as_str()).unwrap()).unwrap();
        format!(r#"{{"bundle":"{FORMAT}","digest":"{digest}","content":{content}}}"#)
    }

    #[test]
    fn what_is_not_known_is_refused_wherever_it_stands() {
        assert!(ProfileBundle::parse("b.json", &resealed(str::to_owned)).is_ok());
        for (from, to) in [
            (r#""secrets":"#, r#""approvals":{},"secrets":"#),
            (r#""identity":"#, r#""pinned":true,"identity":"#),
            (r#""limits":{"#, r#""limits":{"gpus":1,"#),
            (r#""limits":{"cpus":1.0"#, r#""limits":{"memory":"lots","cpus":1.0"#),
        ] {
            let text = resealed(|content| content.replacen(from, to, 1));
            assert_eq!(ProfileBundle::parse("b.json", &text).unwrap_err().kind(), ErrorKind::InvalidConfig, "{to}");
        }
    }

    #[test]
    fn approvals_are_those_of_the_operator_here() {
        let strangers = bundle().for_import(None, false);
        assert!(strangers.lock.servers["github"].approved.is_none());
        assert!(bundle().for_import(None, true).lock.servers["github"].approved.is_some());
        let pin_of = |bundle: ProfileBundle| bundle.lock.servers["github"].pin.clone().unwrap();
        let (strange, trusted) = (pin_of(bundle().for_import(None, false)), pin_of(bundle().for_import(None, true)));
        assert_eq!((strange.items[0].accepted, strange.by.as_str()), (Acceptance::FirstUse, ""));
        assert_eq!((trusted.items[0].accepted, trusted.by.as_str()), (Acceptance::Operator, "ana"));
        assert_eq!(strange.items[0].definition, trusted.items[0].definition, "what is pinned stays pinned");
        let renamed = bundle().for_import(Some(ProfileName::new("lab").unwrap()), false);
        assert_eq!(renamed.profile.name.as_str(), "lab");
    }

    #[test]
    fn a_token_in_a_profile_does_not_travel() {
        let mut spec = bundle().profile;
        let token = format!("ghp_{}", "aB3dE5gH7jK9mN1pQ2rS4tU6vW8xY0zA1bC3".to_owned());
        spec.description = Some(format!("use {token}"));
        let error = ProfileBundle::new(spec, ProfileLock::default(), Vec::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Denied);
        assert!(!error.report().contains(&token));
    }

    #[test]
    fn the_command_for_a_secret_names_its_server_and_its_profile() {
        let profile = ProfileName::new("dev").unwrap();
        assert_eq!(
            bundle().secrets[0].command(&profile),
            "mcp-gateway profile secret set github --key TOKEN --profile dev"
        );
        assert_eq!(NeededSecret::new(None, "HOOK").command(&profile), "mcp-gateway secret set HOOK");
    }
}
