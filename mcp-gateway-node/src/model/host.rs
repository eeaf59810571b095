//! Objects of JavaScript in the roles of a gateway: brokers, policies, approvers, stores, catalogs.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use mcp_gateway_core::model::{HostObject, SecretValue};
use mcp_gateway_core::{Error, ErrorKind, Result};
use tokio::sync::oneshot;

use crate::util::Post;

/// The answer to one call, or what was thrown.
type Said = Result<SecretValue, String>;

/// The calls of objects of JavaScript that are under way.
#[derive(Debug, Default)]
pub(crate) struct HostCalls(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    last: u32,
    waiting: HashMap<u32, oneshot::Sender<Said>>,
    is_closed: bool,
}

impl HostCalls {
    /// Takes the answer to a call; one that comes too late is no matter.
    pub(crate) fn answer(&self, call: u32, said: Said) {
        if let Some(sender) = self.locked().waiting.remove(&call) {
            let _ = sender.send(said);
        }
    }

    /// Ends every call without an answer, and each later one at once.
    pub(crate) fn close(&self) {
        let mut table = self.locked();
        table.is_closed = true;
        table.waiting.clear();
    }

    fn enter(&self) -> (u32, oneshot::Receiver<Said>) {
        let (sender, receiver) = oneshot::channel();
        let mut table = self.locked();
        table.last = table.last.wrapping_add(1);
        let call = table.last;
        if !table.is_closed {
            table.waiting.insert(call, sender);
        }
        (call, receiver)
    }

    fn locked(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes a call out of the table; one that nobody waits for any more is told so.
struct Entered<'a> {
    calls: &'a HostCalls,
    post: &'a Post,
    call: u32,
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        let was_waiting = self.calls.locked().waiting.remove(&self.call).is_some();
        if was_waiting {
            self.post.late(self.call);
        }
    }
}

/// An object of JavaScript, whose methods are called in its own thread.
pub(crate) struct JavaScriptObject {
    pub(crate) part: String,
    pub(crate) name: String,
    pub(crate) methods: Vec<String>,
    pub(crate) calls: Arc<HostCalls>,
    pub(crate) post: Post,
}

impl fmt::Debug for JavaScriptObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JavaScriptObject").field("part", &self.part).field("name", &self.name).finish_non_exhaustive()
    }
}

#[async_trait]
impl HostObject for JavaScriptObject {
    fn name(&self) -> &str {
        &self.name
    }

    fn has(&self, method: &str) -> bool {
        self.methods.iter().any(|known| known == method)
    }

    async fn call(&self, method: &'static str, arguments: SecretValue) -> Result<SecretValue> {
        let failed = |cause: String| {
            Error::new(ErrorKind::Internal, "the host's own code failed")
                .with_operation("JavaScriptObject::call")
                .with_context("object", &self.name)
                .with_context("method", method)
                .with_source(std::io::Error::other(cause))
        };
        let (call, answered) = self.calls.enter();
        let _entered = Entered { calls: &self.calls, post: &self.post, call };
        self.post.ask(call, &self.part, method, &arguments);
        match answered.await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(cause)) => Err(failed(cause)),
            Err(_) => Err(failed("it gave no answer".to_owned())),
        }
    }
}
