//! What a person is told of a server before it runs.

use super::answer::one_line;
use super::candidate::Candidate;
use crate::error::Result;
use crate::gateway::Inspection;
use crate::gateway::hub::Hub;
use crate::model::{NetworkRule, ServerEntry};
use crate::profile::ServerLock;
use crate::protocol::ServerChange;

/// How many names are shown of a list.
const SHOWN: usize = 60;

pub(super) type Facts = Vec<(String, String)>;

impl Hub {
    /// What would run, and what of it is another than before.
    pub(super) async fn facts(&self, change: ServerChange, candidate: &Candidate, kept: bool) -> Result<Facts> {
        let body = candidate.body()?;
        let entry = &body.entry;
        let inspection = self.look_into(&candidate.slot).await?;
        let mut facts = Facts::new();
        let mut say = |what: &str, value: String| facts.push((what.to_owned(), value));
        let verb = if change == ServerChange::Add { "add" } else { "configure anew" };
        say("would", format!("{verb} server `{}`{}", entry.name, titled(entry)));
        say("kept", if kept { format!("in profile `{}`", self.profile.name()) } else { "for this session".to_owned() });
        let metadata = entry.metadata.as_ref();
        let or_unknown = |said: Option<&String>| said.cloned().unwrap_or_else(|| "not known".to_owned());
        say("publisher", or_unknown(metadata.and_then(|metadata| metadata.owner.as_ref())));
        say("licence", or_unknown(metadata.and_then(|metadata| metadata.license.as_ref())));
        say("catalog", or_unknown(entry.source.as_ref()));
        say("would run", runs(&inspection));
        if let Some(rule) = &inspection.verify {
            let signer = rule.signer.as_ref().map(|signer| format!(", signed by {signer}")).unwrap_or_default();
            say("signature", format!("{}{signer}", rule.mode.as_str()));
        }
        if let Some(found) = &inspection.verification {
            say("found before", format!("{}: {}", found.level.as_str(), found.detail));
        }
        let secrets: Vec<_> = inspection.secrets.iter().map(|secret| secret.name.as_str()).collect();
        say("secrets", listed(&secrets));
        say("network", network(&inspection.network));
        say("mounts", listed(&inspection.mounts));
        let tools: Vec<_> = match &candidate.recorded.as_ref().and_then(|lock| lock.surface.as_ref()) {
            Some(surface) => surface.tools.iter().map(|tool| tool.key.as_str()).collect(),
            None => entry.tools.iter().map(|tool| tool.name.as_str()).collect(),
        };
        say("tools", if tools.is_empty() { "not known before it has run".to_owned() } else { listed(&tools) });
        say("added before", before(candidate.recorded.as_ref(), &body.fingerprint));
        Ok(facts)
    }
}

fn titled(entry: &ServerEntry) -> String {
    let title = entry.title.as_deref().or(entry.description.as_deref()).map(one_line);
    title.map(|title| format!(" ({title})")).unwrap_or_default()
}

fn runs(inspection: &Inspection) -> String {
    let mut runs = inspection.target.clone();
    if let Some(runtime) = &inspection.runtime {
        runs.push_str(&format!(" by {runtime}"));
    }
    if !inspection.command.is_empty() {
        runs.push_str(&format!(" with {}", inspection.command.join(" ")));
    }
    runs
}

fn network(rule: &NetworkRule) -> String {
    match rule {
        NetworkRule::Open => "everything".to_owned(),
        NetworkRule::Listed(hosts) => listed(hosts),
        _ => "none".to_owned(),
    }
}

pub(super) fn listed<T: AsRef<str>>(names: &[T]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    let shown: Vec<_> = names.iter().take(SHOWN).map(AsRef::as_ref).collect();
    let rest = names.len().saturating_sub(SHOWN);
    let more = if rest > 0 { format!(", and {rest} more") } else { String::new() };
    format!("{}{more}", shown.join(", "))
}

/// Whether it is what it was when it was seen last.
fn before(recorded: Option<&ServerLock>, fingerprint: &str) -> String {
    let Some(lock) = recorded else { return "never".to_owned() };
    let tools = lock.surface.as_ref().map_or(0, |surface| surface.tools.len());
    let seen = format!("seen {} with {tools} tools as {}", lock.recorded, lock.identity);
    if lock.entry == fingerprint {
        format!("as it is now: {seen}")
    } else {
        format!("its catalog entry is ANOTHER ONE now: {seen}")
    }
}
