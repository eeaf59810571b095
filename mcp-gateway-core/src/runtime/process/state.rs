//! Notes of running children, so that other gateways can list them and end what a dead one left behind.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::sandbox::exec::signal_process;
use super::spawner::Members;
use super::stats;
use crate::error::{Error, ErrorKind, Result};
use crate::model::InstanceId;
use crate::runtime::{GatewayInstance, InstanceStatus};
use crate::util::fs;

/// How often the processes are looked through; some may be forked while others are killed.
const ROUNDS: usize = 5;

/// The folder of the runtime and what it keeps there.
#[derive(Clone, Debug)]
pub(super) struct State {
    /// The folder of the runtime, without links.
    folder: PathBuf,
    /// Where living gateways are known.
    instances: PathBuf,
}

/// What one child has on disk: its note and its own folder; both go with it.
#[derive(Debug)]
pub(super) struct Traces {
    note: PathBuf,
    own: PathBuf,
}

#[derive(Debug, Serialize, Deserialize)]
struct Note {
    #[serde(flatten)]
    status: InstanceStatus,
    /// The first process; `None` until it was started.
    leader: Option<u32>,
    /// When the process started, in the kernel's ticks: the number may belong to another process later.
    ticks: u64,
    contained: bool,
    own: PathBuf,
}

impl State {
    pub(super) fn new(folder: &Path, instances: &Path) -> Result<Self> {
        fs::create_dir_all(folder)?;
        Ok(Self { folder: fs::canonicalize(folder)?, instances: instances.to_owned() })
    }

    /// Prepares the place of a child before it is started, so that it is found whatever happens then.
    pub(super) fn enter(&self, status: &InstanceStatus) -> Result<Traces> {
        let own = self.folder.join("own").join(status.id.as_str());
        let traces = Traces { note: self.folder.join("running").join(format!("{}.json", status.id)), own };
        traces.write(status, None)?;
        fs::create_dir_all(&traces.own)?;
        Ok(traces)
    }

    /// The children of other gateways that live.
    pub(super) fn others(&self, own: &str) -> Result<Vec<InstanceStatus>> {
        let mut found = Vec::new();
        for (_, note) in self.notes()? {
            if gateway_of(&note.status.id) != own
                && let Some(members) = note.living()
                && GatewayInstance::is_alive(&self.instances, gateway_of(&note.status.id))
            {
                let mut status = note.status;
                stats::fill(&mut status, members.leader);
                found.push(status);
            }
        }
        Ok(found)
    }

    /// Ends what dead gateways left behind, and names it.
    pub(super) fn sweep(&self) -> Result<Vec<InstanceId>> {
        let mut swept = Vec::new();
        for (path, note) in self.notes()? {
            if GatewayInstance::is_alive(&self.instances, gateway_of(&note.status.id)) {
                continue;
            }
            if note.end() {
                swept.push(note.status.id.clone());
            }
            fs::remove_file(&path)?;
        }
        for path in fs::list(&self.folder.join("running"), &["json", "tmp"])? {
            // Cut off while it was written, or written by another version.
            let gateway = path.file_stem().and_then(|name| name.to_str()).and_then(temporary).unwrap_or_default();
            if !GatewayInstance::is_alive(&self.instances, gateway) {
                fs::remove_file(&path)?;
            }
        }
        for folder in ["own", "packages/npm", "packages/pypi"] {
            for path in folders(&self.folder.join(folder)) {
                let Some(gateway) = path.file_name().and_then(|name| name.to_str()).and_then(temporary) else {
                    continue;
                };
                if !GatewayInstance::is_alive(&self.instances, gateway) {
                    // What cannot be removed now is tried again at the next start.
                    let _ = std::fs::remove_dir_all(&path);
                }
            }
        }
        Ok(swept)
    }

    fn notes(&self) -> Result<Vec<(PathBuf, Note)>> {
        let mut notes = Vec::new();
        for path in fs::list(&self.folder.join("running"), &["json"])? {
            // One that went meanwhile is no note; one that cannot be read was written by another version.
            if let Some(note) = fs::read_optional(&path)?.and_then(|text| serde_json::from_str(&text).ok()) {
                notes.push((path, note));
            }
        }
        Ok(notes)
    }
}

impl Traces {
    pub(super) fn own(&self) -> &Path {
        &self.own
    }

    /// Notes the process of a child that was started.
    pub(super) fn started(&self, status: &InstanceStatus, members: Members) -> Result<()> {
        self.write(status, Some(members))
    }

    fn write(&self, status: &InstanceStatus, members: Option<Members>) -> Result<()> {
        let leader = members.map(|members| members.leader);
        let note = Note {
            status: status.clone(),
            leader,
            ticks: leader.and_then(stats::started).unwrap_or_default(),
            contained: members.is_some_and(|members| members.contained),
            own: self.own.clone(),
        };
        let text = serde_json::to_vec(&note).map_err(|cause| {
            Error::new(ErrorKind::Internal, "note of a process cannot be written").with_source(cause)
        })?;
        replace(&self.note, &text)
    }
}

impl Drop for Traces {
    fn drop(&mut self) {
        // What cannot be removed now is removed by the sweep of a later gateway.
        let _ = std::fs::remove_dir_all(&self.own);
        let _ = fs::remove_file(&self.note);
    }
}

impl Note {
    /// The child, if its first process still is the one that was noted.
    fn living(&self) -> Option<Members> {
        let leader = self.leader?;
        (stats::started(leader) == Some(self.ticks)).then_some(Members { leader, contained: self.contained })
    }

    /// Kills what is left of the child; says whether there was anything.
    fn end(&self) -> bool {
        let mut found = false;
        if let Some(members) = self.living() {
            members.signal(libc::SIGKILL);
            found = true;
        }
        // Its children may have outlived it. They are known by the folder that no other process was ever given.
        for _ in 0..ROUNDS {
            let left = stats::with_folder_in_environment(&self.own);
            if left.is_empty() {
                break;
            }
            found = true;
            left.into_iter().for_each(|pid| signal_process(pid, libc::SIGKILL));
        }
        found
    }
}

/// Replaces a note as one step, and does not wait for the disk: after a power cut there is no process to be found either.
fn replace(path: &Path, text: &[u8]) -> Result<()> {
    let under_way = path.with_extension("tmp");
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    #[expect(
        clippy::disallowed_methods,
        reason = "`write_atomic` waits for the disk, which takes longer than the start"
    )]
    let written = std::fs::write(&under_way, text).and_then(|()| std::fs::rename(&under_way, path));
    written.map_err(|cause| fs::io_error("write", path, cause))
}

/// The gateway of an id, which is `process-GATEWAY-NUMBER`.
fn gateway_of(id: &InstanceId) -> &str {
    temporary(id.as_str()).unwrap_or_default()
}

/// The gateway in the name of a folder that is to go with it: a server's own one, a package under way.
fn temporary(name: &str) -> Option<&str> {
    let rest = name.strip_prefix("process-").or_else(|| name.strip_prefix(".partial-"))?;
    rest.split('-').next()
}

fn folders(folder: &Path) -> Vec<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "folders are looked for, which `util::fs::list` leaves out")]
    let entries = std::fs::read_dir(folder);
    entries.into_iter().flatten().filter_map(|entry| entry.ok().map(|entry| entry.path())).collect()
}
