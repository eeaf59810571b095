//! Gives back servers that are idle or dead.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Body, Hub};

/// How often it is looked, at the most and at the least.
const SHORTEST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(10);

/// Looks after servers until the hub is gone.
pub(super) async fn run(hub: Weak<Hub>, closing: CancellationToken) {
    loop {
        let Some(pause) = hub.upgrade().map(|hub| pause(&hub)) else { return };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = closing.cancelled() => return,
        }
        let Some(hub) = hub.upgrade() else { return };
        hub.tasks_begun.forget_old();
        for slot in &hub.all_slots() {
            for instance in slot.take_spent() {
                tracing::debug!(server = %slot.name, instance = %instance.id, "server is idle or dead and is given back");
                hub.retire(slot, instance);
            }
        }
    }
}

/// Half of the shortest idle time, so that no server lives much longer than it should.
fn pause(hub: &Arc<Hub>) -> Duration {
    let idle = |body: &Body| body.settings.idle;
    let shortest = hub.all_slots().iter().filter_map(|slot| slot.body.as_ref().ok().and_then(idle)).min();
    shortest.map_or(LONGEST, |idle| (idle / 2).clamp(SHORTEST, LONGEST))
}
