//! The gateway as JavaScript's half sees it: work is started under a ticket, and its end is told under the same.

mod dialect;
mod handles;
pub mod home;
mod request;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mcp_gateway_core::gateway::home::{OpenOptions, OpenParts, open};
use mcp_gateway_core::gateway::{Gateway as _, GatewayEvents, McpGateway, Session};
use mcp_gateway_core::model::{HostObject, Principal, SecretValue};
use mcp_gateway_core::protocol::RawJson;
use mcp_gateway_core::transport::server::MemoryClient;
use mcp_gateway_core::util::threads::Threads;
use mcp_gateway_core::{Error, ErrorKind, Result};
use napi_derive::napi;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::error::to_napi;
use crate::model::{HostCalls, JavaScriptObject};
use crate::util::{Deliver, Post, Reply, Tickets};
use handles::Handles;

/// How long the servers of a gateway that nobody closed may take to stop when the process ends.
const LAST_MOMENT: Duration = Duration::from_secs(20);

/// An object of JavaScript that is a part of the gateway.
#[napi(object)]
#[non_exhaustive]
#[derive(Debug)]
pub struct HostPart {
    /// The part: `catalog`, `secrets`, `policy`, `approver`, `client`, `audit`.
    pub part: String,
    /// What the object is called in messages.
    pub name: String,
    /// The methods that it has.
    pub methods: Vec<String>,
}

/// One gateway with threads of its own, from before it is opened until after it is closed.
#[napi]
pub struct Engine {
    threads: Arc<Threads>,
    post: Post,
    tickets: Tickets,
    calls: Arc<HostCalls>,
    pub(crate) state: Arc<State>,
}

/// What was opened.
#[derive(Debug, Default)]
pub(crate) struct State {
    gateway: Mutex<Option<McpGateway>>,
    pub(crate) sessions: Handles<Session>,
    pub(crate) connections: Handles<MemoryClient>,
    events: Handles<tokio::sync::Mutex<GatewayEvents>>,
    /// Ends the connections of clients of this process.
    pub(crate) closing: CancellationToken,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("state", &self.state).finish_non_exhaustive()
    }
}

impl State {
    fn locked(&self) -> MutexGuard<'_, Option<McpGateway>> {
        self.gateway.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets everything go that holds the gateway.
    fn clear(&self) {
        self.sessions.clear();
        self.connections.clear();
        self.events.clear();
    }

    /// The gateway, as long as it is open.
    pub(crate) fn gateway(&self) -> Result<McpGateway> {
        let gateway = if self.closing.is_cancelled() { None } else { self.locked().clone() };
        gateway.ok_or_else(|| Error::new(ErrorKind::Closed, "the gateway is not open"))
    }
}

#[napi]
impl Engine {
    /// Starts the threads; `deliver` is told how work has ended.
    #[napi(constructor, catch_unwind)]
    pub fn new(deliver: Deliver<'_>, worker_threads: Option<u32>) -> napi::Result<Self> {
        let workers = worker_threads.map(|workers| workers as usize);
        Ok(Self {
            threads: Arc::new(Threads::start(workers).map_err(|error| to_napi(&error))?),
            post: Post::new(&deliver)?,
            tickets: Tickets::default(),
            calls: Arc::default(),
            state: Arc::default(),
        })
    }

    /// Opens the gateway: options as JSON, and the objects of JavaScript that are parts of it.
    #[napi(catch_unwind)]
    pub fn open(&self, ticket: u32, options: String, hosts: Vec<HostPart>) -> napi::Result<()> {
        let options: OpenOptions = serde_json::from_str(&options).map_err(|cause| {
            to_napi(&Error::new(ErrorKind::InvalidInput, format!("options of the gateway: {cause}")))
        })?;
        let mut parts = OpenParts::default();
        for HostPart { part, name, methods } in hosts {
            let (calls, post) = (Arc::clone(&self.calls), self.post.clone());
            let object: Arc<dyn HostObject> =
                Arc::new(JavaScriptObject { part: part.clone(), name, methods, calls, post });
            if !parts.set_host(&part, object, &options).map_err(|error| to_napi(&error))? {
                let unknown = Error::new(ErrorKind::InvalidInput, format!("a gateway has no part `{part}`"));
                return Err(to_napi(&unknown));
            }
        }
        let state = Arc::clone(&self.state);
        self.start(ticket, async move {
            let opened = open(options, parts).await?;
            let shown = json!({"profile": opened.gateway.profile(), "warnings": opened.warnings});
            *state.locked() = Some(opened.gateway);
            Ok(Reply::Text(shown.to_string()))
        })
    }

