//! Makes sure that a container goes, also when the engine is away for a while.

use std::time::Duration;

use tracing::{debug, warn};

use super::client::Engine;

/// The first pause between two attempts; it doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
const ATTEMPTS: u32 = 9;

/// When to look again for a container that an engine was asked for and did not answer about.
const LATE: [Duration; 3] = [Duration::ZERO, Duration::from_secs(5), Duration::from_secs(60)];

/// Removes a container by its id or name, trying for about a minute; says whether it is gone. What then is still there is
/// left to the next sweep.
pub(super) async fn remove(engine: &Engine, id: &str) -> bool {
    let mut pause = FIRST_PAUSE;
    for _ in 0..ATTEMPTS {
        match engine.remove(id).await {
            Ok(()) => return true,
            Err(cause) => debug!(container = id, %cause, "container could not be removed yet"),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    warn!(container = id, "container could not be removed; the next sweep will try again");
    false
}

/// Removes a frozen container, which cannot end while it is frozen.
pub(super) async fn remove_paused(engine: &Engine, id: &str) -> bool {
    // Engines differ in whether they can end a frozen container; removing tells whether it worked.
    let _ = engine.kill(id, "SIGKILL").await;
    let _ = engine.unpause(id).await;
    remove(engine, id).await
}

/// Removes, in the background, a container that may come into being after its creation was given up.
pub(super) fn remove_late(engine: Engine, name: String) {
    tokio::spawn(async move {
        for wait in LATE {
            tokio::time::sleep(wait).await;
            remove(&engine, &name).await;
        }
    });
}
