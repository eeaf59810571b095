//! What a server asks in the course of a call, for a client that has to come back with the answers.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use indexmap::IndexMap;
use tokio::sync::{mpsc, oneshot};

use crate::error::{Error, ErrorKind, Result};
use crate::protocol::{ClientLink, RawJson, RpcError};
use crate::util::random;

/// How many questions of one call may wait to be put.
const MAX_QUESTIONS: usize = 32;

/// The way to the client of one call, over as many requests as it takes.
///
/// # Behavior
/// - What is told goes to the request that is under way now, progress under the token that it gave.
/// - What is asked waits for whoever puts it to the client; a client that has given the answer already is not asked.
#[derive(Debug)]
pub(super) struct Bridge {
    questions: mpsc::Sender<Question>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// The request that is under way; `None` while the call waits for its client.
    link: Option<Arc<dyn ClientLink>>,
    token: Option<RawJson>,
    /// Answers that came before they were asked for.
    given: IndexMap<String, RawJson>,
    asked: usize,
}

/// Something that a server wants to know.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) key: String,
    pub(super) method: String,
    pub(super) params: Option<RawJson>,
    pub(super) answer: oneshot::Sender<RawJson>,
}

impl Bridge {
    /// A bridge for a call whose first request came over `link`.
    pub(super) fn new(
        link: Arc<dyn ClientLink>,
        token: Option<RawJson>,
        given: IndexMap<String, RawJson>,
    ) -> (Arc<Self>, mpsc::Receiver<Question>) {
        let (questions, asked) = mpsc::channel(MAX_QUESTIONS);
        (Arc::new(Self { questions, state: Mutex::new(State { link: Some(link), token, given, asked: 0 }) }), asked)
    }

    /// Goes on over another request.
    pub(super) fn take_up(&self, link: Arc<dyn ClientLink>, token: Option<RawJson>) {
        let mut state = self.locked();
        state.link = Some(link);
        state.token = token;
    }

    /// The request is answered: what is told from now on is told to nobody, until another takes up the call.
    pub(super) fn let_go(&self) {
        let mut state = self.locked();
        state.link = None;
        state.token = None;
    }

    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl ClientLink for Bridge {
    async fn notify(&self, method: &str, params: Option<RawJson>) -> Result<()> {
        let (link, token) = {
            let state = self.locked();
            (state.link.clone(), state.token.clone())
        };
        let Some(link) = link else { return Ok(()) };
        if method != "notifications/progress" {
            return link.notify(method, params).await;
        }
        let (Some(token), Some(params)) = (token, params) else { return Ok(()) };
        let mut params = params.object()?;
        params.set("progressToken", token);
        link.notify(method, Some(params.to_raw())).await
    }

    async fn request(&self, method: &str, params: Option<RawJson>) -> Result<Result<RawJson, RpcError>> {
        let key = {
            let mut state = self.locked();
            state.asked += 1;
            let key = key(method, state.asked);
            if let Some(answer) = state.given.shift_remove(&key) {
                return Ok(Ok(answer));
            }
            key
        };
        self.put(key, method, without_id(method, params)).await
    }

    async fn confirm(&self, params: RawJson) -> Result<Result<RawJson, RpcError>> {
        // A key that nobody can know before it is asked: no client confirms in advance what nobody was shown.
        let method = "elicitation/create";
        self.put(format!("approval_{}", random::hex(16)?), method, without_id(method, Some(params))).await
    }
}

impl Bridge {
    async fn put(&self, key: String, method: &str, params: Option<RawJson>) -> Result<Result<RawJson, RpcError>> {
        let (answer, answered) = oneshot::channel();
        let question = Question { key, method: method.to_owned(), params, answer };
        self.questions
            .try_send(question)
            .map_err(|_| Error::new(ErrorKind::Overloaded, "the client is asked too much at once"))?;
        answered.await.map(Ok).map_err(|_| Error::new(ErrorKind::Closed, "the client did not come back with an answer"))
    }
}

/// The key of a question: what is asked, and the how manieth it is.
fn key(method: &str, number: usize) -> String {
    format!("{}_{number}", method.split('/').next().unwrap_or_default())
}

/// Addresses to be visited have no id of their own in the stateless era.
fn without_id(method: &str, params: Option<RawJson>) -> Option<RawJson> {
    let params = params?;
    if method == "elicitation/create"
        && let Ok(mut object) = params.object()
        && object.remove("elicitationId").is_some()
    {
        return Some(object.to_raw());
    }
    Some(params)
}
