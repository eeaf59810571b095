//! What a client hears while a server is fetched.

use std::sync::Arc;

use serde_json::json;

use crate::error::Result;
use crate::gateway::events::{EventBus, GatewayEvent};
use crate::gateway::hub::{Hub, Slot};
use crate::model::ServerName;
use crate::protocol::{ClientLink, RawJson, Request};

/// Waits for a server, and tells a client that wants to know how its image or package is fetched.
pub(super) async fn told(
    hub: &Hub,
    request: &Request,
    slot: &Slot,
    work: impl Future<Output = Result<()>> + Send,
) -> Result<()> {
    let token = request.params.get("_meta").and_then(|meta| meta.object().ok()?.get("progressToken").cloned());
    let (Some(link), Some(token)) = (&request.link, token) else { return work.await };
    tokio::select! {
        done = work => done,
        never = tell(&hub.bus, link, &token, &slot.name) => match never {},
    }
}

async fn tell(
    bus: &EventBus,
    link: &Arc<dyn ClientLink>,
    token: &RawJson,
    server: &ServerName,
) -> std::convert::Infallible {
    let mut events = bus.listen();
    let mut step = 0_u64;
    while let Some(event) = events.next().await {
        let GatewayEvent::Preparing { server: of, status, done, total } = &*event else { continue };
        if of != server {
            continue;
        }
        step += 1;
        let message = if *total > 0 { format!("{status} ({done} of {total})") } else { status.clone() };
        // What is done of one layer says nothing about the whole; progress only has to grow.
        let params = json!({"progressToken": token, "progress": step, "message": message});
        if let Ok(params) = RawJson::from_value(&params) {
            // A client that does not keep up loses notifications, never answers.
            let _ = link.notify("notifications/progress", Some(params)).await;
        }
    }
    std::future::pending().await
}