    /// Opens a session: `{"handle", "id"}`.
    #[napi(catch_unwind)]
    pub fn session(&self, ticket: u32, principal: String, roles: Vec<String>) -> napi::Result<()> {
        let state = Arc::clone(&self.state);
        self.start(ticket, async move {
            let session = state.gateway()?.session(Principal::new(principal).with_roles(roles)).await?;
            let id = session.id().to_string();
            Ok(Reply::Text(json!({"handle": state.sessions.add(session), "id": id}).to_string()))
        })
    }

    /// Ends a session.
    #[napi(catch_unwind)]
    pub fn close_session(&self, ticket: u32, session: u32) -> napi::Result<()> {
        let state = Arc::clone(&self.state);
        self.start(ticket, async move {
            if let Some(session) = state.sessions.remove(session) {
                session.close().await;
            }
            Ok(Reply::None)
        })
    }

    /// Carries out a command of the host, JSON in and JSON out.
    #[napi(catch_unwind)]
    pub fn command(&self, ticket: u32, command: String) -> napi::Result<()> {
        let state = Arc::clone(&self.state);
        self.start(ticket, async move { Ok(Reply::Text(state.gateway()?.command(&command).await?.into_text())) })
    }

    /// Listens to events from now on, and gives the listener's handle.
    #[napi(catch_unwind)]
    pub fn listen(&self) -> napi::Result<u32> {
        let gateway = self.state.gateway().map_err(|error| to_napi(&error))?;
        Ok(self.state.events.add(tokio::sync::Mutex::new(gateway.events())))
    }

    /// The next event as JSON; nothing once the gateway is gone, or the ticket was cancelled.
    #[napi(catch_unwind)]
    pub fn next_event(&self, ticket: u32, listener: u32) -> napi::Result<()> {
        let events = self.state.events.get(listener);
        let cancelled = self.tickets.enter(ticket);
        self.start(ticket, async move {
            let Some(events) = events else { return Ok(Reply::None) };
            let next = async { events.lock().await.next().await };
            let event = tokio::select! {
                event = next => event,
                () = cancelled.cancelled() => None,
            };
            event.map_or(Ok(Reply::None), |event| Ok(Reply::Text(RawJson::from_value(&*event)?.into_text())))
        })
    }

    /// Forgets a listener.
    #[napi(catch_unwind)]
    pub fn unlisten(&self, listener: u32) {
        self.state.events.remove(listener);
    }

    /// Cancels work.
    #[napi(catch_unwind)]
    pub fn cancel(&self, ticket: u32) {
        self.tickets.cancel(ticket);
    }

    /// Takes the answer to a call of an object: the JSON of what it returned, or what it has thrown.
    #[napi(catch_unwind)]
    pub fn answer(&self, call: u32, returned: Option<String>, thrown: Option<String>) {
        let said = returned.map(SecretValue::new);
        self.calls.answer(call, said.ok_or_else(|| thrown.unwrap_or_else(|| "it gave no answer".to_owned())));
    }

    /// Stops every server; the threads go on until `end`.
    #[napi(catch_unwind)]
    pub fn close(&self, ticket: u32) -> napi::Result<()> {
        let state = Arc::clone(&self.state);
        self.start(ticket, async move {
            state.closing.cancel();
            // It stays where it is meanwhile, so that the end of the process waits for this.
            let gateway = state.locked().clone();
            if let Some(gateway) = gateway {
                gateway.shutdown().await;
            }
            *state.locked() = None;
            state.clear();
            Ok(Reply::None)
        })
    }

    /// Stops every server while JavaScript's thread waits, also where `close` is at it already, and ends the threads.
    #[napi(catch_unwind)]
    pub fn shutdown_now(&self) {
        // Objects of the host cannot answer while their thread waits here.
        self.calls.close();
        self.state.closing.cancel();
        let gateway = self.state.locked().take();
        if let Some(gateway) = gateway {
            self.threads.wait(LAST_MOMENT, async move { gateway.shutdown().await });
        }
        self.threads.end();
    }

    /// Ends the threads.
    #[napi(catch_unwind)]
    pub fn end(&self) {
        self.threads.end();
    }
}

impl Engine {
    /// Has work done, and its end told.
    pub(crate) fn start(
        &self,
        ticket: u32,
        work: impl Future<Output = Result<Reply>> + Send + 'static,
    ) -> napi::Result<()> {
        let (post, tickets) = (self.post.clone(), self.tickets.clone());
        let done = move |done| {
            tickets.leave(ticket);
            post.done(ticket, done);
        };
        self.threads.spawn(work, done).map_err(|error| {
            self.tickets.leave(ticket);
            to_napi(&error)
        })
    }
}

impl Drop for Engine {
    /// What nobody has closed by now, the end of its environment closes: of a worker that is terminated.
    fn drop(&mut self) {
        self.shutdown_now();
    }
}
