//! What clients see: the union of all surfaces, rendered once per change.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::model::{Definition, Described, ServerName, Surface};
use crate::profile::NameTable;
use crate::protocol::{ClientCapabilities, ListKind, RawJson, Request, RequestKind, Target, may_hold};
use crate::util::pattern::Pattern;

use super::Introduction;
use super::definitions::Definitions;
use super::hub::Slot;
use super::introduction;
use super::names::Names;
use super::page::Rendered;
use super::surfaces::Finding;
use crate::error::Result;

/// The names that were given, of every kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct AllNames {
    tools: Names,
    prompts: Names,
    resources: Names,
    templates: Names,
}

impl AllNames {
    pub(crate) fn restore<'a>(lock: &NameTable, servers: impl Iterator<Item = &'a ServerName>) -> Self {
        let servers = servers.map(ServerName::as_str).collect();
        Self {
            tools: Names::restore(&lock.tools, &servers),
            prompts: Names::restore(&lock.prompts, &servers),
            resources: Names::restore(&lock.resources, &servers),
            templates: Names::default(),
        }
    }

    pub(crate) fn save(&self, lock: &mut NameTable) {
        lock.tools = self.tools.table();
        lock.prompts = self.prompts.table();
        lock.resources = self.resources.table();
    }

    fn of(&mut self, kind: ListKind) -> &mut Names {
        match kind {
            ListKind::Tools => &mut self.tools,
            ListKind::Prompts => &mut self.prompts,
            ListKind::Resources => &mut self.resources,
            ListKind::ResourceTemplates => &mut self.templates,
        }
    }
}

/// One server's part in the view.
pub(crate) struct Part<'a> {
    pub(crate) server: &'a ServerName,
    pub(crate) surface: &'a Surface,
    pub(crate) prefix: Option<&'a str>,
    pub(crate) offers: &'a dyn Fn(&str) -> bool,
    /// What is held back of it.
    pub(crate) held: Vec<&'a Finding>,
}

/// What clients see, by what they can do.
#[derive(Debug)]
pub(crate) struct Views {
    common: Arc<View>,
    others: HashMap<ClientCapabilities, Arc<View>>,
}

/// Which lists have changed for whom.
#[derive(Debug)]
pub(crate) struct Changes(HashMap<ClientCapabilities, Vec<ListKind>>);

impl Views {
    pub(crate) fn new(common: View) -> Self {
        Self { common: Arc::new(common), others: HashMap::new() }
    }

    /// What everybody sees for whom nothing else is offered.
    pub(crate) fn common(&self) -> Arc<View> {
        Arc::clone(&self.common)
    }

    /// What clients see that can do this, where it is known.
    pub(crate) fn of(&self, capabilities: &ClientCapabilities) -> Option<Arc<View>> {
        if capabilities.is_empty() { Some(self.common()) } else { self.others.get(capabilities).cloned() }
    }

    /// Keeps a view; of more than a few kinds of client, the others' are made anew each time.
    pub(crate) fn keep(&mut self, capabilities: &ClientCapabilities, view: &Arc<View>) {
        if self.others.len() < MAX_VIEWS {
            self.others.insert(capabilities.clone(), Arc::clone(view));
        }
    }

    /// The kinds of client whose views are kept.
    pub(crate) fn kinds(&self) -> Vec<ClientCapabilities> {
        std::iter::once(ClientCapabilities::none()).chain(self.others.keys().cloned()).collect()
    }

    /// Takes new views in the place of the old ones.
    ///
    /// Kinds that are not among them have no client any more.
    pub(crate) fn replace(&mut self, next: Vec<(ClientCapabilities, Arc<View>)>) -> Changes {
        let (mut changes, mut others) = (HashMap::new(), HashMap::new());
        // Kinds of client that see what everybody sees are looked at again when one of them asks.
        for (capabilities, view) in next {
            let before = self.of(&capabilities).unwrap_or_else(|| self.common());
            changes.insert(capabilities.clone(), view.changes(&before));
            if capabilities.is_empty() {
                self.common = view;
            } else if others.len() < MAX_VIEWS {
                others.insert(capabilities, view);
            }
        }
        self.others = others;
        Changes(changes)
    }
}

