//! Looks after one running container: hands on what it says, finds out how it ended, and removes it.

use std::convert::Infallible;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, ReadHalf};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::answer::ContainerState;
use super::client::Engine;
use super::frames::{Channel, Demux, Notes};
use super::launch::Streams;
use super::removal;
use super::table::{Held, Table};
use crate::error::{Error, ErrorKind};
use crate::model::InstanceId;
use crate::transport::client::{Diagnostics, Incoming, LineDecoder, MessageSink, deliver_line};

/// How long a container may take to be reported as ended once its output has ended.
const EXIT_WAIT: Duration = Duration::from_secs(2);

/// The most that a container gets after it was asked to end by a signal.
const SIGNAL_WAIT: Duration = Duration::from_secs(1);

const READ_CHUNK: usize = 64 * 1024;

/// The way out of a container, with what is known of the frame that is under way.
#[derive(Debug)]
pub(super) struct Output {
    stream: ReadHalf<Streams>,
    demux: Demux,
    notes: Notes,
}

impl Output {
    pub(super) fn new(stream: ReadHalf<Streams>) -> Self {
        Self { stream, demux: Demux::new(), notes: Notes::default() }
    }
}

/// Looks after one running container until it is gone.
#[derive(Debug)]
pub(super) struct Keeper {
    pub(super) engine: Engine,
    pub(super) id: InstanceId,
    pub(super) held: Arc<Held>,
    pub(super) table: Arc<Table>,
    pub(super) diagnostics: Arc<Diagnostics>,
    /// How long the server may take to end by itself.
    pub(super) grace: Duration,
}

/// The way in, for a server that speaks over its standard streams.
#[derive(Debug)]
pub(super) struct Input {
    pub(super) sink: Weak<dyn MessageSink>,
    pub(super) writing: JoinHandle<()>,
}

/// Why a container is looked after no longer.
#[derive(Debug)]
pub(super) enum End {
    /// Its output ended.
    Output,
    /// It did what ends a connection at once.
    Fault(Error),
    /// Nobody wants it any more.
    Unwanted,
    /// It went on after the end of its input.
    Overstayed,
}

impl Keeper {
    /// Hands on the messages of a server that speaks over its standard streams.
    pub(super) async fn keep_stdio(
        self,
        mut output: Output,
        mut input: Input,
        sender: mpsc::Sender<Incoming>,
        max_message_bytes: usize,
    ) {
        let lines = Lines { decoder: LineDecoder::new(max_message_bytes), sender: sender.clone() };
        let end = tokio::select! {
            end = self.pump(&mut output, Some(lines)) => end,
            () = self.unwanted(&sender) => End::Unwanted,
            () = overstay(&mut input.writing, self.grace) => End::Overstayed,
        };
        self.tell(&end).await;
        drop(sender);
        if matches!(end, End::Unwanted) && !self.held.is_paused() {
            if let Some(sink) = input.sink.upgrade() {
                sink.close().await;
            }
            drained(&mut output, self.grace).await;
        }
        self.end(&end, &mut output).await;
        input.writing.abort();
    }

    /// Hands on the messages of a server that listens in its container; `incoming` is the connection to it.
    pub(super) async fn keep_http(
        self,
        mut output: Output,
        mut incoming: mpsc::Receiver<Incoming>,
        sender: mpsc::Sender<Incoming>,
    ) {
        let relay = async {
            while let Some(message) = incoming.recv().await {
                if sender.send(message).await.is_err() {
                    break;
                }
            }
        };
        let end = tokio::select! {
            end = self.pump(&mut output, None) => end,
            () = relay => End::Unwanted,
            () = self.unwanted(&sender) => End::Unwanted,
        };
        self.tell(&end).await;
        drop(sender);
        self.end(&end, &mut output).await;
    }

    /// Notes what a server says that is not yet connected; returns, with the reason told, when it ends before that.
    pub(super) async fn watch(&self, output: &mut Output) {
        let end = self.pump(output, None).await;
        self.tell(&end).await;
    }

    /// Ends a container whose server never was connected.
    pub(super) async fn discard(self, mut output: Output) {
        self.end(&End::Unwanted, &mut output).await;
    }

