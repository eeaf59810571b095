//! The containers of a home: what runs, what it uses, and what a dead gateway left behind.

use std::path::Path;

use bollard::models::{ContainerMemoryStats, ContainerNetworkStats, ContainerStatsResponse};
use futures_util::{StreamExt as _, stream};
use tracing::info;

use super::answer::Listed;
use super::client::Engine;
use super::{labels, removal};
use crate::model::InstanceId;
use crate::runtime::{GatewayInstance, InstanceStatus};

/// How many containers are asked for their figures at a time.
const CONCURRENT: usize = 8;

/// What the engine says of a container that runs.
const RUNNING: &str = "running";
const PAUSED: &str = "paused";

/// The label by which the containers of a home are found.
pub(super) fn home_filter(home: &str) -> String {
    format!("{}={home}", labels::HOME)
}

/// Turns a list of containers into what is shown of them, with the figures of those that run.
pub(super) async fn statuses(engine: &Engine, runtime: &'static str, listed: Vec<Listed>) -> Vec<InstanceStatus> {
    let mut all: Vec<_> = stream::iter(listed)
        .map(|container| status(engine, runtime, container))
        .buffer_unordered(CONCURRENT)
        .filter_map(std::future::ready)
        .collect()
        .await;
    all.sort_by(|a, b| a.id.cmp(&b.id));
    all
}

async fn status(engine: &Engine, runtime: &'static str, container: Listed) -> Option<InstanceStatus> {
    let owner = labels::owner(container.labels.as_ref()?)?;
    let mut status = InstanceStatus::new(InstanceId::new(&container.id).ok()?, runtime, owner, container.image);
    status.started = container.created.saturating_mul(1000);
    status.state = container.state;
    if matches!(status.state.as_str(), RUNNING | PAUSED) {
        // A container that goes at this moment is still listed, without figures.
        if let Ok(Some(stats)) = engine.stats(&container.id).await {
            fill(&mut status, &stats);
        }
    }
    Some(status)
}

fn fill(status: &mut InstanceStatus, stats: &ContainerStatsResponse) {
    status.memory_bytes = stats.memory_stats.as_ref().and_then(memory_in_use);
    status.pids = stats.pids_stats.as_ref().and_then(|pids| pids.current);
    let cpu = stats.cpu_stats.as_ref().and_then(|cpu| cpu.cpu_usage.as_ref());
    status.cpu_millis = cpu.and_then(|cpu| cpu.total_usage).map(|nanos| nanos / 1_000_000);
    if let Some(networks) = &stats.networks {
        let sum = |bytes: fn(&ContainerNetworkStats) -> Option<u64>| networks.values().filter_map(bytes).sum();
        status.network_received_bytes = Some(sum(|network| network.rx_bytes));
        status.network_sent_bytes = Some(sum(|network| network.tx_bytes));
    }
}

/// Memory without the file cache that the kernel would give back, as Docker's own client shows it.
fn memory_in_use(memory: &ContainerMemoryStats) -> Option<u64> {
    let stats = memory.stats.as_ref();
    let cache = stats.and_then(|stats| stats.get("total_inactive_file").or_else(|| stats.get("inactive_file")));
    memory.usage.map(|usage| usage.saturating_sub(cache.copied().unwrap_or(0)))
}

/// Removes the containers whose gateway is dead, and names those that are gone.
pub(super) async fn sweep(engine: &Engine, own: &str, folder: &Path, listed: Vec<Listed>) -> Vec<InstanceId> {
    let orphans = listed.into_iter().filter(|container| {
        let gateway = container.labels.as_ref().and_then(|labels| labels.get(labels::GATEWAY));
        gateway.is_some_and(|gateway| gateway != own && !is_alive(folder, gateway))
    });
    stream::iter(orphans.collect::<Vec<_>>())
        .map(|orphan| async move {
            info!(container = %orphan.id, state = %orphan.state, "removing what a dead gateway left behind");
            let gone = if orphan.state == PAUSED {
                removal::remove_paused(engine, &orphan.id).await
            } else {
                removal::remove(engine, &orphan.id).await
            };
            gone.then(|| InstanceId::new(&orphan.id).ok()).flatten()
        })
        .buffer_unordered(CONCURRENT)
        .filter_map(std::future::ready)
        .collect()
        .await
}

/// Whether a gateway lives; the name comes from a label, so it is looked at before it becomes part of a path.
fn is_alive(folder: &Path, gateway: &str) -> bool {
    gateway.chars().all(|c| c.is_ascii_alphanumeric()) && GatewayInstance::is_alive(folder, gateway)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_those_that_dockers_client_shows() {
        let text = r#"{"memory_stats":{"usage":100,"stats":{"total_inactive_file":30}},
            "pids_stats":{"current":4},"cpu_stats":{"cpu_usage":{"total_usage":5000000}},
            "networks":{"eth0":{"rx_bytes":1,"tx_bytes":2},"eth1":{"rx_bytes":10,"tx_bytes":20}}}"#;
        let stats: ContainerStatsResponse = serde_json::from_str(text).unwrap();
        let owner = crate::runtime::Owner::new(
            "g",
            crate::model::ProfileName::new("p").unwrap(),
            crate::model::ServerName::new("s").unwrap(),
        );
        let mut status = InstanceStatus::new(InstanceId::new("c1").unwrap(), "docker", owner, "x");
        fill(&mut status, &stats);
        assert_eq!((status.memory_bytes, status.pids, status.cpu_millis), (Some(70), Some(4), Some(5)));
        assert_eq!((status.network_received_bytes, status.network_sent_bytes), (Some(11), Some(22)));
    }

    #[test]
    fn a_gateways_name_never_becomes_a_path() {
        assert!(!is_alive(Path::new("/"), "../../etc/passwd"));
    }
}
