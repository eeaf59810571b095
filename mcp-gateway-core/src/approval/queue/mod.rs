//! The operator queue: questions that wait, until somebody who is not the agent answers them.
#![doc = include_str!("docs.md")]

mod entry;
mod grants;
mod shelf;
mod ticket;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::{Question, Scope, Verdict};
use crate::error::{Error, ErrorKind, Result};
use crate::util::random;
use entry::{Answered, Open};
use shelf::{Part, Shelf};

pub use entry::PendingApproval;
pub use grants::Grant;
pub use ticket::Ticket;

/// How many questions may wait at once.
const MAX_PENDING: usize = 256;

/// How many questions of one principal may wait at once, so that one agent cannot keep the others from asking.
const MAX_PENDING_OF_ONE: usize = 32;

/// A queue of questions, and the grants that were given for more than one request.
///
/// # Behavior
/// - An answer is good for one question of the gateway that asked, and once. The end of that gateway makes its questions
///   void.
/// - What is kept is authenticated with a key that only the queue's folder has: what somebody else wrote counts as a no.
/// - Cheap to clone; every clone is the same queue.
#[derive(Clone, Debug)]
pub struct ApprovalQueue(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    shelf: Shelf,
    /// The living gateway that asks, so that others can tell whether it still waits.
    gateway: String,
    /// What this value alone knows: questions and grants of sessions end with it.
    run: String,
    open: Mutex<HashMap<String, Open>>,
    answered: Notify,
}

impl ApprovalQueue {
    /// A queue that ends with this process, to be answered in it.
    ///
    /// # Errors
    /// `Internal` when the operating system gives no randomness.
    pub fn in_memory() -> Result<Self> {
        Self::over(Shelf::in_memory()?, String::new())
    }

    /// A queue that other processes can answer: every one that opens the same folder. `gateway` is the living gateway that
    /// asks.
    ///
    /// # Errors
    /// `Io` when the folder cannot be written, `InvalidConfig` for a key that is none or that others can read.
    pub fn open(folder: impl Into<PathBuf>, gateway: impl Into<String>) -> Result<Self> {
        Self::over(Shelf::open(folder.into())?, gateway.into())
    }

    fn over(shelf: Shelf, gateway: String) -> Result<Self> {
        let inner = Inner { shelf, gateway, run: random::hex(16)?, open: Mutex::default(), answered: Notify::new() };
        Ok(Self(Arc::new(inner)))
    }

    /// Puts a question; it is withdrawn when the ticket is dropped.
    ///
    /// # Errors
    /// `Overloaded` when too many wait, `TooLarge` for a question that cannot be shown whole, `Io`.
    pub async fn ask(&self, question: &Question, good_for: Duration) -> Result<Ticket> {
        let id = random::hex(6)?;
        let pending = PendingApproval::new(id.clone(), question, good_for, &self.0.gateway, &self.0.run)?;
        let ticket = Ticket::new(self.clone(), id.clone(), pending.expires);
        self.opened().insert(id, Open::of(&pending, false));
        self.put(pending).await?;
        Ok(ticket)
    }

    /// Puts a question that nobody waits for, or gives the one that stands already, or the answer to it, which is used up
    /// by that.
    ///
    /// # Errors
    /// As [`ask`](Self::ask), and `Denied` for an answer that nobody who may has given.
    pub async fn ask_or_take(&self, question: &Question, good_for: Duration) -> Result<Asked> {
        let id = random::hex(6)?;
        let pending = PendingApproval::new(id.clone(), question, good_for, &self.0.gateway, &self.0.run)?;
        self.forget_over();
        let standing = {
            let mut opened = self.opened();
            let standing = opened.iter().find(|(_, open)| open.stands_for(&pending.binding)).map(|(id, _)| id.clone());
            if standing.is_none() {
                // At once with the look, so that of two equal questions one stands.
                opened.insert(id.clone(), Open::of(&pending, true));
            }
            standing
        };
        if let Some(id) = standing {
            return Ok(match self.take(&id)? {
                Some(answer) => Asked::Answered(id, answer),
                None => Asked::Pending(id),
            });
        }
        let ticket = Ticket::new(self.clone(), id.clone(), pending.expires);
        self.put(pending).await?;
        ticket.keep();
        Ok(Asked::New(id))
    }

    /// The questions that wait, the oldest first; those whose time is up are gone.
    ///
    /// # Errors
    /// `Io` when the folder cannot be read. What somebody else has written or changed is left out.
    pub async fn pending(&self) -> Result<Vec<PendingApproval>> {
        self.blocking(|queue| {
            let mut pending = Vec::new();
            for id in queue.0.shelf.ids(Part::Question)? {
                match queue.question(&id) {
                    Ok(Some(question)) if question.is_over() => queue.remove(&id),
                    Ok(Some(question)) if !queue.0.shelf.has(Part::Answer, &id) => pending.push(question),
                    Ok(_) => {}
                    Err(error) => tracing::warn!(id, error = %error.report(), "a pending approval is left out"),
                }
            }
            pending.sort_by(|one, other| (one.asked, &one.id).cmp(&(other.asked, &other.id)));
            Ok(pending)
        })
        .await
    }

    /// One question that waits.
    ///
    /// # Errors
    /// `NotFound` when there is none, or its time is up; `Denied` when it was changed.
    pub async fn show(&self, id: &str) -> Result<PendingApproval> {
        let id = id.to_owned();
        self.blocking(move |queue| queue.standing(&id)).await
    }

