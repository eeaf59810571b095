//! Everything that a client may ask of a server, as one enumeration: what is not here is denied.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{ClientLink, Era, RawJson, RawObject, RpcError, may_hold};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Described, InstanceId, LogLevel, ServerName, TraceContext};

/// The kinds of request that the gateway serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RequestKind {
    /// `tools/list`
    ListTools,
    /// `tools/call`
    CallTool,
    /// `prompts/list`
    ListPrompts,
    /// `prompts/get`
    GetPrompt,
    /// `resources/list`
    ListResources,
    /// `resources/templates/list`
    ListResourceTemplates,
    /// `resources/read`
    ReadResource,
    /// `resources/subscribe`
    Subscribe,
    /// `resources/unsubscribe`
    Unsubscribe,
    /// `completion/complete`
    Complete,
    /// `logging/setLevel`
    SetLogLevel,
    /// `tasks/get`
    GetTask,
    /// `tasks/update`
    UpdateTask,
    /// `tasks/cancel`
    CancelTask,
    /// `tasks/result`
    TaskResult,
    /// `tasks/list`
    ListTasks,
}

/// The four lists of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ListKind {
    /// Tools, by name.
    Tools,
    /// Prompts, by name.
    Prompts,
    /// Resources, by URI.
    Resources,
    /// Resource templates, by URI template.
    ResourceTemplates,
}

impl RequestKind {
    /// Every kind.
    pub const ALL: [Self; 16] = [
        Self::ListTools,
        Self::CallTool,
        Self::ListPrompts,
        Self::GetPrompt,
        Self::ListResources,
        Self::ListResourceTemplates,
        Self::ReadResource,
        Self::Subscribe,
        Self::Unsubscribe,
        Self::Complete,
        Self::SetLogLevel,
        Self::GetTask,
        Self::UpdateTask,
        Self::CancelTask,
        Self::TaskResult,
        Self::ListTasks,
    ];

    /// The method of this kind.
    pub const fn method(self) -> &'static str {
        match self {
            Self::ListTools => "tools/list",
            Self::CallTool => "tools/call",
            Self::ListPrompts => "prompts/list",
            Self::GetPrompt => "prompts/get",
            Self::ListResources => "resources/list",
            Self::ListResourceTemplates => "resources/templates/list",
            Self::ReadResource => "resources/read",
            Self::Subscribe => "resources/subscribe",
            Self::Unsubscribe => "resources/unsubscribe",
            Self::Complete => "completion/complete",
            Self::SetLogLevel => "logging/setLevel",
            Self::GetTask => "tasks/get",
            Self::UpdateTask => "tasks/update",
            Self::CancelTask => "tasks/cancel",
            Self::TaskResult => "tasks/result",
            Self::ListTasks => "tasks/list",
        }
    }

    /// The kind of a method; `None` for one that is not served.
    pub fn from_method(method: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.method() == method)
    }

    /// Whether the stateless era has this kind.
    pub const fn is_in_stateless_era(self) -> bool {
        !matches!(self, Self::Subscribe | Self::Unsubscribe | Self::SetLogLevel | Self::TaskResult | Self::ListTasks)
    }

    /// Whether the session era has this kind.
    pub const fn is_in_session_era(self) -> bool {
        !matches!(self, Self::UpdateTask)
    }

    /// Whether it is about a call that was decided when it began.
    pub const fn is_about_task(self) -> bool {
        matches!(self, Self::GetTask | Self::UpdateTask | Self::CancelTask | Self::TaskResult)
    }

    /// Whether a server may ask something in the course of it.
    pub const fn may_ask(self) -> bool {
        matches!(self, Self::CallTool | Self::GetPrompt | Self::ReadResource)
    }

    /// The list that this kind asks for.
    pub const fn list(self) -> Option<ListKind> {
        match self {
            Self::ListTools => Some(ListKind::Tools),
            Self::ListPrompts => Some(ListKind::Prompts),
            Self::ListResources => Some(ListKind::Resources),
            Self::ListResourceTemplates => Some(ListKind::ResourceTemplates),
            _ => None,
        }
    }

    /// The member of the parameters that names what is asked for.
    const fn subject(self) -> Option<&'static str> {
        match self {
            Self::CallTool | Self::GetPrompt => Some("name"),
            Self::ReadResource | Self::Subscribe | Self::Unsubscribe => Some("uri"),
            Self::GetTask | Self::UpdateTask | Self::CancelTask | Self::TaskResult => Some("taskId"),
            _ => None,
        }
    }
}

impl fmt::Display for RequestKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.method())
    }
}

