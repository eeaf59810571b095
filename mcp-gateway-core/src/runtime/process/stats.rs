//! What `/proc` says about processes.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use crate::runtime::InstanceStatus;

/// The kernel's clock ticks per second, which are the same everywhere.
const TICKS_PER_SECOND: u64 = 100;
/// The most processes of one server that are looked at.
const MAX_PROCESSES: usize = 1_024;
/// The most that is read of one file.
const MAX_BYTES: u64 = 1024 * 1024;

/// Fills in memory, processor time, number of processes and threads, and whether it is paused.
pub(super) fn fill(status: &mut InstanceStatus, leader: u32) {
    let (mut memory, mut ticks, mut threads) = (0, 0, 0);
    for pid in tree(leader) {
        let Some(stat) = stat(pid) else { continue };
        threads += number(&stat, 20);
        ticks += number(&stat, 14) + number(&stat, 15);
        memory += resident(pid).unwrap_or_default();
    }
    status.memory_bytes = (threads > 0).then_some(memory);
    status.cpu_millis = (threads > 0).then_some(ticks * 1_000 / TICKS_PER_SECOND);
    status.pids = (threads > 0).then_some(threads);
    let stopped = stat(leader).and_then(|stat| stat.first().map(|state| state == "T"));
    if stopped == Some(true) { "paused" } else { "running" }.clone_into(&mut status.state);
}

/// When a process started, in ticks since the machine did; `None` for one that has ended, even if nobody took note yet.
pub(super) fn started(pid: u32) -> Option<u64> {
    let ended = |state: &String| state == "Z" || state == "X";
    stat(pid).filter(|stat| !stat.first().is_some_and(ended)).map(|stat| number(&stat, 22))
}

/// A process and all that come from it, parents first.
pub(super) fn tree(leader: u32) -> Vec<u32> {
    let mut found = vec![leader];
    let mut next = 0;
    while let Some(&pid) = found.get(next) {
        if found.len() < MAX_PROCESSES {
            found.extend(children(pid));
        }
        next += 1;
    }
    found
}

/// How many processes and threads a user has.
pub(super) fn threads_of(user: u32) -> u64 {
    all()
        .filter_map(status_file)
        .filter(|status| line(status, "Uid:") == Some(u64::from(user)))
        .fold(0, |sum, status| sum + line(&status, "Threads:").unwrap_or_default())
}

/// The processes with this folder, or one in it, in their environment.
pub(super) fn with_folder_in_environment(folder: &Path) -> Vec<u32> {
    let folder = folder.as_os_str().as_encoded_bytes();
    let named = |value: &[u8]| value.strip_prefix(folder).is_some_and(|rest| rest.first().is_none_or(|&b| b == b'/'));
    let holds = |environment: &[u8]| {
        environment.split(|&b| b == 0).any(|variable| variable.splitn(2, |&b| b == b'=').nth(1).is_some_and(named))
    };
    all().filter(|pid| read(&format!("/proc/{pid}/environ")).is_some_and(|environment| holds(&environment))).collect()
}

/// The fields of `/proc/PID/stat` from the third on; the second may hold anything.
fn stat(pid: u32) -> Option<Vec<String>> {
    let text = read_text(&format!("/proc/{pid}/stat"))?;
    let (_, rest) = text.rsplit_once(") ")?;
    Some(rest.split_whitespace().map(str::to_owned).collect())
}

/// A field by its number in proc(5).
fn number(stat: &[String], number: usize) -> u64 {
    stat.get(number - 3).and_then(|field| field.parse().ok()).unwrap_or_default()
}

fn resident(pid: u32) -> Option<u64> {
    line(&status_file(pid)?, "VmRSS:").map(|kilobytes| kilobytes * 1024)
}

fn status_file(pid: u32) -> Option<String> {
    read_text(&format!("/proc/{pid}/status"))
}

/// The first number after a name in `/proc/PID/status`.
fn line(status: &str, name: &str) -> Option<u64> {
    let rest = status.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_whitespace().next()?.parse().ok()
}

/// The children of a process, whichever of its threads started them.
fn children(pid: u32) -> Vec<u32> {
    let threads = folders(&format!("/proc/{pid}/task"));
    let lists = threads.filter_map(|thread| read_text(&format!("/proc/{pid}/task/{thread}/children")));
    lists.flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>()).collect()
}

fn all() -> impl Iterator<Item = u32> {
    folders("/proc")
}

/// The entries of a folder whose names are numbers.
fn folders(path: &str) -> impl Iterator<Item = u32> + use<> {
    #[expect(clippy::disallowed_methods, reason = "`/proc` has folders, which `util::fs::list` leaves out")]
    let entries = std::fs::read_dir(path);
    entries.into_iter().flatten().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}

fn read_text(path: &str) -> Option<String> {
    read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// A file of `/proc`, which may vanish at any time.
fn read(path: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(MAX_BYTES).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}