    /// Answers a question.
    ///
    /// # Errors
    /// `NotFound` when there is none that waits, `Conflict` when it has an answer, `InvalidInput` for an answer that lacks
    /// what this one must have, `Denied` when the question was changed, `Io`.
    pub async fn answer(&self, id: &str, verdict: Verdict) -> Result<PendingApproval> {
        let id = id.to_owned();
        let answered = self.blocking(move |queue| queue.settle(&id, &verdict)).await?;
        self.0.answered.notify_waiters();
        Ok(answered)
    }

    /// Removes the questions of gateways that are no longer alive.
    ///
    /// # Errors
    /// As [`pending`](Self::pending).
    pub async fn sweep(&self, is_alive: impl Fn(&str) -> bool + Send + 'static) -> Result<()> {
        let pending = self.pending().await?;
        self.blocking(move |queue| {
            pending.iter().filter(|question| !is_alive(&question.gateway)).for_each(|dead| queue.remove(&dead.id));
            Ok(())
        })
        .await
    }

    fn settle(&self, id: &str, verdict: &Verdict) -> Result<PendingApproval> {
        let _lock = self.0.shelf.lock()?;
        let question = self.standing(id)?;
        verdict.check(question.effect)?;
        if self.0.shelf.has(Part::Answer, id) {
            return Err(Error::new(ErrorKind::Conflict, format!("`{id}` has an answer already")));
        }
        self.0.shelf.put(Part::Answer, id, &Answered::new(&question, verdict.clone()))?;
        Ok(question)
    }

    /// A question that can still be answered.
    fn standing(&self, id: &str) -> Result<PendingApproval> {
        let missing = || {
            Error::new(ErrorKind::NotFound, format!("no approval `{id}` is pending"))
                .with_hint("it was answered or withdrawn, its time is up, or the gateway that asked has ended")
                .with_hint("list what is pending: `mcp-gateway approvals ls`")
        };
        self.question(id)?.filter(|question| !question.is_over()).ok_or_else(missing)
    }

    fn question(&self, id: &str) -> Result<Option<PendingApproval>> {
        let question: Option<PendingApproval> = self.0.shelf.get(Part::Question, id)?;
        // A question under another one's name would be answered in its place.
        Ok(question.filter(|question| question.id == id))
    }

    async fn put(&self, pending: PendingApproval) -> Result<()> {
        self.blocking(move |queue| {
            queue.ensure_room(&pending.principal)?;
            queue.0.shelf.put(Part::Question, &pending.id, &pending)
        })
        .await
    }

    fn ensure_room(&self, principal: &str) -> Result<()> {
        let full = |why: String| {
            Err(Error::new(ErrorKind::Overloaded, why)
                .with_hint("answer or reject what is pending: `mcp-gateway approvals ls`"))
        };
        let own = self.opened().values().filter(|open| open.principal == *principal && !open.is_over()).count();
        if own > MAX_PENDING_OF_ONE {
            return full(format!("{MAX_PENDING_OF_ONE} approvals for `{principal}` are pending already"));
        }
        let ids = self.0.shelf.ids(Part::Question)?;
        if ids.len() < MAX_PENDING {
            return Ok(());
        }
        let live = ids.iter().filter(|id| match self.question(id) {
            Ok(Some(question)) if !question.is_over() => true,
            _ => {
                self.remove(id);
                false
            }
        });
        if live.count() >= MAX_PENDING { full(format!("{MAX_PENDING} approvals are pending already")) } else { Ok(()) }
    }

    /// Takes back what stands for later and whose time is up.
    fn forget_over(&self) {
        let over: Vec<_> = self.opened().iter().filter(|(_, open)| open.is_over()).map(|(id, _)| id.clone()).collect();
        over.iter().for_each(|id| self.withdraw(id));
    }

    /// The answer to a question of this gateway, once: whoever gets it has used it up.
    fn take(&self, id: &str) -> Result<Option<Verdict>> {
        if !self.0.shelf.has(Part::Answer, id) {
            return Ok(None);
        }
        // Whoever takes it out first has it; another call finds nothing.
        let Some(open) = self.opened().remove(id) else { return Ok(None) };
        let answered: Result<Option<Answered>> = self.0.shelf.get(Part::Answer, id);
        self.remove(id);
        let refused = |why: &'static str| Err(Error::new(ErrorKind::Denied, why).with_context("approval", id));
        match answered {
            Ok(Some(answered)) if answered.is_for(&open) && !open.is_over() => Ok(Some(answered.verdict)),
            Ok(Some(_)) => refused("the answer is for another question, or its time is up"),
            Ok(None) => refused("the answer is gone"),
            Err(error) => Err(error),
        }
    }

    /// Takes a question back.
    fn withdraw(&self, id: &str) {
        self.opened().remove(id);
        self.remove(id);
    }

    fn remove(&self, id: &str) {
        for part in [Part::Question, Part::Answer] {
            if let Err(error) = self.0.shelf.remove(part, id) {
                tracing::warn!(id, error = %error.report(), "a pending approval could not be removed");
            }
        }
    }

    fn opened(&self) -> MutexGuard<'_, HashMap<String, Open>> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn blocking<T: Send + 'static>(&self, work: impl FnOnce(&Self) -> Result<T> + Send + 'static) -> Result<T> {
        let queue = self.clone();
        tokio::task::spawn_blocking(move || work(&queue)).await.unwrap_or_else(|cause| {
            Err(Error::new(ErrorKind::Internal, "the approval queue's work was cut off").with_source(cause))
        })
    }
}

/// What became of a question that nobody waits for.
#[derive(Debug)]
#[non_exhaustive]
pub enum Asked {
    /// It stands from now on, under this id.
    New(String),
    /// It stands already, under this id.
    Pending(String),
    /// It stood under this id and was answered; the answer is used up.
    Answered(String, Verdict),
}

#[cfg(test)]
mod tests;