impl ListKind {
    /// Every list.
    pub const ALL: [Self; 4] = [Self::Tools, Self::Prompts, Self::Resources, Self::ResourceTemplates];

    /// The member of the result that holds the items.
    pub const fn member(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::Prompts => "prompts",
            Self::Resources => "resources",
            Self::ResourceTemplates => "resourceTemplates",
        }
    }

    /// The member of an item that names it.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Tools | Self::Prompts => "name",
            Self::Resources => "uri",
            Self::ResourceTemplates => "uriTemplate",
        }
    }

    /// The member of a reference that names an item.
    const fn key_in_reference(self) -> &'static str {
        match self {
            Self::Tools | Self::Prompts => "name",
            Self::Resources | Self::ResourceTemplates => "uri",
        }
    }

    /// The request that asks for the list.
    pub const fn request(self) -> RequestKind {
        match self {
            Self::Tools => RequestKind::ListTools,
            Self::Prompts => RequestKind::ListPrompts,
            Self::Resources => RequestKind::ListResources,
            Self::ResourceTemplates => RequestKind::ListResourceTemplates,
        }
    }

    /// The capability that a server with this list declares.
    pub const fn capability(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::Prompts => "prompts",
            Self::Resources | Self::ResourceTemplates => "resources",
        }
    }

    /// The notification that says the list has changed.
    pub const fn changed(self) -> &'static str {
        match self {
            Self::Tools => "notifications/tools/list_changed",
            Self::Prompts => "notifications/prompts/list_changed",
            Self::Resources | Self::ResourceTemplates => "notifications/resources/list_changed",
        }
    }
}

/// Whom a request is for: the canonical name, which policy and audit use.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Target {
    /// The server.
    pub server: ServerName,
    /// The tool's or prompt's own name at that server, or the resource's URI.
    pub name: String,
}

impl Target {
    /// Names a target.
    pub fn new(server: ServerName, name: impl Into<String>) -> Self {
        Self { server, name: name.into() }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.server, self.name)
    }
}

/// One request to the servers behind the gateway.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Request {
    /// What is asked.
    pub kind: RequestKind,
    /// The parameters; their members stay raw.
    pub params: RawObject,
    /// Whom it is for, once the gateway has looked the name up.
    pub target: Option<Target>,
    /// What it is about, once the gateway has looked the name up, as far as that was recorded; of a task, what began it.
    pub described: Option<Arc<Described>>,
    /// The way back to the client for what belongs to this request: progress, questions.
    pub link: Option<Arc<dyn ClientLink>>,
    /// From which level on the caller wants log messages of this request; `None` leaves it to the session.
    pub log_level: Option<LogLevel>,
    /// Whether nothing but this request tells its client from others of its principal, so that what a server asks in the
    /// course of it must not come up in another.
    pub stands_alone: bool,
    /// Whether the caller understands a result that asks for more, and repeats the request with the answers.
    pub takes_rounds: bool,
    /// Whether its client is known to be on this machine: no other is sent to pages that the gateway shows here.
    pub is_local: bool,
}

impl Request {
    /// A request of a kind with its parameters.
    pub fn new(kind: RequestKind, params: RawObject) -> Self {
        Self {
            kind,
            params,
            target: None,
            described: None,
            link: None,
            log_level: None,
            stands_alone: false,
            takes_rounds: false,
            is_local: false,
        }
    }

    /// Gives the way back to the client.
    #[must_use]
    pub fn with_link(mut self, link: Arc<dyn ClientLink>) -> Self {
        self.link = Some(link);
        self
    }

    /// A request for a whole list.
    pub fn list(kind: ListKind) -> Self {
        Self::new(kind.request(), RawObject::default())
    }

    /// A tool call, by the tool's exposed name or its canonical name `server.tool`.
    ///
    /// # Errors
    /// `Internal` when the arguments have no JSON form.
    pub fn call_tool(name: &str, arguments: &impl Serialize) -> Result<Self> {
        let mut params = RawObject::default();
        params.set_text("name", name);
        params.set("arguments", RawJson::from_value(arguments)?);
        Ok(Self::new(RequestKind::CallTool, params))
    }

    /// Reads a request from its method and parameters.
    ///
    /// # Errors
    /// `Unsupported` for a method that is not served, `InvalidInput` for parameters that are no object.
    pub fn from_message(method: &str, params: Option<&RawJson>) -> Result<Self> {
        let params = match params {
            None => RawObject::default(),
            Some(params) => params.object().map_err(|cause| {
                Error::new(ErrorKind::InvalidInput, format!("parameters of `{method}` are not an object"))
                    .with_source(cause)
            })?,
        };
        Self::from_object(method, params)
    }

