//! Rules that come with the gateway.

use indexmap::IndexMap;
use serde_json::Value;

use super::compiled::Compiled;
use super::words::Words;
use crate::model::{Effect, OneOrMany, Patterns, Pointer, Predicate, Preset, Rule, RuleKind};
use crate::protocol::GATEWAY;

/// What cannot be taken back, or reaches beyond the conversation.
const GRAVE: &[&str] = &[
    "archive",
    "cancel",
    "delete",
    "deploy",
    "destroy",
    "drop",
    "erase",
    "kill",
    "merge",
    "prune",
    "purge",
    "release",
    "remove",
    "reset",
    "revoke",
    "terminate",
    "truncate",
    "uninstall",
    "wipe",
];

/// What changes something.
const WRITING: &[&str] = &[
    "add",
    "append",
    "apply",
    "approve",
    "assign",
    "change",
    "clear",
    "clone",
    "close",
    "commit",
    "copy",
    "create",
    "disable",
    "edit",
    "enable",
    "exec",
    "execute",
    "fill",
    "fork",
    "grant",
    "import",
    "insert",
    "install",
    "invite",
    "lock",
    "make",
    "mark",
    "modify",
    "move",
    "open",
    "patch",
    "pay",
    "post",
    "publish",
    "push",
    "put",
    "rename",
    "replace",
    "reply",
    "restart",
    "restore",
    "run",
    "save",
    "schedule",
    "send",
    "set",
    "start",
    "stop",
    "store",
    "submit",
    "subscribe",
    "sync",
    "transfer",
    "trigger",
    "unlock",
    "update",
    "upload",
    "upsert",
    "write",
];

/// What only looks.
const READING: &[&str] = &["describe", "fetch", "find", "get", "list", "read", "search", "show", "view"];

/// Whether a change is to be kept in the profile.
fn profile_is_named(named: bool) -> IndexMap<Pointer, Predicate> {
    let exists = Predicate { exists: Some(named), ..Predicate::default() };
    Pointer::new("/profile").map(|pointer| IndexMap::from([(pointer, exists)])).unwrap_or_default()
}

/// The rules of a preset, in order.
pub(super) fn rules(preset: Preset) -> Vec<Compiled> {
    let any = |id: &str, effect, reason: &str| Rule::any(effect).with_id(format!("default/{id}")).with_reason(reason);
    let mut tools = OneOrMany::new([RuleKind::CallTool]);
    let mut destructive =
        any("destructive", Effect::HardConfirm, "its server says that it destroys; an operator confirms it");
    destructive.annotations.insert("destructiveHint".to_owned(), Value::Bool(true));
    destructive.kind = tools.clone();
    let mut grave = any(
        "grave",
        Effect::HardConfirm,
        "by its name it deletes, archives, merges, deploys or cancels; an operator confirms it",
    );
    grave.kind = tools.clone();
    let mut approved =
        any("approved-reading", Effect::Allow, "its server says that it only reads, and an operator approved it");
    approved.annotations.insert("readOnlyHint".to_owned(), Value::Bool(true));
    approved.approved = Some(true);
    approved.kind = tools.clone();
    let mut writing = any("writing", Effect::SoftConfirm, "by its name it changes something");
    writing.kind = tools.clone();
    let mut reading = any("reading", Effect::Allow, "by its name it only reads");
    reading.kind = std::mem::take(&mut tools);
    let mut given = any("prompts-and-resources", Effect::Allow, "prompts and resources are read");
    given.kind = OneOrMany::new([
        RuleKind::GetPrompt,
        RuleKind::ReadResource,
        RuleKind::Subscribe,
        RuleKind::Unsubscribe,
        RuleKind::Complete,
    ]);
    // What the last two stand for is decided by itself; whatever stays of them is only answered with what is wrong.
    let mut looking = any("looking", Effect::Allow, "it only looks; what `mcp-exec` calls is decided by itself");
    looking.server = Patterns::one(GATEWAY);
    looking.tool = OneOrMany::new(["mcp-find", "mcp-list", "mcp-exec", "mcp-activate-profile"].map(str::to_owned));
    let mut leaving = any("giving-back", Effect::Allow, "a session gives back what it has added");
    leaving.kind = OneOrMany::new([RuleKind::RemoveServer]);
    leaving.arguments = profile_is_named(false);
    let mut adding =
        any("adding-a-server", Effect::HardConfirm, "it decides what runs, and with what; an operator confirms it");
    adding.kind =
        OneOrMany::new([RuleKind::AddServer, RuleKind::RemoveServer, RuleKind::SetConfig, RuleKind::CreateProfile]);
    let words = |of, at_an_end, without| Words { of, at_an_end, without };
    match preset {
        Preset::Default => vec![
            Compiled::new(looking, 0),
            Compiled::new(leaving, 0),
            Compiled::new(adding, 0),
            Compiled::new(destructive, 0),
            Compiled::new(grave, 0).with_words(words(GRAVE, false, &[])),
            Compiled::new(approved, 0),
            Compiled::new(writing, 0).with_words(words(WRITING, false, &[])),
            Compiled::new(reading, 0).with_words(words(READING, true, &[GRAVE, WRITING])),
            Compiled::new(given, 0),
        ],
    }
}
