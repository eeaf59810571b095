//! Calls that wait until their client comes back with answers.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indexmap::IndexMap;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::bridge::{Bridge, Question};
use super::lanes::InLane;
use super::seal::{Handle, Opened, Seal};
use crate::error::Result;
use crate::protocol::stateless::{InputRequired, InputResponses};
use crate::protocol::{RawJson, RawObject, Response, RpcError, code};
use crate::util::clock;

/// How long further questions are waited for once there is one: servers ask several things in a row.
const SETTLE: Duration = Duration::from_millis(10);

/// A call on its way.
type Work = Pin<Box<dyn Future<Output = Result<Response>> + Send>>;

/// A call in the course of which its server may ask something.
pub(super) struct Rounds {
    pub(super) work: Work,
    pub(super) bridge: Arc<Bridge>,
    pub(super) questions: mpsc::Receiver<Question>,
    /// What was asked and not answered yet.
    pub(super) open: Vec<Question>,
    /// What the call is, so that another cannot be passed off as its repetition.
    pub(super) digest: [u8; 32],
    /// The session that the call has, for as long as it lasts.
    pub(super) _lane: InLane,
}

impl fmt::Debug for Rounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rounds").field("open", &self.open.len()).finish_non_exhaustive()
    }
}

/// Gives a call up when its time is; the clock stops with this value.
type Expiry = AbortOnDropHandle<()>;

/// The waiting calls of one client.
///
/// # Behavior
/// - A state is good once, for the same request, for a time; then its call is given up.
/// - Calls that are given up are cancelled at their servers; of too many, the oldest is.
#[derive(Debug)]
pub(super) struct Parked {
    seal: Seal,
    waiting: Mutex<IndexMap<Handle, (Rounds, Expiry)>>,
    time: Duration,
    bound: usize,
}

impl Rounds {
    /// Goes on until there is a result or something is asked; `None` says that it is the latter.
    pub(super) async fn advance(&mut self) -> Option<Result<Response>> {
        // What was left open is put again as soon as others had the time to come.
        if self.open.is_empty() {
            tokio::select! {
                biased;
                outcome = &mut self.work => return Some(outcome),
                Some(question) = self.questions.recv() => self.open.push(question),
            }
        }
        let settled = tokio::time::sleep(SETTLE);
        tokio::pin!(settled);
        loop {
            tokio::select! {
                biased;
                outcome = &mut self.work => return Some(outcome),
                Some(question) = self.questions.recv() => self.open.push(question),
                () = &mut settled => return None,
            }
        }
    }

    /// Hands the answers on; what is no answer leaves its question open.
    fn answer(&mut self, mut answers: InputResponses) {
        let mut open = Vec::new();
        for question in std::mem::take(&mut self.open) {
            let answer = answers.answers.shift_remove(&question.key).filter(|answer| answer.object().is_ok());
            match answer {
                // A server that no longer waits needs no answer.
                Some(answer) => drop(question.answer.send(answer)),
                None => open.push(question),
            }
        }
        self.open = open;
    }

    /// What is asked now; questions that their server has taken back are left out.
    fn asks(&mut self, state: String) -> Option<Result<RawJson, RpcError>> {
        self.open.retain(|question| !question.answer.is_closed());
        if self.open.is_empty() {
            return None;
        }
        let mut asked = InputRequired { state: Some(state), ..InputRequired::default() };
        for question in &self.open {
            asked.requests.insert(question.key.clone(), (question.method.clone(), question.params.clone()));
        }
        Some(asked.to_result().map_err(|error| RpcError::from(&error)))
    }
}

impl Parked {
    pub(super) fn new(time: Duration, bound: usize) -> Result<Arc<Self>> {
        Ok(Arc::new(Self { seal: Seal::new()?, waiting: Mutex::default(), time, bound }))
    }

    /// Lets a call wait for its client; gives what the client is asked, or the call again when nothing is left to ask.
    pub(super) fn park(self: &Arc<Self>, mut rounds: Rounds) -> Result<Result<RawJson, RpcError>, Rounds> {
        let Ok(handle) = Seal::handle() else {
            return Ok(Err(RpcError::new(code::INTERNAL_ERROR, "the operating system gives no randomness")));
        };
        let now = u64::try_from(clock::now_millis()).unwrap_or_default();
        let expires = now.saturating_add(u64::try_from(self.time.as_millis()).unwrap_or(u64::MAX));
        let Some(asked) = rounds.asks(self.seal.close(&handle, expires)) else { return Err(rounds) };
        rounds.bridge.let_go();
        let mut waiting = self.locked();
        // Most that wait for long were given up by clients who never say so: the newest is worth more than the oldest.
        let given_up = (waiting.len() >= self.bound).then(|| waiting.shift_remove_index(0));
        let (parked, time) = (Arc::downgrade(self), self.time);
        let expiry = tokio::spawn(async move {
            tokio::time::sleep(time).await;
            if let Some(parked) = parked.upgrade() {
                drop(parked.take(&handle));
            }
        });
        waiting.insert(handle, (rounds, AbortOnDropHandle::new(expiry)));
        drop(waiting);
        drop(given_up);
        Ok(asked)
    }

    /// The call that a repetition belongs to, with the answers handed on; `None` when the state is not the gateway's.
    ///
    /// # Errors
    /// `-32602` for a state that is not good, or not for this request.
    pub(super) fn resume(&self, params: &RawObject, digest: [u8; 32]) -> Result<Option<Rounds>, RpcError> {
        let wrong = |why: &str| RpcError::new(code::INVALID_PARAMS, why.to_owned());
        let mut params = params.clone();
        let answers = InputResponses::take(&mut params)
            .map_err(|_| wrong("`inputResponses` or `requestState` is not what it should be"))?;
        let now = u64::try_from(clock::now_millis()).unwrap_or_default();
        let handle = match answers.state.as_deref().map(|state| self.seal.open(state, now)) {
            None | Some(Opened::Foreign) => return Ok(None),
            Some(Opened::Invalid) => return Err(wrong("`requestState` is not valid, or its time is up")),
            Some(Opened::Handle(handle)) => handle,
        };
        let used = || wrong("`requestState` was used already, or its time is up");
        let mut rounds = {
            let mut waiting = self.locked();
            if waiting.get(&handle).ok_or_else(used)?.0.digest != digest {
                return Err(wrong("`requestState` belongs to another request"));
            }
            waiting.shift_remove(&handle).ok_or_else(used)?.0
        };
        rounds.answer(answers);
        Ok(Some(rounds))
    }

    /// Gives up every waiting call.
    pub(super) fn clear(&self) {
        let waiting = std::mem::take(&mut *self.locked());
        drop(waiting);
    }

    fn take(&self, handle: &Handle) -> Option<(Rounds, Expiry)> {
        self.locked().shift_remove(handle)
    }

    fn locked(&self) -> MutexGuard<'_, IndexMap<Handle, (Rounds, Expiry)>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a request is, apart from who sends it when: the same however a client writes it.
pub(super) fn digest(method: &str, params: &RawObject) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(method.as_bytes());
    let mut members: Vec<_> = params
        .iter()
        .filter(|(key, _)| *key != "_meta" && !InputResponses::MEMBERS.contains(key))
        .map(|(key, value)| (key, value.read::<serde_json::Value>().unwrap_or_default()))
        .collect();
    members.sort_by(|one, other| one.0.cmp(other.0));
    for (key, value) in members {
        hash.update([0]);
        hash.update(key.as_bytes());
        hash.update([0]);
        hash.update(value.to_string().as_bytes());
    }
    hash.finalize().into()
}