    /// As [`from_message`](Self::from_message), with parameters that were read already.
    ///
    /// # Errors
    /// `Unsupported` for a method that is not served.
    pub fn from_object(method: &str, params: RawObject) -> Result<Self> {
        let kind = RequestKind::from_method(method)
            .ok_or_else(|| Error::new(ErrorKind::Unsupported, format!("method `{method}` is not served here")))?;
        Ok(Self::new(kind, params))
    }

    /// The name or URI that the caller wrote, for kinds that have one.
    pub fn subject(&self) -> Option<String> {
        match self.kind {
            RequestKind::Complete => {
                let reference = self.params.get("ref")?.object().ok()?;
                reference.text(completed(&reference)?.key_in_reference())
            }
            kind => self.params.text(kind.subject()?),
        }
    }

    /// Of which list a completion is about an item; `None` for any other request, and for a reference that names none.
    pub fn completes(&self) -> Option<ListKind> {
        completed(&self.params.get("ref")?.object().ok()?).filter(|_| self.kind == RequestKind::Complete)
    }

    /// The keys of W3C Trace Context in the `_meta` of the parameters.
    pub fn trace(&self) -> TraceContext {
        let mut trace = TraceContext::default();
        if let Some(meta) = self.params.get("_meta").and_then(|meta| meta.object().ok()) {
            trace.traceparent = meta.text("traceparent");
            trace.tracestate = meta.text("tracestate");
        }
        trace
    }

    /// Why it cannot be carried out when its name means nothing here; nothing for a request that needs no name.
    pub(crate) fn unmatched(&self) -> Option<Error> {
        let member = match (self.kind, self.kind.subject()) {
            _ if self.target.is_some() => return None,
            (RequestKind::Complete, _) => "ref",
            (_, Some(member)) => member,
            (_, None) => return None,
        };
        Some(match self.subject() {
            Some(subject) => {
                let why = if self.kind.is_about_task() {
                    format!("task `{subject}` is not known, or its time is up")
                } else {
                    format!("`{subject}` is offered by no server of this profile")
                };
                Error::new(ErrorKind::NotFound, why)
            }
            None => Error::new(ErrorKind::InvalidInput, format!("`{}` needs the text `{member}`", self.kind)),
        })
    }

    /// The arguments of a tool call or prompt.
    pub fn arguments(&self) -> Option<&RawJson> {
        self.params.get("arguments")
    }
}

/// What a reference is to: its type alone says so, for its other members may say several things at once.
fn completed(reference: &RawObject) -> Option<ListKind> {
    match reference.text("type")?.as_str() {
        "ref/prompt" => Some(ListKind::Prompts),
        "ref/resource" => Some(ListKind::ResourceTemplates),
        _ => None,
    }
}

/// The answer to a [`Request`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Response {
    /// The server's result, or its JSON-RPC error, as it came.
    pub result: Result<RawJson, RpcError>,
    /// The running server that answered, if one did.
    pub served_by: Option<InstanceId>,
    /// The era in whose form the result is.
    pub era: Era,
}

impl Response {
    /// A result that the gateway made itself.
    pub fn new(result: RawJson) -> Self {
        Self { result: Ok(result), served_by: None, era: Era::Session }
    }

    /// A server's answer, in the form of its era.
    pub fn from_server(result: Result<RawJson, RpcError>, served_by: InstanceId, era: Era) -> Self {
        Self { result, served_by: Some(served_by), era }
    }

    /// Whether a tool said that it failed; the text is searched before it is read, for most results are large and fine.
    pub fn is_tool_error(&self) -> bool {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Outcome {
            #[serde(default)]
            is_error: Option<bool>,
        }
        let Ok(result) = &self.result else { return false };
        may_hold(result.get(), "\"isError\"")
            && result.read::<Outcome>().is_ok_and(|outcome| outcome.is_error == Some(true))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_methods_are_refused() {
        let error = Request::from_message("tools/delete", None).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    }

    #[test]
    fn the_subject_is_what_the_caller_named() {
        let params = RawJson::parse(r#"{"ref":{"type":"ref/prompt","name":"p"},"argument":{}}"#).unwrap();
        let request = Request::from_message("completion/complete", Some(&params)).unwrap();
        assert_eq!(request.subject().as_deref(), Some("p"));
    }

    #[test]
    fn a_tool_error_is_seen() {
        let answer = |text: &str| Response::new(RawJson::parse(text).unwrap());
        assert!(answer(r#"{"content":[],"isError": true}"#).is_tool_error());
        assert!(answer(r#"{"is\u0045rror":true}"#).is_tool_error());
        assert!(!answer(r#"{"content":[{"text":"\"isError\":true"}]}"#).is_tool_error());
    }
}
