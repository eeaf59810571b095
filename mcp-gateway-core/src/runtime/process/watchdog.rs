//! A small shell that ends what a gateway leaves when it is killed.
//!
//! The kernel ends the process that the gateway started, but not what that one started in turn. The shell reads the
//! groups that run from a pipe; when the gateway dies, however it dies, the pipe ends and the shell kills them. Servers
//! in namespaces need none of this: their kernel takes everything down with the first process.

use std::io::Write as _;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use super::sandbox::exec;

const SHELL: &str = "/bin/sh";

const SCRIPT: &str = r#"trap '' HUP INT TERM
while read -r what group; do
    case $what in
        +) groups="$groups $group" ;;
        -) rest=; for one in $groups; do [ "$one" = "$group" ] || rest="$rest $one"; done; groups=$rest ;;
    esac
done
for one in $groups; do kill -KILL "-$one"; done"#;

/// Ends groups of processes when this process is gone.
#[derive(Debug, Default)]
pub(super) struct Watchdog(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    groups: Vec<u32>,
    shell: Option<Shell>,
}

#[derive(Debug)]
struct Shell {
    child: Child,
    input: ChildStdin,
}

impl Watchdog {
    /// From now on a group is ended with this process.
    pub(super) fn add(&self, group: u32) {
        self.tell(|state| {
            state.groups.push(group);
            format!("+ {group}\n")
        });
    }

    /// A group has ended.
    pub(super) fn remove(&self, group: u32) {
        self.tell(|state| {
            state.groups.retain(|&other| other != group);
            format!("- {group}\n")
        });
    }

    fn tell(&self, change: impl FnOnce(&mut State) -> String) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let line = change(&mut state);
        if state.shell.as_mut().is_some_and(|shell| shell.input.write_all(line.as_bytes()).is_ok()) {
            return;
        }
        // None yet, or one that somebody killed.
        if let Some(shell) = state.shell.take() {
            shell.end();
        }
        if state.groups.is_empty() {
            return;
        }
        state.shell = Shell::start(&state.groups)
            .inspect_err(|cause| tracing::warn!(%cause, "children of servers may survive a killed gateway until the next one starts"))
            .ok();
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        let state = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(shell) = state.shell.take() {
            shell.end();
        }
    }
}

impl Shell {
    fn start(groups: &[u32]) -> std::io::Result<Self> {
        let mut command = Command::new(SHELL);
        command.args(["-c", SCRIPT]).env_clear().current_dir("/");
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        exec::detach(&mut command);
        let mut child = command.spawn()?;
        let mut input = child.stdin.take().ok_or_else(|| std::io::Error::other("shell has no input"))?;
        let lines: String = groups.iter().map(|group| format!("+ {group}\n")).collect();
        input.write_all(lines.as_bytes())?;
        Ok(Self { child, input })
    }

    /// Lets it end what is left, and waits for that.
    fn end(mut self) {
        drop(self.input);
        // It has no more to do than to send signals.
        let _ = self.child.wait();
    }
}
