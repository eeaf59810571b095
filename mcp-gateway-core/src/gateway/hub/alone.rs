//! Servers for calls of clients that must not meet.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Hub;
use super::instance::Instance;
use super::slot::{Place, Slot};
use crate::error::{Error, ErrorKind, Result};
use crate::model::CallContext;
use crate::protocol::{Era, Request};

/// How many calls of one session may be under way at one server in which it may ask something.
const MAX_LANES: usize = 16;

/// A server that works for one client, as long as this lives.
///
/// A call that is given up may still be worked at, and its questions would come up in the next one: its server is not
/// used again.
pub(super) struct Alone {
    instance: Arc<Instance>,
    is_done: bool,
}

impl Alone {
    /// The call was answered, so that nothing more is asked in the course of it.
    pub(super) fn done(&mut self) {
        self.is_done = true;
    }

    /// Whether the server can be used again.
    pub(super) fn is_clean(&self) -> bool {
        self.is_done
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        if self.is_done {
            self.instance.asks_for.store(false, Ordering::Release);
        }
    }
}

impl Hub {
    /// The server for a call: the one at the caller's place, or, where that works for another client in whose course it
    /// may ask something, one beside it. The caller has entered it and must leave it.
    pub(super) async fn acquire_for(
        &self,
        ctx: &CallContext,
        slot: &Arc<Slot>,
        request: &Request,
    ) -> Result<(Arc<Instance>, Option<Alone>)> {
        let instance = self.acquire(ctx, slot).await?;
        let may_ask = request.stands_alone && request.kind.may_ask() && !instance.capabilities.is_empty();
        let Some(session) = ctx.session.clone().filter(|_| may_ask && instance.session.is_some()) else {
            return Ok((instance, None));
        };
        // A server of the stateless era asks in its answer, which is nobody else's.
        if instance.peer.era() == Era::Stateless {
            return Ok((instance, None));
        }
        if let Some(alone) = alone(&instance) {
            return Ok((instance, Some(alone)));
        }
        instance.leave();
        for lane in 1..MAX_LANES {
            let instance = self.acquire_at(ctx, slot, Place::Lane(session.clone(), lane)).await?;
            if let Some(alone) = alone(&instance) {
                return Ok((instance, Some(alone)));
            }
            instance.leave();
        }
        let why = format!("{MAX_LANES} calls in which server `{}` may ask something are under way already", slot.name);
        Err(Error::new(ErrorKind::Overloaded, why).retry_later())
    }
}

fn alone(instance: &Arc<Instance>) -> Option<Alone> {
    let taken = instance.asks_for.compare_exchange(false, true, Ordering::AcqRel, Ordering::Acquire);
    taken.is_ok().then(|| Alone { instance: Arc::clone(instance), is_done: false })
}
