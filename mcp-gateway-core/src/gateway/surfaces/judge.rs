//! What is accepted of what a server offers, and what is not.

use super::fields::changed_members;
use super::finding::{ChangeKind, Finding};
use super::flags::flags;
use crate::model::Surface;
use crate::profile::{
    Acceptance, FlaggedWord, INSTRUCTIONS, PinnedItem, ServerLock, SurfaceItem, SurfacePin, SurfaceWord, SurfacesSpec,
};
use crate::protocol::ListKind;
use crate::util::clock;

/// The members of a definition that are read by people and models, and change nothing else.
const DESCRIPTIONS: [&str; 2] = ["title", "description"];

/// What came of holding a record against its pin.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settled {
    /// What stands out.
    pub(crate) findings: Vec<Finding>,
    /// What the profile's rules have just let in.
    pub(crate) accepted: Vec<Finding>,
}

/// Whether an item counts.
enum Verdict {
    /// It is accepted, and nothing stands out.
    Accepted,
    /// It is accepted now.
    Accept(Acceptance, Finding),
    Found(Finding),
}

/// Holds what is recorded of a server against its pin, which is made of it where there is none, and takes in what the
/// profile lets in.
pub(crate) fn settle(lock: &mut ServerLock, rules: &SurfacesSpec) -> Settled {
    let mut settled = Settled::default();
    let items = lock.items();
    if items.is_empty() && lock.surface.is_none() {
        return settled;
    }
    let before = lock.pin.take();
    let mut pin = before.clone().unwrap_or_default();
    {
        let judge = Judge::new(before.as_ref(), lock, rules);
        let is_offered = |definition: &str| items.iter().any(|(_, offered)| offered == definition);
        for (item, definition) in &items {
            match judge.of(item, definition) {
                Verdict::Accepted => {}
                Verdict::Accept(acceptance, finding) => {
                    pin.accept(item, definition, acceptance, is_offered);
                    if acceptance == Acceptance::Rule {
                        settled.accepted.push(finding.clone());
                    }
                    if !finding.flags.is_empty() {
                        settled.findings.push(Finding { change: ChangeKind::Flagged, ..finding });
                    }
                }
                Verdict::Found(finding) => settled.findings.push(finding),
            }
        }
    }
    if before.as_ref() != Some(&pin) {
        pin.entry.clone_from(&lock.entry);
        pin.identity.clone_from(&lock.identity);
        pin.time = clock::rfc3339(clock::now_millis());
    }
    lock.pin = Some(pin);
    settled
}

/// What stands out in what is offered to one session alone; the pin stays as it is.
pub(crate) fn judge_all(surface: &Surface, lock: &ServerLock, rules: &SurfacesSpec) -> Vec<Finding> {
    let none = SurfacePin::default();
    let judge = Judge::new(Some(lock.pin.as_ref().unwrap_or(&none)), lock, rules);
    let found = surface.items().filter_map(|item| match judge.of(&item, &item.definition()) {
        Verdict::Found(finding) => Some(finding),
        Verdict::Accepted | Verdict::Accept(..) => None,
    });
    found.collect()
}

/// A surface without what is held back; `None` where all of it is let through.
///
/// In the place of instructions that are held back are those that were accepted last.
pub(crate) fn admitted(surface: &Surface, findings: &[Finding], lock: &ServerLock) -> Option<Surface> {
    let is_held = |item: &SurfaceItem| findings.iter().any(|finding| finding.is_held && finding.is_of(item));
    let held_keys: std::collections::HashSet<&str> =
        findings.iter().filter(|finding| finding.is_held).map(|finding| finding.item.key.as_str()).collect();
    if held_keys.is_empty() || !surface.items().any(|item| is_held(&item)) {
        return None;
    }
    let mut admitted = surface.clone();
    for kind in ListKind::ALL {
        let list = match kind {
            ListKind::Tools => &mut admitted.tools,
            ListKind::Prompts => &mut admitted.prompts,
            ListKind::Resources => &mut admitted.resources,
            ListKind::ResourceTemplates => &mut admitted.resource_templates,
        };
        list.retain(|definition| {
            !held_keys.contains(definition.key.as_str()) || !is_held(&SurfaceItem::of(kind, definition))
        });
    }
    let instructions = admitted.instructions.as_deref().map(SurfaceItem::instructions);
    if instructions.is_some_and(|item| is_held(&item)) {
        admitted.instructions = accepted_instructions(lock);
    }
    Some(admitted)
}

