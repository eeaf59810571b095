//! What a person is asked.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::visible::{visible, visible_line};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{CallContext, Decision, Described, Principal, ProfileName, SessionId, Verification};
use crate::protocol::{RawJson, RequestKind, Target};
use crate::util::clock;

/// The longest text that is put before a person, in bytes.
const MAX_SHOWN: usize = 256 * 1024;

/// What a person is asked.
///
/// # Behavior
/// - The effect of its decision says how firmly: `soft_confirm` or `hard_confirm`.
/// - An answer belongs to its [`binding`](Self::binding) and to nothing else.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Question {
    /// Whom the request is for.
    pub target: Target,
    /// What kind of request it is.
    pub kind: RequestKind,
    /// Its arguments, in full.
    pub arguments: Option<RawJson>,
    /// What policy decided.
    pub decision: Decision,
    /// Who asks.
    pub principal: Principal,
    /// The session that the request belongs to.
    pub session: Option<SessionId>,
    /// The profile.
    pub profile: Option<ProfileName>,
    /// What the server has said that this is, and what runs behind its name, as far as that is known.
    pub described: Option<Arc<Described>>,
    /// What was found out about the image that runs there.
    pub verification: Option<Arc<Verification>>,
    /// What a person should know of what would come of it, each with what it is: of a server that would be added, what runs.
    pub facts: Vec<(String, String)>,
    /// What was answered before to the same principal about the same target, the newest first.
    pub previous: Vec<Previous>,
}

/// An answer that was given before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Previous {
    /// When, in milliseconds since the Unix epoch.
    pub time: i64,
    /// Whether it was a yes.
    pub granted: bool,
    /// Who answered.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Whether the arguments were the same.
    pub same_arguments: bool,
}

impl Previous {
    /// An answer that was given before.
    pub fn new(
        time: i64,
        granted: bool,
        by: impl Into<String>,
        reason: impl Into<String>,
        same_arguments: bool,
    ) -> Self {
        Self { time, granted, by: by.into(), reason: reason.into(), same_arguments }
    }
}

impl Question {
    /// A question about a tool call of the owner of this process.
    pub fn new(target: Target, arguments: Option<RawJson>, decision: Decision) -> Self {
        Self {
            target,
            kind: RequestKind::CallTool,
            arguments,
            decision,
            principal: Principal::local(),
            session: None,
            profile: None,
            described: None,
            verification: None,
            facts: Vec::new(),
            previous: Vec::new(),
        }
    }

    /// Says who asks, and in which session.
    #[must_use]
    pub fn with_asker(mut self, ctx: &CallContext) -> Self {
        self.principal = ctx.principal.clone();
        self.session.clone_from(&ctx.session);
        self
    }

    /// Says what kind of request it is.
    #[must_use]
    pub fn with_kind(mut self, kind: RequestKind) -> Self {
        self.kind = kind;
        self
    }

    /// Says which profile it is about.
    #[must_use]
    pub fn with_profile(mut self, profile: ProfileName) -> Self {
        self.profile = Some(profile);
        self
    }

    /// Says what the target is, as far as that is known.
    #[must_use]
    pub fn with_described(mut self, described: Option<Arc<Described>>) -> Self {
        self.described = described;
        self
    }

    /// Says what was found out about the image that runs there.
    #[must_use]
    pub fn with_verification(mut self, verification: Option<Arc<Verification>>) -> Self {
        self.verification = verification;
        self
    }

    /// Tells what would come of it.
    #[must_use]
    pub fn with_facts(mut self, facts: Vec<(String, String)>) -> Self {
        self.facts = facts;
        self
    }

    /// Tells what was answered before.
    #[must_use]
    pub fn with_previous(mut self, previous: Vec<Previous>) -> Self {
        self.previous = previous;
        self
    }

    /// The SHA-256 of the arguments in their canonical form, in hex; of no arguments, that of the empty object.
    pub fn arguments_hash(&self) -> String {
        self.arguments.as_ref().map_or_else(|| RawJson::empty_object().canonical_hash(), RawJson::canonical_hash)
    }

    /// The SHA-256 of the target's definition, in hex, as far as it is known.
    pub fn definition(&self) -> Option<&str> {
        self.described.as_ref().map(|described| described.definition.as_str())
    }

    /// What an answer belongs to, in hex: principal with roles, profile, server with its identity, name, kind, definition,
    /// arguments and how firmly was asked.
    pub fn binding(&self) -> String {
        self.digest(&self.arguments_hash())
    }

    /// What a grant for a whole session belongs to: the [`binding`](Self::binding) whatever the arguments.
    pub(super) fn binding_of_any(&self) -> String {
        self.digest("*")
    }

