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

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use async_trait::async_trait;
    use serde_json::Value;

    use super::*;
    use crate::protocol::RpcError;

    #[derive(Debug, Default)]
    struct Heard(Mutex<Vec<Value>>);

    #[async_trait]
    impl ClientLink for Heard {
        async fn notify(&self, method: &str, params: Option<RawJson>) -> Result<()> {
            assert_eq!(method, "notifications/progress");
            self.0.lock().unwrap().push(params.unwrap().read().unwrap());
            Ok(())
        }

        async fn request(&self, method: &str, _: Option<RawJson>) -> Result<std::result::Result<RawJson, RpcError>> {
            Ok(Err(RpcError::method_not_found(method)))
        }
    }

    #[tokio::test]
    async fn a_client_hears_how_far_its_own_server_is() {
        let (bus, heard) = (EventBus::new(), Arc::new(Heard::default()));
        let (link, token) = (Arc::clone(&heard) as Arc<dyn ClientLink>, RawJson::parse("7").unwrap());
        let (own, other) = (ServerName::new("own").unwrap(), ServerName::new("other").unwrap());
        let events = async {
            for (server, done, total) in [(&own, 0, 0), (&other, 5, 10), (&own, 5, 10)] {
                let status = "pulling".to_owned();
                bus.tell(|| GatewayEvent::Preparing { server: server.clone(), status, done, total });
            }
            while heard.0.lock().unwrap().len() < 2 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            biased;
            never = tell(&bus, &link, &token, &own) => match never {},
            () = events => {}
        }
        let heard = heard.0.lock().unwrap().clone();
        assert_eq!(heard[0], json!({"progressToken": 7, "progress": 1, "message": "pulling"}));
        assert_eq!(heard[1], json!({"progressToken": 7, "progress": 2, "message": "pulling (5 of 10)"}));
    }
}
