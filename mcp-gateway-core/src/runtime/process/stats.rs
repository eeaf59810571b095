//! What `/proc` says about a child and its children.

use std::collections::VecDeque;

use crate::runtime::InstanceStatus;
use crate::util::fs;

/// The kernel's clock ticks per second, which are the same everywhere.
const TICKS_PER_SECOND: u64 = 100;
/// The most processes of one server that are looked at.
const MAX_PROCESSES: usize = 256;

/// Fills in memory, processor time and number of processes.
pub(super) fn fill(status: &mut InstanceStatus, pid: u32) {
    let (mut memory, mut ticks, mut pids) = (0, 0, 0);
    let mut waiting = VecDeque::from([pid]);
    while let Some(pid) = waiting.pop_front() {
        let Some(stat) = stat(pid) else { continue };
        pids += 1;
        ticks += field(&stat, 14) + field(&stat, 15);
        memory += resident(pid).unwrap_or_default();
        if pids < MAX_PROCESSES {
            waiting.extend(children(pid));
        }
    }
    status.memory_bytes = (pids > 0).then_some(memory);
    status.cpu_millis = (pids > 0).then_some(ticks * 1_000 / TICKS_PER_SECOND);
    status.pids = (pids > 0).then_some(pids as u64);
}

/// When a process started, in ticks since the machine did.
pub(super) fn started(pid: u32) -> Option<u64> {
    stat(pid).map(|stat| field(&stat, 22))
}

/// The fields of `/proc/PID/stat` from the third on; the second may hold anything.
fn stat(pid: u32) -> Option<Vec<String>> {
    let text = read(&format!("/proc/{pid}/stat"))?;
    let (_, rest) = text.rsplit_once(") ")?;
    Some(rest.split_whitespace().map(str::to_owned).collect())
}

/// A field by its number in proc(5).
fn field(stat: &[String], number: usize) -> u64 {
    stat.get(number - 3).and_then(|field| field.parse().ok()).unwrap_or_default()
}

fn resident(pid: u32) -> Option<u64> {
    let status = read(&format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().trim_end_matches("kB").trim().parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

fn children(pid: u32) -> Vec<u32> {
    let text = read(&format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    text.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

fn read(path: &str) -> Option<String> {
    fs::read_to_string(path.as_ref()).ok()
}
