//! This very program, started again as a server on its standard input and output.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, ExitCode, Stdio};

use mcp_gateway_core::model::Principal;
use mcp_gateway_core::transport::server::{StreamConfig, serve_stdio};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::host::{FakeHost, serve};
use crate::stream::{call, initialize};

/// The argument that makes this program the server.
pub(crate) const SERVE: &str = "--serve-stdio";

crate::tests![
    pipes_are_served_and_closed_input_still_gets_answers,
    a_pair_of_sockets_is_served,
    one_socket_for_both_is_served,
    files_are_served,
    what_the_parent_shares_is_blocking_again_at_the_end,
    a_client_that_closes_its_end_is_no_error,
    nothing_but_messages_is_written,
];

/// The server at the other end.
pub(crate) fn child() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let host = FakeHost::new();
    host.gate.add_permits(1_000);
    let served = runtime.block_on(serve_stdio(
        serve(&host),
        Principal::local(),
        StreamConfig::default(),
        CancellationToken::new(),
    ));
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn start(stdin: impl Into<Stdio>, stdout: impl Into<Stdio>) -> Child {
    let program = std::env::current_exe().unwrap();
    Command::new(program).arg(SERVE).stdin(stdin).stdout(stdout).stderr(Stdio::piped()).spawn().unwrap()
}

fn input() -> String {
    let mut text = format!("{}\n", initialize("2025-11-25"));
    for id in 1..=200 {
        text.push_str(&format!("{}\n", call(id, "echo", json!({"text": "x".repeat(5_000)}))));
    }
    text
}

/// Every message must be there, once, and nothing else.
fn check(output: &str) {
    let mut ids: Vec<u64> = output
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap_or_else(|_| panic!("not a message: {line}")))
        .map(|message| message["id"].as_u64().unwrap())
        .collect();
    ids.sort_unstable();
    assert_eq!(ids, (0..=200).collect::<Vec<_>>());
}

fn finish(mut child: Child) {
    let status = child.wait().unwrap();
    let mut words = String::new();
    child.stderr.take().unwrap().read_to_string(&mut words).unwrap();
    assert!(status.success() && words.is_empty(), "{status}: {words}");
}

/// Runs blocking code, which all of these tests are.
async fn blocking(body: impl FnOnce() + Send + 'static) {
    tokio::task::spawn_blocking(body).await.unwrap();
}

async fn pipes_are_served_and_closed_input_still_gets_answers() {
    blocking(|| {
        let mut child = start(Stdio::piped(), Stdio::piped());
        let mut stdin = child.stdin.take().unwrap();
        let mut stdout = child.stdout.take().unwrap();
        let writer = std::thread::spawn(move || stdin.write_all(input().as_bytes()).unwrap());
        let mut output = String::new();
        stdout.read_to_string(&mut output).unwrap();
        writer.join().unwrap();
        check(&output);
        finish(child);
    })
    .await;
}

fn over_sockets(child: Child, mut write: UnixStream, mut read: UnixStream) {
    let writer = std::thread::spawn(move || {
        write.write_all(input().as_bytes()).unwrap();
        write.shutdown(std::net::Shutdown::Write).unwrap();
    });
    let mut output = String::new();
    read.read_to_string(&mut output).unwrap();
    writer.join().unwrap();
    check(&output);
    finish(child);
}

async fn a_pair_of_sockets_is_served() {
    blocking(|| {
        let (write, stdin) = UnixStream::pair().unwrap();
        let (read, stdout) = UnixStream::pair().unwrap();
        let child = start(OwnedFd::from(stdin), OwnedFd::from(stdout));
        over_sockets(child, write, read);
    })
    .await;
}

async fn one_socket_for_both_is_served() {
    blocking(|| {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let again = theirs.try_clone().unwrap();
        let child = start(OwnedFd::from(theirs), OwnedFd::from(again));
        over_sockets(child, ours.try_clone().unwrap(), ours);
    })
    .await;
}

async fn files_are_served() {
    blocking(|| {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("in"), folder.path().join("out"));
        File::create(&from).unwrap().write_all(input().as_bytes()).unwrap();
        let child = start(File::open(&from).unwrap(), File::create(&to).unwrap());
        finish(child);
        let mut output = String::new();
        File::open(&to).unwrap().read_to_string(&mut output).unwrap();
        check(&output);
    })
    .await;
}

/// Whether a descriptor of this process is non-blocking; the flag belongs to whoever shares what it stands for.
fn is_nonblocking(of: &impl AsRawFd) -> bool {
    let mut info = String::new();
    File::open(format!("/proc/self/fdinfo/{}", of.as_raw_fd())).unwrap().read_to_string(&mut info).unwrap();
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).unwrap().trim();
    i64::from_str_radix(flags, 8).unwrap() & 0o4000 != 0
}

async fn what_the_parent_shares_is_blocking_again_at_the_end() {
    if !cfg!(target_os = "linux") {
        eprintln!("skipped: flags of descriptors are read from /proc");
        return;
    }
    blocking(|| {
        let (pipe_in, mut write) = std::io::pipe().unwrap();
        let (mut read, pipe_out) = std::io::pipe().unwrap();
        let child = start(pipe_in.try_clone().unwrap(), pipe_out.try_clone().unwrap());
        write.write_all(format!("{}\n", initialize("2025-11-25")).as_bytes()).unwrap();
        let mut byte = [0];
        read.read_exact(&mut byte).unwrap();
        assert!(is_nonblocking(&pipe_in) && is_nonblocking(&pipe_out), "no thread waits for them");
        drop(write);
        finish(child);
        assert!(!is_nonblocking(&pipe_in) && !is_nonblocking(&pipe_out), "pipes");
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        let child = start(OwnedFd::from(theirs.try_clone().unwrap()), OwnedFd::from(theirs.try_clone().unwrap()));
        ours.write_all(format!("{}\n", initialize("2025-11-25")).as_bytes()).unwrap();
        ours.read_exact(&mut byte).unwrap();
        assert!(is_nonblocking(&theirs));
        ours.shutdown(std::net::Shutdown::Write).unwrap();
        finish(child);
        assert!(!is_nonblocking(&theirs), "socket");
    })
    .await;
}

async fn a_client_that_closes_its_end_is_no_error() {
    blocking(|| {
        let mut child = start(Stdio::piped(), Stdio::piped());
        let mut stdin = child.stdin.take().unwrap();
        drop(child.stdout.take());
        // Enough that the server must notice while it writes; then it no longer reads.
        let _ = stdin.write_all(input().as_bytes());
        finish(child);
    })
    .await;
}

async fn nothing_but_messages_is_written() {
    blocking(|| {
        let mut child = start(Stdio::piped(), Stdio::piped());
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(b"junk\n{}\n[]\n\n").unwrap();
        drop(stdin);
        let mut output = String::new();
        child.stdout.take().unwrap().read_to_string(&mut output).unwrap();
        assert_eq!(output.lines().count(), 3);
        for line in output.lines() {
            assert!(serde_json::from_str::<Value>(line).unwrap()["error"]["code"].is_i64(), "{line}");
        }
        finish(child);
    })
    .await;
}
