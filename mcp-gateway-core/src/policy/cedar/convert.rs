//! Requests as Cedar sees them.

use cedar_policy::{
    Context, Entities, Entity, EntityId, EntityTypeName, EntityUid, Request as CedarRequest, RestrictedExpression,
};
use serde_json::Value;

use super::{CedarPolicy, error};
use crate::error::{Error, ErrorKind, Result};
use crate::model::CallContext;
use crate::protocol::{ListKind, RawJson, Request, RequestKind, ServerChange, Target};
use crate::util::clock;

/// The most values in the arguments of a request, lists and objects included.
const MAX_VALUES: usize = 10_000;
/// How deep they may be nested.
const MAX_DEPTH: usize = 128;

/// Whole numbers up to here are whole numbers in every JSON library.
const MAX_WHOLE: f64 = 9_007_199_254_740_992.0;

type Pairs = Vec<(String, RestrictedExpression)>;

/// A request, ready to be asked about.
pub(super) struct Asked<'a> {
    request: CedarRequest,
    resource: EntityUid,
    source: &'a Request,
    target: &'a Target,
    server: EntityUid,
    /// Everything but the resource.
    others: Vec<Entity>,
}

impl<'a> Asked<'a> {
    pub(super) fn new(
        policy: &CedarPolicy,
        ctx: &CallContext,
        source: &'a Request,
        target: &'a Target,
        time: i64,
    ) -> Result<Self> {
        let principal = uid("Principal", &ctx.principal.name)?;
        let roles = ctx.principal.roles.iter().map(|role| uid("Role", role)).collect::<Result<Vec<_>>>()?;
        let profile = uid("Profile", policy.profile.as_str())?;
        let server = uid("Server", target.server.as_str())?;
        let resource = uid(resource_type(source), &target.to_string())?;
        let action = uid("Action", source.change().map_or(source.kind.method(), ServerChange::as_str))?;
        let mut others = vec![
            entity(principal.clone(), vec![pair("name", &ctx.principal.name)], roles, Vec::new())?,
            entity(server.clone(), vec![pair("name", target.server.as_str())], vec![profile], Vec::new())?,
        ];
        let mut context = vec![("time".to_owned(), RestrictedExpression::new_datetime(clock::rfc3339(time)))];
        if matches!(source.kind, RequestKind::CallTool | RequestKind::GetPrompt) {
            let mut values = Values::default();
            if let Some(arguments) = source.arguments() {
                values.read(arguments, &mut String::new(), 0)?;
            }
            for (key, kind, tags) in [("texts", "Texts", values.texts), ("numbers", "Numbers", values.numbers)] {
                let uid = uid(kind, "arguments")?;
                context.push((key.to_owned(), RestrictedExpression::new_entity_uid(uid.clone())));
                others.push(entity(uid, Vec::new(), Vec::new(), tags)?);
            }
        }
        let context = Context::from_pairs(context).map_err(error::schema)?;
        let request = CedarRequest::new(principal, action, resource.clone(), context, Some(&policy.schema))
            .map_err(error::schema)?;
        Ok(Self { request, resource, source, target, server, others })
    }

    pub(super) const fn request(&self) -> &CedarRequest {
        &self.request
    }

    /// Whether the server says something of itself that nobody has approved.
    pub(super) fn has_claims(&self) -> bool {
        let described = self.source.described.as_ref();
        described.is_some_and(|described| !described.approved && !described.annotations.is_null())
    }

    pub(super) fn entities(&self, actions: &Entities, with_annotations: bool) -> Result<Entities> {
        let described = self.source.described.as_deref();
        let annotations = match described {
            Some(described) if with_annotations => annotations(&described.annotations),
            _ => Vec::new(),
        };
        let annotations = RestrictedExpression::new_record(annotations).map_err(error::schema)?;
        let approved = described.is_some_and(|described| described.approved);
        let mut attributes = vec![
            pair("name", &self.target.name),
            ("approved".to_owned(), RestrictedExpression::new_bool(approved)),
            ("annotations".to_owned(), annotations),
        ];
        if let Some(described) = described {
            let known = [("identity", &described.identity), ("definition", &described.definition)];
            attributes
                .extend(known.into_iter().filter(|(_, text)| !text.is_empty()).map(|(key, text)| pair(key, text)));
        }
        let resource = entity(self.resource.clone(), attributes, vec![self.server.clone()], Vec::new())?;
        let all = self.others.iter().cloned().chain([resource]);
        actions.clone().add_entities(all, None).map_err(error::schema)
    }
}

