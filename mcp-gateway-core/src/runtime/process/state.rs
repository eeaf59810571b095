//! Notes of running children, so that the next gateway can end what a dead one left behind.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::sandbox::exec::signal_group;
use super::stats;
use crate::error::Result;
use crate::model::InstanceId;
use crate::runtime::GatewayInstance;
use crate::util::fs;

/// The note of one child; removed with it.
#[derive(Debug)]
pub(super) struct Note(PathBuf);

impl Drop for Note {
    fn drop(&mut self) {
        // A note that stays names a process that is gone, which the sweep finds out.
        let _ = fs::remove_file(&self.0);
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Noted {
    gateway: String,
    group: u32,
    /// When the process started, in the kernel's ticks: the number may belong to another process later.
    started: u64,
}

/// Notes a child.
pub(super) fn note(folder: &Path, gateway: &str, group: u32) -> Result<Note> {
    let path = folder.join("running").join(format!("{gateway}-{group}.json"));
    let noted = Noted { gateway: gateway.to_owned(), group, started: stats::started(group).unwrap_or_default() };
    fs::write_atomic(&path, serde_json::to_string(&noted).unwrap_or_default().as_bytes())?;
    Ok(Note(path))
}

/// Ends what dead gateways left behind, and names it.
pub(super) fn sweep(folder: &Path, instances: &Path) -> Result<Vec<InstanceId>> {
    let mut swept = Vec::new();
    for path in fs::list(&folder.join("running"), &["json"])? {
        let Ok(noted) = serde_json::from_str::<Noted>(&fs::read_optional(&path)?.unwrap_or_default()) else {
            fs::remove_file(&path)?;
            continue;
        };
        if GatewayInstance::is_alive(instances, &noted.gateway) {
            continue;
        }
        if noted.started != 0 && stats::started(noted.group) == Some(noted.started) {
            signal_group(noted.group, libc::SIGKILL);
            swept.push(InstanceId::new(format!("process-{}-{}", noted.gateway, noted.group))?);
        }
        fs::remove_file(&path)?;
    }
    for path in own_folders(&folder.join("own")) {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let gateway = name.split('-').next().unwrap_or_default();
        if !GatewayInstance::is_alive(instances, gateway) {
            // What cannot be removed now is tried again at the next start.
            let _ = std::fs::remove_dir_all(&path);
        }
    }
    Ok(swept)
}

fn own_folders(folder: &Path) -> Vec<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "folders are looked for, which `util::fs::list` leaves out")]
    let entries = std::fs::read_dir(folder);
    entries.into_iter().flatten().filter_map(|entry| entry.ok().map(|entry| entry.path())).collect()
}