impl Changes {
    /// The lists that have changed for clients that can do this, each notification once.
    pub(crate) fn of(&self, capabilities: &ClientCapabilities) -> Vec<ListKind> {
        let own = self.0.get(capabilities).or_else(|| self.0.get(&ClientCapabilities::none()));
        let mut kinds: Vec<ListKind> = Vec::new();
        for kind in own.into_iter().flatten() {
            if !kinds.iter().any(|told| told.changed() == kind.changed()) {
                kinds.push(*kind);
            }
        }
        kinds
    }
}

/// How many kinds of client have their view kept.
const MAX_VIEWS: usize = 32;

/// The lists as clients get them, and what each name in them means.
#[derive(Debug)]
pub(crate) struct View {
    lists: HashMap<ListKind, Rendered>,
    /// The input schemas of tools of which arguments are headers.
    header_schemas: HashMap<Target, RawJson>,
    /// The tools that are carried out as tasks only (session era).
    task_tools: HashSet<Target>,
    introduction: Introduction,
    targets: HashMap<ListKind, HashMap<String, Target>>,
    templates: Vec<(Pattern, Target)>,
    /// What is held back: understood, so that it can be said why it is refused.
    held: Held,
    counts: HashMap<ServerName, usize>,
    definitions: Definitions,
}

