//! What an operator accepts of a server.

use super::diff::id;
use super::finding::Finding;
use super::hidden::visible;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Principal, ServerName};
use crate::profile::{Acceptance, ApprovedSurface, INSTRUCTIONS, ServerLock, SurfaceItem, SurfacePin};
use crate::util::clock;
use crate::util::pattern::did_you_mean;

/// What an operator approves of a server; all that it offers now, where nothing is said.
///
/// # Examples
/// ```
/// use mcp_gateway_core::gateway::Approval;
///
/// let approval = Approval::new().with_item("search").with_diff("3f1c09a2b7d4");
/// assert_eq!(approval.items, ["search"]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Approval {
    /// Only these: a name or URI, with its list where several have it, as `prompts:search`; or `instructions`.
    pub items: Vec<String>,
    /// The id of the diff that was looked at; nothing is approved when what is held back is another by now.
    pub diff: Option<String>,
}

impl Approval {
    /// All that a server offers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only this, and what else is said.
    #[must_use]
    pub fn with_item(mut self, item: impl Into<String>) -> Self {
        self.items.push(item.into());
        self
    }

    /// Only if it is what was looked at.
    #[must_use]
    pub fn with_diff(mut self, id: impl Into<String>) -> Self {
        self.diff = Some(id.into());
        self
    }
}

/// What an approval comes to.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) approved: ApprovedSurface,
    pub(crate) pin: SurfacePin,
    /// What was held back and is no longer.
    pub(crate) findings: Vec<Finding>,
}

/// What an approval of what is recorded of a server comes to.
///
/// # Errors
/// `Conflict` for a diff that is no longer the one, `NotFound` for an item that the server does not offer.
pub(crate) fn accept(
    server: &ServerName,
    lock: &ServerLock,
    findings: &[Finding],
    approval: &Approval,
    by: &Principal,
) -> Result<Accepted> {
    if let Some(seen) = approval.diff.as_deref().filter(|seen| *seen != id(findings)) {
        return Err(Error::new(ErrorKind::Conflict, "what is held back is not what the diff showed")
            .with_context("server", server)
            .with_context("diff", seen)
            .with_hint(format!("look at it anew with `mcp-gateway server diff {server}`")));
    }
    let mut items = lock.items();
    for finding in findings {
        if !items.iter().any(|(item, _)| *item == finding.item) {
            items.push((finding.item.clone(), finding.definition.clone()));
        }
    }
    for wanted in &approval.items {
        if !items.iter().any(|(item, _)| is_meant(item, wanted)) {
            let error = Error::new(ErrorKind::NotFound, format!("server `{server}` offers no `{wanted}`"));
            let known = items.iter().map(|(item, _)| item.key.as_str());
            return Err(match did_you_mean(wanted, known) {
                Some(meant) => error.with_hint(format!("did you mean `{}`?", visible(meant))),
                None => error.with_hint(format!("`mcp-gateway server approve {server} --show` lists what it offers")),
            });
        }
    }
    let is_whole = approval.items.is_empty();
    let is_chosen = |item: &SurfaceItem| is_whole || approval.items.iter().any(|wanted| is_meant(item, wanted));
    let now = clock::rfc3339(clock::now_millis());
    let mut approved = ApprovedSurface::new(lock.entry.as_str(), lock.identity.as_str());
    let mut pin = SurfacePin::default();
    if !is_whole {
        pin = lock.pin.clone().unwrap_or_default();
        if let Some(before) = lock.approved.as_ref().filter(|before| before.is_of(&lock.entry, &lock.identity)) {
            approved.definitions.clone_from(&before.definitions);
        }
    }
    let is_offered = |definition: &str| items.iter().any(|(_, offered)| offered == definition);
    for (item, definition) in items.iter().filter(|(item, _)| is_chosen(item)) {
        if item.list.is_some() {
            approved.definitions.insert(definition.clone());
        }
        pin.accept(item, definition, Acceptance::Operator, is_offered);
    }
    (approved.by, approved.time) = (by.name.to_string(), now.clone());
    (pin.by, pin.time) = (by.name.to_string(), now);
    (pin.entry, pin.identity) = (lock.entry.clone(), lock.identity.clone());
    let held = findings.iter().filter(|finding| finding.is_held && is_chosen(&finding.item));
    Ok(Accepted { approved, pin, findings: held.cloned().collect() })
}

/// Whether an item is what somebody has written.
fn is_meant(item: &SurfaceItem, wanted: &str) -> bool {
    if item.list.is_none() {
        return wanted == INSTRUCTIONS;
    }
    let is_key = |wanted: &str| item.key == wanted || visible(&item.key) == wanted;
    is_key(wanted) || wanted.strip_prefix(item.list_name()).and_then(|rest| rest.strip_prefix(':')).is_some_and(is_key)
}
