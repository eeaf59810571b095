//! Approved calls that their server has asked something in the course of, and whose client comes back with the answers.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indexmap::IndexMap;
use sha2::{Digest as _, Sha256};

use crate::approval::Question;
use crate::protocol::stateless::InputRequired;
use crate::protocol::{Request, Response};

/// How long a client may take to come back.
const TIME: Duration = Duration::from_secs(10 * 60);
/// How many calls may be under way so.
const MOST: usize = 1_024;

/// The calls whose next round needs no answer: each once, for the state that the server gave.
#[derive(Debug, Default)]
pub(super) struct Approved(Mutex<IndexMap<[u8; 32], Instant>>);

impl Approved {
    /// Remembers an approved call that is answered by questions.
    pub(super) fn note(&self, question: &Question, response: &Response) {
        let Ok(result) = &response.result else { return };
        let Ok(Some(InputRequired { state: Some(state), .. })) = InputRequired::read(result) else { return };
        let mut rounds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        rounds.retain(|_, begun| begun.elapsed() < TIME);
        if rounds.len() >= MOST {
            rounds.shift_remove_index(0);
        }
        rounds.insert(key(question, &state), Instant::now());
    }

    /// Whether the request is the next round of an approved call; it is that once.
    pub(super) fn goes_on(&self, question: &Question, request: &Request) -> bool {
        let Some(state) = request.params.text("requestState") else { return false };
        let mut rounds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        rounds.shift_remove(&key(question, &state)).is_some_and(|begun| begun.elapsed() < TIME)
    }
}

fn key(question: &Question, state: &str) -> [u8; 32] {
    let session = question.session.as_ref().map_or("", |session| session.as_str());
    Sha256::digest(format!("{}\0{session}\0{state}", question.binding()).as_bytes()).into()
}
