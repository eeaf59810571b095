//! The gateway: one value that is one profile, one secret scope, one server set, one policy and one audit trail.

mod approvals;
mod approved;
mod builder;
mod cedar;
mod client;
mod command;
mod decide;
mod definitions;
pub mod dialect;
mod dynamic;
mod egress;
mod events;
mod expand;
mod ext;
mod face;
#[cfg(feature = "gateway-home")]
pub mod home;
mod host_link;
mod hub;
mod inspect;
mod introduction;
mod launch;
mod layers;
mod names;
#[cfg(feature = "runtime-remote")]
mod oauth;
mod page;
mod redact;
mod secret_hosts;
mod selection;
mod session;
mod settings;
mod surfaces;
#[cfg(test)]
mod tests;
mod unrecorded;
mod usage;
mod value;
mod verified;
mod view;
mod whole;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use serde::Serialize;
use serde_json::Value;

use crate::error::Result;
use crate::model::{CallContext, Principal, ProfileName, ServerName, SessionId, Verification};
use crate::protocol::{ClientCapabilities, ClientLink, RawJson, Request, Response};

pub use approved::{DescribedItem, ServerSurface};
pub use builder::{GatewayBuilder, GatewayOptions};
pub use client::{Client, ClientQuestion, HostClient};
pub use command::HostCommand;
pub use decide::{Change, DryRun};
pub use events::{GatewayEvent, GatewayEvents};
pub use ext::GatewayExt;
pub use face::GatewayHost;
#[cfg(fuzzing)]
pub use face::fuzzing;
pub use host_link::ProgressListener;
pub use inspect::Inspection;
#[cfg(feature = "runtime-remote")]
pub use oauth::{OAuthBegun, OAuthRequest, OAuthState, OAuthStatus};
pub use session::{CallOptions, Session};
pub use surfaces::{Approval, ChangeKind, FieldChange, FlagKind, SurfaceChange, SurfaceDiff, SurfaceFlag};
pub use value::McpGateway;

/// Everything that an agent can do with its servers, through one funnel.
///
/// # Behavior
/// - Every request to a server goes through `dispatch`; there is no other way.
/// - A request in no session gets servers that are shared by such requests.
/// - `close_session` and `shutdown` may be called twice.
#[async_trait]
pub trait Gateway: fmt::Debug + Send + Sync + 'static {
    /// The profile that this gateway is.
    fn profile(&self) -> &ProfileName;

    /// Carries out one request: looks its name up, asks policy, records it, sends it to its server.
    ///
    /// # Errors
    /// `Denied`, `NotFound`, `MissingSecret`, `StartFailed`, `ServerExited`, `Timeout`, `Cancelled`, and what the runtime says.
    /// A server's own JSON-RPC error is no error here but part of the response.
    async fn dispatch(&self, ctx: &CallContext, request: Request) -> Result<Response>;

    /// What it says about itself to a client that can do this.
    async fn introduce(&self, capabilities: &ClientCapabilities) -> Introduction;

    /// The input schema of a tool of which arguments are headers too, in requests that have headers; `None` for any other.
    async fn header_schema(&self, session: Option<&SessionId>, name: &str) -> Option<RawJson>;

    /// Opens a session for a client.
    ///
    /// # Errors
    /// `Overloaded` when there are too many, `Closed` when the gateway is shutting down.
    async fn open_session(&self, options: SessionOptions) -> Result<SessionId>;

    /// Tells the servers of a session that the roots of its client are others now.
    async fn roots_changed(&self, session: &SessionId);

    /// Adds a way to tell the client of a session what belongs to no request, such as a stream on which it listens.
    ///
    /// # Errors
    /// `Closed` when the session has ended, `Overloaded` when it has too many.
    async fn attach_link(&self, session: &SessionId, link: Arc<dyn ClientLink>) -> Result<()>;

    /// Takes such a way out, with what was subscribed to over it.
    async fn detach_link(&self, session: &SessionId, link: &Arc<dyn ClientLink>);

    /// Ends a session and gives its servers back.
    async fn close_session(&self, session: &SessionId);

    /// The servers of the profile and how they are.
    async fn servers(&self) -> Vec<ServerStatus>;

    /// Stops every server and refuses new requests.
    async fn shutdown(&self);
}

/// A session to be opened.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct SessionOptions {
    /// The way back to the client; `None` for one that cannot be told or asked anything.
    pub link: Option<Arc<dyn ClientLink>>,
    /// What the client can do; servers of the session are told so.
    pub capabilities: ClientCapabilities,
    /// Whose session it is, for what is recorded of it outside of its requests.
    pub principal: Option<Principal>,
}

impl SessionOptions {
    /// A session of a client that cannot be told or asked anything.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives the way back to the client.
    #[must_use]
    pub fn with_link(mut self, link: Arc<dyn ClientLink>) -> Self {
        self.link = Some(link);
        self
    }

    /// Says whose session it is.
    #[must_use]
    pub fn with_principal(mut self, principal: Principal) -> Self {
        self.principal = Some(principal);
        self
    }

    /// Says what the client can do.
    #[must_use]
    pub fn with_capabilities(mut self, capabilities: ClientCapabilities) -> Self {
        self.capabilities = capabilities;
        self
    }
}

/// What a gateway says about itself to a client, whichever way it is asked.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Introduction {
    /// Its capabilities: what it does itself, and the extensions that a server of the profile has.
    pub capabilities: Value,
    /// The instructions of the servers, each under its name.
    pub instructions: Option<String>,
}

/// One server of the profile.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ServerStatus {
    /// Its name.
    pub name: ServerName,
    /// How it is.
    pub state: ServerState,
    /// Why, for a server that is refused, has failed, or of which something is held back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How many of it run.
    pub running: usize,
    /// How many tools it offers, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tools: Option<usize>,
    /// How many of its definitions are held back until an operator accepts them.
    #[serde(skip_serializing_if = "is_none")]
    pub held: usize,
    /// What was found out about its image when it was last checked, where signatures are asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verification: Option<Verification>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
const fn is_none(count: &usize) -> bool {
    *count == 0
}

/// How a server of the profile is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ServerState {
    /// Known from its record, not running.
    Recorded,
    /// Never seen running.
    Unknown,
    /// Running.
    Running,
    /// Its last start failed.
    Failed,
    /// It cannot be started: no entry, a broken value, a missing secret.
    Refused,
}