    fn digest(&self, arguments: &str) -> String {
        let parts = json!([
            "mcp-gateway approval 1",
            &*self.principal.name,
            self.principal.roles.iter().map(|role| &**role).collect::<Vec<_>>(),
            self.profile.as_ref().map(ProfileName::as_str),
            self.target.server.as_str(),
            self.target.name,
            self.kind.method(),
            self.described.as_ref().map(|described| described.identity.as_str()),
            self.definition(),
            arguments,
            self.decision.effect.as_str(),
        ]);
        hex::encode(Sha256::digest(parts.to_string().as_bytes()))
    }

    /// The question as JSON: `{"server", "name", "kind", "arguments", "argumentsHash", "decision", "principal", "roles",
    /// "session", "profile", "identity", "definition", "definitionApproved", "facts", "previous"}`, without what is not known.
    ///
    /// # Errors
    /// `Protocol` for arguments that cannot be read.
    pub fn to_json(&self) -> Result<Value> {
        let arguments: Value = self.arguments.as_ref().map_or(Ok(Value::Null), RawJson::read)?;
        let mut shown = json!({
            "server": self.target.server,
            "name": self.target.name,
            "kind": self.kind.method(),
            "arguments": arguments,
            "argumentsHash": self.arguments_hash(),
            "decision": self.decision,
            "principal": &*self.principal.name,
            "previous": self.previous,
        });
        if !self.principal.roles.is_empty() {
            shown["roles"] = self.principal.roles.iter().map(|role| &**role).collect();
        }
        let known = [
            ("session", self.session.as_ref().map(SessionId::as_str)),
            ("profile", self.profile.as_ref().map(ProfileName::as_str)),
            ("identity", self.described.as_ref().map(|described| described.identity.as_str())),
            ("definition", self.definition()),
        ];
        for (key, value) in known {
            if let Some(value) = value {
                shown[key] = value.into();
            }
        }
        if let Some(described) = &self.described {
            shown["definitionApproved"] = described.approved.into();
        }
        if !self.facts.is_empty() {
            shown["facts"] = self.facts.iter().map(|(what, value)| json!({"what": what, "value": value})).collect();
        }
        if let Some(found) = &self.verification {
            shown["verification"] = json!({"level": found.level, "signer": found.signer, "detail": found.detail});
        }
        Ok(shown)
    }

    /// The question for a person to read, with every hidden character of it written out.
    ///
    /// # Errors
    /// `Protocol` for arguments that can be read in two ways, `TooLarge` for more than a person would read: what is not
    /// shown whole is not approved.
    pub fn to_text(&self) -> Result<String> {
        let line = visible_line;
        let mut asker = line(&self.principal.name);
        if !self.principal.roles.is_empty() {
            let roles: Vec<_> = self.principal.roles.iter().map(|role| line(role)).collect();
            asker.push_str(&format!(" (roles: {})", roles.join(", ")));
        }
        if let Some(session) = &self.session {
            asker.push_str(&format!(", session {}", line(session.as_str())));
        }
        let mut text = format!("{}: {}\n", self.kind.method(), line(&self.target.name));
        let mut say = |what: &str, value: &str| text.push_str(&format!("{what}: {}\n", line(value)));
        say("server", self.target.server.as_str());
        match &self.described {
            None => say("definition", "not known: the server was not seen yet"),
            Some(described) => {
                let looked_at = if described.approved { "approved by an operator" } else { "approved by nobody" };
                say("runs", &described.identity);
                say("definition, SHA-256", &format!("{} ({looked_at})", described.definition));
            }
        }
        if let Some(found) = &self.verification {
            match &found.signer {
                Some(signer) => say("image", &format!("signed by {signer}")),
                None => say("image", &found.detail),
            }
        }
        for (what, value) in &self.facts {
            say(what, value);
        }
        say("asked by", &asker);
        if let Some(profile) = &self.profile {
            say("profile", profile.as_str());
        }
        say("wanted", self.decision.effect.as_str());
        say("rule", &self.decision.rule);
        if !self.decision.reason.is_empty() {
            say("reason", &self.decision.reason);
        }
        for previous in &self.previous {
            let what = if previous.granted { "approved" } else { "rejected" };
            let about = if previous.same_arguments { "the same arguments" } else { "other arguments" };
            let when = clock::rfc3339(previous.time);
            say("before", &format!("{when} {what} by {} ({about}) {}", previous.by, previous.reason));
        }
        say("arguments, SHA-256", &self.arguments_hash());
        match &self.arguments {
            Some(arguments) => text.push_str(&visible(&pretty(arguments)?)),
            None => text.push_str("none"),
        }
        if text.len() > MAX_SHOWN {
            return Err(Error::new(ErrorKind::TooLarge, "the request is too long to be shown to a person whole")
                .with_context("bytes", text.len())
                .with_context("most", MAX_SHOWN));
        }
        Ok(text)
    }
}

