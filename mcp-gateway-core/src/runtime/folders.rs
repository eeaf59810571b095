//! Folders that belong to one gateway: `GATEWAY-…`, removed by itself, or by another one once it is dead.
#![expect(clippy::disallowed_methods, reason = "what is removed need not be there")]

use std::fs;
use std::io;
use std::path::Path;

use super::GatewayInstance;
use crate::error::Result;
use crate::util::random;

/// A name that no other folder has, for a folder of this gateway.
pub(super) fn name(instance: &GatewayInstance) -> Result<String> {
    Ok(format!("{}-{}", instance.id(), random::hex(4)?))
}

/// Removes a folder; one that cannot be removed now is found by the next sweep.
pub(super) fn remove(folder: &Path) {
    if let Err(cause) = fs::remove_dir_all(folder)
        && cause.kind() != io::ErrorKind::NotFound
    {
        tracing::debug!(folder = %folder.display(), %cause, "a folder could not be removed yet");
    }
}

/// Removes the folders of gateways that are dead; `instances` is where the living ones are known.
pub(super) fn sweep(parent: &Path, instances: &Path, own: &str) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let gateway = name.to_str().and_then(|name| name.split_once('-')).map_or("", |(gateway, _)| gateway);
        let is_id = !gateway.is_empty() && gateway.chars().all(|c| c.is_ascii_hexdigit());
        if is_id && gateway != own && !GatewayInstance::is_alive(instances, gateway) {
            remove(&entry.path());
        }
    }
}