    /// Reads what the container says until that ends.
    async fn pump(&self, output: &mut Output, mut lines: Option<Lines>) -> End {
        let mut chunk = vec![0; READ_CHUNK];
        loop {
            let count = match output.stream.read(&mut chunk).await {
                // A connection that breaks and a container that ends look alike; its state tells them apart.
                Ok(0) | Err(_) => break,
                Ok(count) => count,
            };
            let mut bytes = &chunk[..count];
            while let Some((channel, piece)) = output.demux.next(&mut bytes) {
                match &mut lines {
                    Some(lines) if channel == Channel::Output => {
                        if let Err(end) = lines.push(piece, &self.diagnostics).await {
                            return end;
                        }
                    }
                    _ => output.notes.push(piece, &self.diagnostics),
                }
            }
        }
        output.notes.finish(&self.diagnostics);
        End::Output
    }

    async fn unwanted(&self, sender: &mpsc::Sender<Incoming>) {
        tokio::select! {
            () = self.held.stop.cancelled() => {}
            () = sender.closed() => {}
        }
    }

    /// Says why the connection ended.
    async fn tell(&self, end: &End) {
        let reason = match end {
            End::Fault(error) => error.clone(),
            End::Unwanted => Error::new(ErrorKind::Closed, "server was stopped"),
            End::Overstayed => Error::new(ErrorKind::Closed, "server went on after the end of its input"),
            End::Output => match self.engine.within(EXIT_WAIT).ended(self.id.as_str()).await {
                Ok(state) => exit_reason(&state),
                Err(cause) if cause.is_not_found() => {
                    Error::new(ErrorKind::ServerExited, "server's container was removed")
                }
                Err(cause) if cause.is_silent() => Error::new(ErrorKind::Closed, "server closed its output"),
                Err(_) => Error::new(ErrorKind::ServerExited, "the connection to the container engine was lost"),
            },
        };
        self.diagnostics.set_closed(reason);
    }

    /// Makes the container end, if it has not, and removes it.
    async fn end(&self, end: &End, output: &mut Output) {
        let id = self.id.as_str();
        let gone = if self.held.is_paused() {
            removal::remove_paused(&self.engine, id).await
        } else {
            if matches!(end, End::Unwanted | End::Overstayed) && self.engine.kill(id, "SIGTERM").await.is_ok() {
                drained(output, self.grace.min(SIGNAL_WAIT)).await;
            }
            // An engine does not see the end of a container whose output nobody takes.
            tokio::select! {
                gone = removal::remove(&self.engine, id) => gone,
                never = taken(output) => match never {},
            }
        };
        self.table.remove(&self.id);
        if gone {
            self.held.gone.cancel();
        }
    }
}

/// Takes the standard output of a container apart.
struct Lines {
    decoder: LineDecoder,
    sender: mpsc::Sender<Incoming>,
}

impl Lines {
    async fn push(&mut self, bytes: &[u8], diagnostics: &Diagnostics) -> Result<(), End> {
        self.decoder.push(bytes);
        while let Some(line) = self.decoder.next_line().map_err(End::Fault)? {
            if !deliver_line(&line, &self.sender, diagnostics).await {
                return Err(End::Unwanted);
            }
        }
        Ok(())
    }
}

/// Reads on without looking until the output ends, so that a server that ends is not held up by what it still has to say.
async fn drained(output: &mut Output, limit: Duration) {
    // Who goes on after the limit is ended by force.
    let _ = tokio::time::timeout(limit, drain(output)).await;
}

/// Takes whatever comes, for as long as it is asked to.
async fn taken(output: &mut Output) -> Infallible {
    drain(output).await;
    std::future::pending().await
}

async fn drain(output: &mut Output) {
    let mut chunk = vec![0; READ_CHUNK];
    while !matches!(output.stream.read(&mut chunk).await, Ok(0) | Err(_)) {}
}

/// Returns when the way in has been closed for longer than the server may take to end.
async fn overstay(writing: &mut JoinHandle<()>, grace: Duration) {
    let _ = writing.await;
    tokio::time::sleep(grace).await;
}

fn exit_reason(state: &ContainerState) -> Error {
    let code = state.exit_code;
    let message = match code {
        _ if state.out_of_memory => "server used more memory than its limit and was killed".to_owned(),
        _ if !state.error.is_empty() => format!("server exited with code {code}: {}", state.error),
        129..=192 => format!("server exited with code {code} (signal {})", code - 128),
        _ => format!("server exited with code {code}"),
    };
    Error::new(ErrorKind::ServerExited, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exit_is_told_by_what_is_known_of_it() {
        let state = |exit_code, out_of_memory| ContainerState { exit_code, out_of_memory, error: String::new() };
        for (state, told) in [
            (state(3, false), "server exited with code 3"),
            (state(137, false), "server exited with code 137 (signal 9)"),
            (state(137, true), "server used more memory than its limit and was killed"),
        ] {
            assert_eq!(exit_reason(&state).message(), told);
        }
    }
}
