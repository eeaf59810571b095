//! The stream on which a server sends what belongs to no request.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Notify, oneshot};

use super::events::{EventStream, Position};
use super::{Inbox, Session, Wire};
use crate::error::Result;

/// How many attempts in a row may fail before the stream is left alone until a request succeeds.
const MAX_FAILURES: u32 = 8;
/// A stream that lasted this long was a good one, even if it carried nothing.
const CALM: Duration = Duration::from_secs(30);

/// Reads the stream for as long as the session lasts; the caller stops it by dropping the future.
///
/// A server that offers no such stream, or whose session is gone, is left alone.
pub(super) async fn listen(
    wire: &Wire,
    session: Session,
    inbox: Inbox,
    activity: Arc<Notify>,
    opened: oneshot::Sender<()>,
) {
    let mut position = Position::default();
    let mut failures = 0;
    let mut opened = Some(opened);
    loop {
        let response = wire.get(&session, position.last_id.as_deref()).await;
        if let Some(opened) = opened.take() {
            // Whoever does not wait for it any more has lost patience.
            let _ = opened.send(());
        }
        match response {
            Ok(response) if EventStream::is_one(&response) => {
                let since = Instant::now();
                let mut stream = EventStream::new(response, wire.max_message_bytes(), position.last_id.take());
                match drain(&mut stream, &inbox).await {
                    Ok(true) => failures = 0,
                    Ok(false) if since.elapsed() >= CALM => failures = 0,
                    Ok(false) => {}
                    Err(_) => return,
                }
                position = stream.position();
            }
            Ok(response) => {
                let refusal = wire.refusal(response).await;
                if !refusal.is_temporary() {
                    tracing::debug!(status = refusal.status(), "server offers no stream of its own");
                    return;
                }
            }
            Err(error) => tracing::debug!(%error, "cannot open the server's own stream"),
        }
        if failures < MAX_FAILURES {
            tokio::time::sleep(position.delay(failures)).await;
            failures += 1;
        } else {
            activity.notified().await;
            failures = 0;
        }
    }
}

/// Hands on what the stream carries until it ends; says whether it carried anything.
///
/// # Errors
/// `Closed` when nobody reads any more.
pub(super) async fn drain(stream: &mut EventStream, inbox: &Inbox) -> Result<bool> {
    let mut carried = false;
    loop {
        match stream.next().await {
            Ok(Some(event)) => {
                carried = true;
                inbox.deliver_event(&event).await?;
            }
            Ok(None) => return Ok(carried),
            Err(error) => {
                tracing::debug!(%error, "event stream broke");
                return Ok(carried);
            }
        }
    }
}