/// The instructions that were accepted last.
fn accepted_instructions(lock: &ServerLock) -> Option<String> {
    let last = lock.pin.as_ref()?.items.iter().rfind(|item| item.list == INSTRUCTIONS)?;
    if let Some(json) = &last.json {
        return serde_json::from_str(json).ok();
    }
    let recorded = lock.surfaces().into_iter().filter_map(|surface| surface.instructions.clone());
    let mut accepted = recorded.filter(|text| SurfaceItem::instructions(text).definition() == last.definition);
    accepted.next()
}

struct Judge<'a> {
    known: std::collections::HashMap<(&'a str, &'a str), Vec<&'a PinnedItem>>,
    /// Whether the server is seen for the first time.
    is_first: bool,
    lock: &'a ServerLock,
    rules: &'a SurfacesSpec,
}

impl<'a> Judge<'a> {
    fn new(pin: Option<&'a SurfacePin>, lock: &'a ServerLock, rules: &'a SurfacesSpec) -> Self {
        let known = pin.map(SurfacePin::by_name).unwrap_or_default();
        Self { known, is_first: pin.is_none(), lock, rules }
    }

    fn of(&self, item: &SurfaceItem, definition: &str) -> Verdict {
        let known = self.known.get(&(item.list_name(), item.key.as_str())).map(Vec::as_slice).unwrap_or_default();
        let accepted = known.iter().find(|known| known.definition == definition).map(|known| known.accepted);
        if accepted == Some(Acceptance::Operator) {
            return Verdict::Accepted;
        }
        let flags = flags(item);
        let is_flagged = !flags.is_empty() && self.rules.flagged == FlaggedWord::Hold;
        if accepted.is_some() && flags.is_empty() {
            return Verdict::Accepted;
        }
        let mut finding = Finding {
            item: item.clone(),
            definition: definition.to_owned(),
            change: ChangeKind::Added,
            fields: Vec::new(),
            flags,
            is_held: true,
        };
        if accepted.is_some() {
            finding.change = ChangeKind::Flagged;
            finding.is_held = is_flagged;
            return Verdict::Found(finding);
        }
        let mut is_let_in = self.is_first || self.rules.additions == SurfaceWord::Accept;
        if let Some(last) = known.last() {
            finding.change = ChangeKind::Changed;
            let before = last.json.clone().or_else(|| self.recorded(item, &last.definition));
            let changed = before.and_then(|before| changed_members(&before, &item.json));
            let only_described = match (&changed, item.list) {
                (_, None) => true,
                (Some(changed), _) => changed.iter().all(|member| DESCRIPTIONS.contains(&member.as_str())),
                // What is not known to be a description is something else.
                (None, _) => false,
            };
            finding.fields = changed.unwrap_or_default().into_iter().map(|member| super::visible(&member)).collect();
            is_let_in = only_described && self.rules.descriptions == SurfaceWord::Accept;
        }
        if is_flagged || !is_let_in {
            return Verdict::Found(finding);
        }
        finding.is_held = false;
        Verdict::Accept(if self.is_first { Acceptance::FirstUse } else { Acceptance::Rule }, finding)
    }

    /// A definition that is recorded.
    fn recorded(&self, item: &SurfaceItem, definition: &str) -> Option<String> {
        let items = self.lock.surfaces().into_iter().flat_map(Surface::items);
        let mut named = items.filter(|other| other.list == item.list && other.key == item.key);
        named.find(|other| other.definition() == definition).map(|other| other.json)
    }
}