impl View {
    /// Joins the parts, in their order.
    ///
    /// `lean` lists the gateway's own tools alone; what names mean is the same.
    pub(crate) fn build(parts: &[Part<'_>], lean: bool, names: &mut AllNames) -> Self {
        let mut view = Self {
            lists: HashMap::new(),
            header_schemas: HashMap::new(),
            task_tools: HashSet::new(),
            introduction: introduction::of(parts),
            targets: HashMap::new(),
            templates: Vec::new(),
            held: Held::default(),
            counts: HashMap::new(),
            definitions: Definitions::default(),
        };
        for kind in ListKind::ALL {
            let mut rendered = Vec::new();
            let mut targets = HashMap::new();
            for part in parts {
                for definition in part.surface.list(kind) {
                    if kind == ListKind::Tools && !(part.offers)(&definition.key) {
                        continue;
                    }
                    let target = Target::new(part.server.clone(), definition.key.as_str());
                    let Some(name) = names.of(kind).give(kind, &target, part.prefix) else { continue };
                    if !lean || kind != ListKind::Tools || target.is_own() {
                        rendered.push((name.clone(), render(kind, definition, &name)));
                    }
                    if kind == ListKind::ResourceTemplates {
                        view.templates.push((template_pattern(&definition.key), target.clone()));
                    }
                    if kind == ListKind::Tools {
                        if let Some(schema) = header_schema(definition) {
                            view.header_schemas.insert(target.clone(), schema);
                        }
                        if requires_task(definition) {
                            view.task_tools.insert(target.clone());
                        }
                        *view.counts.entry(part.server.clone()).or_default() += 1;
                    }
                    // The canonical name is always understood; an exposed name that looks like one comes first.
                    targets.entry(target.to_string()).or_insert_with(|| target.clone());
                    targets.insert(name, target);
                }
            }
            view.held.add(kind, parts, names.of(kind));
            view.lists.insert(kind, Rendered::new(kind, rendered));
            view.targets.insert(kind, targets);
        }
        view
    }

    /// With what its definitions are looked up in.
    #[must_use]
    pub(crate) fn with_definitions(mut self, definitions: Definitions) -> Self {
        self.definitions = definitions;
        self
    }

    /// A page of a list, from the beginning or from where a cursor says.
    ///
    /// # Errors
    /// `InvalidInput` for a cursor that was not given here, or whose place is gone.
    pub(crate) fn page(&self, kind: ListKind, cursor: Option<&str>, size: usize) -> Result<RawJson> {
        match self.lists.get(&kind) {
            Some(list) => list.page(kind, cursor, size),
            None => Ok(RawJson::empty_object()),
        }
    }

    /// A whole list.
    #[cfg(test)]
    fn list(&self, kind: ListKind) -> RawJson {
        self.page(kind, None, usize::MAX).unwrap()
    }

    /// The input schema of a tool, if some of its arguments are headers.
    pub(crate) fn header_schema(&self, target: &Target) -> Option<RawJson> {
        self.header_schemas.get(target).cloned()
    }

    /// Whether a tool is carried out as a task only.
    pub(crate) fn requires_task(&self, target: &Target) -> bool {
        self.task_tools.contains(target)
    }

    /// What the gateway says about itself.
    pub(crate) fn introduction(&self) -> &Introduction {
        &self.introduction
    }

    /// The kinds of list in which two views differ.
    pub(crate) fn changes(&self, before: &Self) -> Vec<ListKind> {
        ListKind::ALL.into_iter().filter(|kind| self.lists.get(kind) != before.lists.get(kind)).collect()
    }

    /// How many tools of a server are offered.
    pub(crate) fn tool_count(&self, server: &ServerName) -> usize {
        self.counts.get(server).copied().unwrap_or_default()
    }

    /// The names under which the tools of a server are shown, by their own.
    pub(crate) fn tool_names(&self, server: &ServerName) -> HashMap<String, String> {
        let targets = self.targets.get(&ListKind::Tools).into_iter().flatten();
        let shown = targets.filter(|(name, target)| target.server == *server && **name != target.to_string());
        shown.map(|(name, target)| (target.name.clone(), name.clone())).collect()
    }

    /// What a name means in a request of this kind.
    pub(crate) fn find(&self, kind: RequestKind, subject: &str) -> Option<Target> {
        let of = |list| self.targets.get(&list).and_then(|targets| targets.get(subject)).cloned();
        match kind {
            RequestKind::CallTool => of(ListKind::Tools),
            RequestKind::GetPrompt => of(ListKind::Prompts),
            RequestKind::ReadResource | RequestKind::Subscribe | RequestKind::Unsubscribe => {
                of(ListKind::Resources).or_else(|| self.by_template(subject))
            }
            _ => None,
        }
    }

    /// What a request names, and what its server said that this is.
    pub(crate) fn look_up(&self, request: &Request, subject: &str) -> Option<(Target, Option<Arc<Described>>)> {
        let in_list = |list: ListKind| {
            let target = self.targets.get(&list)?.get(subject)?;
            Some((target.clone(), self.definitions.get(list, target)))
        };
        let held = |list| Some((self.held.find(list, subject)?, None));
        match request.kind {
            RequestKind::Complete => in_list(request.completes()?).or_else(|| held(request.completes()?)),
            RequestKind::CallTool => in_list(ListKind::Tools).or_else(|| held(ListKind::Tools)),
            RequestKind::GetPrompt => in_list(ListKind::Prompts).or_else(|| held(ListKind::Prompts)),
            RequestKind::ReadResource | RequestKind::Subscribe | RequestKind::Unsubscribe => {
                // A resource that is held back is not read by a template either.
                let listed = in_list(ListKind::Resources).or_else(|| held(ListKind::Resources));
                let templated = || {
                    let template = self.template(subject)?;
                    let described = self.definitions.get(ListKind::ResourceTemplates, template);
                    Some((Target::new(template.server.clone(), subject), described))
                };
                listed.or_else(templated).or_else(|| Some((self.held.by_template(subject)?, None)))
            }
            _ => None,
        }
    }

    /// Whether it was made of what is recorded of a server now.
    pub(crate) fn is_current(&self, slot: &Slot) -> bool {
        self.definitions.is_current(&slot.name, slot.lock().as_ref())
    }

    /// What a server said of what a request of this kind is about, by its canonical name.
    pub(crate) fn describe(&self, kind: RequestKind, target: &Target) -> Option<Arc<Described>> {
        let of = |list| self.definitions.get(list, target);
        match kind {
            RequestKind::CallTool => of(ListKind::Tools),
            kind if kind.is_about_task() => of(ListKind::Tools),
            RequestKind::GetPrompt => of(ListKind::Prompts),
            RequestKind::ReadResource | RequestKind::Subscribe | RequestKind::Unsubscribe => of(ListKind::Resources)
                .or_else(|| self.definitions.get(ListKind::ResourceTemplates, self.template(&target.name)?)),
            RequestKind::Complete => of(ListKind::Prompts).or_else(|| of(ListKind::ResourceTemplates)),
            _ => None,
        }
    }

    fn by_template(&self, uri: &str) -> Option<Target> {
        Some(Target::new(self.template(uri)?.server.clone(), uri))
    }

    fn template(&self, uri: &str) -> Option<&Target> {
        self.templates.iter().find(|(pattern, _)| pattern.matches(uri)).map(|(_, target)| target)
    }
}

/// The names of what is held back.
#[derive(Debug, Default)]
struct Held {
    targets: HashMap<ListKind, HashMap<String, Target>>,
    templates: Vec<(Pattern, Target)>,
}

impl Held {
    /// Under the names that it was given before, its canonical ones, and its own.
    fn add(&mut self, kind: ListKind, parts: &[Part<'_>], names: &Names) {
        let targets = self.targets.entry(kind).or_default();
        for part in parts {
            for finding in part.held.iter().filter(|finding| finding.item.list == Some(kind)) {
                let key = finding.item.key.as_str();
                if kind == ListKind::Tools && !(part.offers)(key) {
                    continue;
                }
                let target = Target::new(part.server.clone(), key);
                let given = names.given(&target).map(str::to_owned);
                for name in given.into_iter().chain([target.to_string(), key.to_owned()]) {
                    targets.entry(name).or_insert_with(|| target.clone());
                }
                if kind == ListKind::ResourceTemplates {
                    self.templates.push((template_pattern(key), target));
                }
            }
        }
    }

    fn find(&self, kind: ListKind, subject: &str) -> Option<Target> {
        self.targets.get(&kind)?.get(subject).cloned()
    }

    fn by_template(&self, uri: &str) -> Option<Target> {
        let (_, template) = self.templates.iter().find(|(pattern, _)| pattern.matches(uri))?;
        Some(Target::new(template.server.clone(), uri))
    }
}

fn requires_task(definition: &Definition) -> bool {
    may_hold(&definition.json, "taskSupport")
        && serde_json::from_str::<serde_json::Value>(&definition.json)
            .is_ok_and(|tool| tool["execution"]["taskSupport"] == "required")
}

fn header_schema(definition: &Definition) -> Option<RawJson> {
    if !may_hold(&definition.json, "x-mcp-header") {
        return None;
    }
    RawJson::parse(definition.json.as_str()).ok()?.object().ok()?.get("inputSchema").cloned()
}

/// The definition as it came, except for a name that had to be changed.
fn render(kind: ListKind, definition: &Definition, name: &str) -> String {
    if name == definition.key {
        return definition.json.clone();
    }
    let Ok(mut object) = RawJson::parse(definition.json.as_str()).and_then(|raw| raw.object()) else {
        return definition.json.clone();
    };
    object.set_text(kind.key(), name);
    object.to_raw().get().to_owned()
}

/// A glob for the URIs of a template (RFC 6570): each expression stands for any run of characters.
pub(super) fn template_pattern(template: &str) -> Pattern {
    let mut glob = String::new();
    let mut rest = template;
    while let Some((literal, expression)) = rest.split_once('{') {
        glob.push_str(literal);
        glob.push('*');
        rest = expression.split_once('}').map_or("", |(_, rest)| rest);
    }
    glob.push_str(rest);
    Pattern::new(glob)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn surface(tools: &[&str]) -> Surface {
        let tool = |name: &&str| Definition::new(*name, format!(r#"{{"name":"{name}","inputSchema":{{}},"x":1.0}}"#));
        let template = r#"{"uriTemplate":"demo://r/{id}","name":"r"}"#;
        Surface {
            tools: tools.iter().map(tool).collect(),
            resource_templates: vec![Definition::new("demo://r/{id}", template)],
            ..Surface::default()
        }
    }

    #[test]
    fn the_union_is_stable_and_filtered() {
        let (a, b) = (ServerName::new("a").unwrap(), ServerName::new("b").unwrap());
        let (first, second) = (surface(&["x", "y"]), surface(&["x", "z"]));
        let parts = [
            Part { server: &a, surface: &first, prefix: None, offers: &|_| true, held: Vec::new() },
            Part { server: &b, surface: &second, prefix: None, offers: &|tool| tool != "z", held: Vec::new() },
        ];
        let mut names = AllNames::default();
        let view = View::build(&parts, false, &mut names);
        assert_eq!(
            view.list(ListKind::Tools).get(),
            r#"{"tools":[{"name":"x","inputSchema":{},"x":1.0},{"name":"y","inputSchema":{},"x":1.0},{"name":"b__x","inputSchema":{},"x":1.0}]}"#
        );
        let find = |name: &str| view.find(RequestKind::CallTool, name).map(|target| target.to_string());
        assert_eq!(find("b__x").as_deref(), Some("b.x"));
        assert_eq!(find("b.x").as_deref(), Some("b.x"));
        assert_eq!(find("z"), None);
        assert_eq!(find("b.z"), None, "a tool that is filtered out has no name at all");
        assert_eq!(view.find(RequestKind::ReadResource, "demo://r/7").unwrap().to_string(), "a.demo://r/7");
        assert!(view.changes(&View::build(&parts, false, &mut names)).is_empty());
        assert_eq!(View::build(&parts[..1], false, &mut names).changes(&view), [ListKind::Tools]);
    }
}