/// What the target of a request is.
fn resource_type(request: &Request) -> &'static str {
    match request.kind {
        RequestKind::GetPrompt => "Prompt",
        RequestKind::ReadResource | RequestKind::Subscribe | RequestKind::Unsubscribe => "Resource",
        RequestKind::Complete if request.completes() == Some(ListKind::Prompts) => "Prompt",
        RequestKind::Complete => "Template",
        _ => "Tool",
    }
}

fn uid(kind: &'static str, id: &str) -> Result<EntityUid> {
    let kind: EntityTypeName = kind.parse().map_err(error::schema)?;
    Ok(EntityUid::from_type_name_and_id(kind, EntityId::new(id)))
}

fn entity(uid: EntityUid, attributes: Pairs, parents: Vec<EntityUid>, tags: Pairs) -> Result<Entity> {
    Entity::new_with_tags(uid, attributes, parents, tags).map_err(error::schema)
}

fn pair(key: &str, text: &str) -> (String, RestrictedExpression) {
    (key.to_owned(), RestrictedExpression::new_string(text.to_owned()))
}

/// The annotations that the schema has, where they are of its type.
fn annotations(said: &Value) -> Pairs {
    let hint = |key: &str| Some((key.to_owned(), RestrictedExpression::new_bool(said.get(key)?.as_bool()?)));
    let title = said.get("title").and_then(Value::as_str).map(|title| pair("title", title));
    ["readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"]
        .into_iter()
        .filter_map(hint)
        .chain(title)
        .collect()
}

/// The values in arguments, by JSON pointer.
#[derive(Default)]
struct Values {
    texts: Pairs,
    numbers: Pairs,
    seen: usize,
}

impl Values {
    fn read(&mut self, value: &RawJson, at: &mut String, depth: usize) -> Result<()> {
        self.seen += 1;
        if self.seen > MAX_VALUES || depth > MAX_DEPTH {
            let most = format!("arguments have more than {MAX_VALUES} values, or more than {MAX_DEPTH} levels");
            return Err(Error::new(ErrorKind::TooLarge, most));
        }
        let length = at.len();
        match value.get().as_bytes().first() {
            // Members one by one, because a key that stands twice is an error then.
            Some(b'{') => {
                for (key, value) in value.object()?.iter() {
                    at.push('/');
                    at.push_str(&key.replace('~', "~0").replace('/', "~1"));
                    self.read(value, at, depth + 1)?;
                    at.truncate(length);
                }
            }
            Some(b'[') => {
                for (index, item) in value.items()?.iter().enumerate() {
                    at.push('/');
                    at.push_str(&index.to_string());
                    self.read(item, at, depth + 1)?;
                    at.truncate(length);
                }
            }
            _ => match value.read()? {
                Value::String(text) => self.texts.push(pair(at, &text)),
                other => {
                    if let Some(number) = whole(&other) {
                        self.numbers.push((at.clone(), RestrictedExpression::new_long(number)));
                    }
                    self.texts.push(pair(at, &other.to_string()));
                }
            },
        }
        Ok(())
    }
}

/// A whole number, however it is written.
fn whole(value: &Value) -> Option<i64> {
    let is_whole = |number: &f64| number.fract() == 0.0 && number.abs() <= MAX_WHOLE;
    value.as_i64().or_else(|| {
        let number = value.as_f64().filter(is_whole)?;
        // Its digits, for whole numbers of this size have no exponent.
        format!("{number:.0}").parse().ok()
    })
}