/// The value over several lines, numbers as they were written.
fn pretty(value: &RawJson) -> Result<String> {
    fn write(value: &RawJson, text: &mut String, indent: usize) -> Result<()> {
        let raw = value.get().trim();
        let (open, close) = match raw.as_bytes().first() {
            Some(b'{') => ('{', '}'),
            Some(b'[') => ('[', ']'),
            Some(b'"') => {
                text.push_str(RawJson::from_value(&value.read::<String>()?)?.get());
                return Ok(());
            }
            _ => {
                text.push_str(raw);
                return Ok(());
            }
        };
        let members: Vec<(Option<String>, RawJson)> = if open == '{' {
            value.object()?.iter().map(|(key, member)| (Some(key.to_owned()), member.clone())).collect()
        } else {
            value.items()?.into_iter().map(|item| (None, item)).collect()
        };
        text.push(open);
        let is_empty = members.is_empty();
        for (index, (key, member)) in members.into_iter().enumerate() {
            text.push_str(if index > 0 { ",\n" } else { "\n" });
            text.push_str(&"  ".repeat(indent + 1));
            if let Some(key) = key {
                text.push_str(RawJson::from_value(&key)?.get());
                text.push_str(": ");
            }
            write(&member, text, indent + 1)?;
        }
        if !is_empty {
            text.push('\n');
            text.push_str(&"  ".repeat(indent));
        }
        text.push(close);
        Ok(())
    }
    let mut text = String::new();
    write(value, &mut text, 0)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Effect, ServerName, VerificationLevel};

    #[expect(clippy::unnecessary_wraps, reason = "as requests have it")]
    fn described(identity: &str, definition: &str) -> Option<Arc<Described>> {
        Some(Arc::new(Described::new(identity, definition)))
    }

    fn question(arguments: &str) -> Question {
        let target = Target::new(ServerName::new("s").unwrap(), "send");
        let decision = Decision::new(Effect::HardConfirm, "s.*", "it changes things");
        Question::new(target, Some(RawJson::parse(arguments).unwrap()), decision).with_described(described("i1", "d1"))
    }

    #[test]
    fn everything_that_matters_is_in_the_binding() {
        let base = question(r#"{"to": "ann"}"#);
        let same = question(r#"{ "to":"ann" }"#).with_previous(vec![Previous::new(0, true, "x", "", true)]);
        assert_eq!(base.binding(), same.binding());
        let mut others = vec![
            question(r#"{"to": "bob"}"#),
            question(r#"{"to": "ann"}"#).with_described(described("i1", "d2")),
            question(r#"{"to": "ann"}"#).with_kind(RequestKind::GetPrompt),
            question(r#"{"to": "ann"}"#).with_described(described("i2", "d1")),
            question(r#"{"to": "ann"}"#).with_profile(ProfileName::new("p").unwrap()),
        ];
        for principal in [Principal::new("eve"), Principal::local().with_roles(["admin"])] {
            others.push(question(r#"{"to": "ann"}"#).with_asker(&CallContext::new(principal)));
        }
        let mut soft = base.clone();
        soft.decision.effect = Effect::SoftConfirm;
        let mut elsewhere = base.clone();
        elsewhere.target.server = ServerName::new("t").unwrap();
        others.extend([soft, elsewhere]);
        for other in others {
            assert_ne!(base.binding(), other.binding(), "{other:?}");
        }
    }

    #[test]
    fn a_person_sees_every_character_and_no_line_that_was_made_up() {
        let mut question =
            question("{\"to\": \"ann\\u202eevil\", \"id\": 12345678901234567890123, \"x\": [], \"y\": [1]}");
        question.target.name = "send\nrule: none".to_owned();
        let text = question.to_text().unwrap();
        assert!(text.contains(r"ann\u{202e}evil") && text.contains("12345678901234567890123"), "{text}");
        assert!(text.starts_with("tools/call: send\\nrule: none\n"), "{text}");
        assert!(text.ends_with("\"x\": [],\n  \"y\": [\n    1\n  ]\n}"), "{text}");
    }

    #[test]
    fn who_signed_the_image_is_shown_and_cannot_be_made_up_by_it() {
        let mut found = Verification::new(VerificationLevel::Signed, "checked");
        found.signer = Some("ann\nasked by: nobody".to_owned());
        let question = question("{}").with_verification(Some(Arc::new(found)));
        let text = question.to_text().unwrap();
        assert!(text.contains("\nimage: signed by ann\\nasked by: nobody\n"), "{text}");
        assert_eq!(question.to_json().unwrap()["verification"]["level"], "signed");
        let unsigned = Verification::new(VerificationLevel::Pinned, "digest is sha256:1");
        let text = question.with_verification(Some(Arc::new(unsigned))).to_text().unwrap();
        assert!(text.contains("\nimage: digest is sha256:1\n"), "{text}");
    }

    #[test]
    fn what_cannot_be_shown_whole_is_not_shown() {
        let long = question(&format!(r#"{{"x": "{}"}}"#, "a".repeat(MAX_SHOWN)));
        assert_eq!(long.to_text().unwrap_err().kind(), ErrorKind::TooLarge);
    }
}
