//! Who used the running servers, when, and how busy they are.

use std::collections::HashMap;
use std::time::Duration;

use crate::audit::{AuditQuery, AuditStore};
use crate::error::Result;
use crate::model::{InstanceId, ServerName};
use crate::protocol::RequestKind;
use crate::runtime::InstanceStatus;

/// How many of a server's newest records are looked at.
const LOOKED_AT: usize = 1_000;

/// Over how much time it is measured how busy a server is.
pub(crate) const WINDOW: Duration = Duration::from_secs(1);

/// Says of servers when a request last reached them and whose it was, as far as their trail tells.
///
/// # Errors
/// As [`AuditStore::query`].
pub(crate) async fn fill_last_use(store: &dyn AuditStore, statuses: &mut [InstanceStatus]) -> Result<()> {
    let mut seen: HashMap<ServerName, HashMap<InstanceId, (i64, String)>> = HashMap::new();
    for status in statuses {
        let server = &status.owner.server;
        if !seen.contains_key(server) {
            let query = AuditQuery { server: Some(server.clone()), ..AuditQuery::newest(LOOKED_AT) };
            let requests = store.query(&query).await?.into_iter().map(|record| record.event);
            let requests = requests.filter(|event| RequestKind::from_method(&event.action).is_some());
            // Oldest first: of several uses the last one stays.
            let uses = requests.filter_map(|event| Some((event.instance?, (event.time, event.principal))));
            seen.insert(server.clone(), uses.collect());
        }
        if let Some((time, principal)) = seen.get(server).and_then(|uses| uses.get(&status.id)) {
            status.last_used = Some(*time);
            status.last_principal = Some(principal.clone());
        }
    }
    Ok(())
}

/// Says how busy servers were between two readings; those that were not there before are left out of it.
pub(crate) fn fill_cpu_percent(before: &[InstanceStatus], window: Duration, now: &mut [InstanceStatus]) {
    let before: HashMap<_, _> = before.iter().map(|status| (&status.id, status.cpu_millis)).collect();
    for status in now {
        let earlier = before.get(&status.id).copied().flatten();
        if let (Some(earlier), Some(later)) = (earlier, status.cpu_millis) {
            let used = later.saturating_sub(earlier) as f64;
            status.cpu_percent = Some(used * 100.0 / (window.as_secs_f64() * 1_000.0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{AuditEvent, MemoryAudit};
    use crate::model::ProfileName;
    use crate::runtime::Owner;

    fn status(id: &str) -> InstanceStatus {
        let owner = Owner::new("g", ProfileName::new("p").unwrap(), ServerName::new("s").unwrap());
        InstanceStatus::new(InstanceId::new(id).unwrap(), "memory", owner, "x")
    }

    #[tokio::test]
    async fn the_last_request_tells_who_uses_a_server() {
        let store = MemoryAudit::new();
        for (time, principal, action, instance) in [
            (1, "ann", "tools/call", "one"),
            (2, "bob", "prompts/get", "one"),
            (3, "gateway", "server/start", "two"),
            (4, "eve", "tools/call", "gone"),
        ] {
            let mut event = AuditEvent::new(ProfileName::new("p").unwrap(), principal, action);
            event.server = Some(ServerName::new("s").unwrap());
            event.instance = Some(InstanceId::new(instance).unwrap());
            event.time = time;
            store.append(event).await.unwrap();
        }
        let mut statuses = [status("one"), status("two")];
        fill_last_use(&store, &mut statuses).await.unwrap();
        assert_eq!((statuses[0].last_used, statuses[0].last_principal.as_deref()), (Some(2), Some("bob")));
        assert_eq!(statuses[1].last_used, None, "a start is no use");
    }

    #[test]
    fn how_busy_a_server_is_is_what_it_used_meanwhile() {
        let with = |id, cpu| InstanceStatus { cpu_millis: cpu, ..status(id) };
        let before = [with("one", Some(1_000)), with("two", None)];
        let mut now = [with("one", Some(1_500)), with("two", Some(9)), with("three", Some(9))];
        fill_cpu_percent(&before, Duration::from_secs(2), &mut now);
        assert_eq!(now.map(|status| status.cpu_percent), [Some(25.0), None, None]);
    }
}
