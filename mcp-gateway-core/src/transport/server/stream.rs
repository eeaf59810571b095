//! One client over a pair of byte streams: newline-delimited JSON.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::poll;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::in_flight::{InFlight, Place};
use super::outbox::Outbox;
use super::owned::OwnedSession;
use super::refusal::not_a_message;
use super::{ClientRequest, ServerSession, SessionHost};
use crate::error::{Error, ErrorKind, Fault, Result};
use crate::model::Principal;
use crate::protocol::{Line, Message, ProtocolVersion, RawJson, RequestId, RpcError, ServerHello, code};
use crate::transport::lines::LineDecoder;

/// Bounds and times of a client over byte streams.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StreamConfig {
    /// The largest message, in bytes. Default 16 MiB.
    pub max_message_bytes: usize,
    /// How many requests may be under way. Default 128.
    pub max_in_flight: usize,
    /// How many messages may wait to be written. Default 1,024.
    pub queue: usize,
    /// How long the client may take to read one message. Default 30 s.
    pub write_timeout: Duration,
    /// How long requests under way may go on after the end of input. Default 10 s.
    pub grace: Duration,
}

impl Default for StreamConfig {
    fn default() -> Self {
        Self {
            max_message_bytes: 16 * 1024 * 1024,
            max_in_flight: 128,
            queue: 1_024,
            write_timeout: Duration::from_secs(30),
            grace: Duration::from_secs(10),
        }
    }
}

impl StreamConfig {
    /// Sets how many requests may be under way.
    #[must_use]
    pub fn with_max_in_flight(mut self, requests: usize) -> Self {
        self.max_in_flight = requests;
        self
    }
}

/// Serves one client until its input ends, it stops reading, or `shutdown` fires.
///
/// # Behavior
/// - Requests run at the same time; answers come in the order in which they are ready.
/// - A line that is no message is answered with `-32700` or `-32600`, and the connection goes on.
/// - A request whose id is in use is answered with `-32600`, one over the bound with `-32003`.
/// - After the end of input, requests under way may finish for as long as the grace lasts and their answers are read.
/// - Notifications to a client that does not read are refused as `Overloaded` once the queue is full; answers wait.
/// - The session is closed on every way out, also when the future is dropped.
///
/// # Errors
/// `TooLarge` when a message is over the limit, `Io` when the streams fail, `Timeout` when the client does not read, and
/// what opening the session says.
pub async fn serve_stream(
    host: Arc<dyn SessionHost>,
    principal: Principal,
    read: impl AsyncRead + Send + Unpin + 'static,
    write: impl AsyncWrite + Send + Unpin + 'static,
    config: StreamConfig,
    shutdown: CancellationToken,
) -> Result<()> {
    let (lines, queue) = mpsc::channel(config.queue);
    let outbox = Outbox::new(lines.clone());
    let session = host.open(principal, Some(Arc::new(outbox.clone()))).await?;
    let stopped = shutdown.child_token();
    let ended = CancellationToken::new();
    let limit = config.write_timeout;
    let mut writer =
        AbortOnDropHandle::new(tokio::spawn(write_lines(write, queue, limit, stopped.clone(), ended.clone())));
    let mut client = Client::new(session, outbox, lines, config);
    let outcome = tokio::select! {
        outcome = client.read(read) => outcome,
        () = stopped.cancelled() => Ok(()),
    };
    client.finish(&stopped).await;
    // The host may keep its link for longer; the queue ends here all the same.
    ended.cancel();
    let written = match tokio::time::timeout(limit, &mut writer).await {
        Ok(Ok(written)) => written,
        Ok(Err(_)) => Err(Error::new(ErrorKind::Internal, "writer of the client failed")),
        Err(_) => Err(does_not_read(limit)),
    };
    outcome.and(written).map_err(|error| error.with_operation("transport::serve_stream"))
}

/// One client: its requests under way, and the way back to it.
pub(super) struct Client {
    session: OwnedSession,
    outbox: Outbox,
    lines: mpsc::Sender<Line>,
    in_flight: Arc<InFlight>,
    running: JoinSet<()>,
    /// Whether the handshake settled on the version in which several messages may come as one array.
    has_batches: bool,
    config: StreamConfig,
}

impl Client {
    pub(super) fn new(
        session: Arc<dyn ServerSession>,
        outbox: Outbox,
        lines: mpsc::Sender<Line>,
        config: StreamConfig,
    ) -> Self {
        let in_flight = InFlight::new(config.max_in_flight);
        Self {
            session: OwnedSession::new(session),
            outbox,
            lines,
            in_flight,
            running: JoinSet::new(),
            has_batches: false,
            config,
        }
    }

    /// Takes messages until there are no more.
    pub(super) async fn read_messages(&mut self, mut messages: mpsc::Receiver<Bytes>) {
        while let Some(message) = messages.recv().await {
            self.take(&message).await;
            while self.running.try_join_next().is_some() {}
        }
    }

    async fn read(&mut self, mut read: impl AsyncRead + Send + Unpin) -> Result<()> {
        let mut decoder = LineDecoder::new(self.config.max_message_bytes);
        loop {
            let count = decoder
                .read_from(&mut read)
                .await
                .map_err(|cause| Error::new(ErrorKind::Io, "cannot read from the client").with_source(cause))?;
            if count == 0 {
                if let Some(line) = decoder.finish() {
                    self.take(&line).await;
                }
                return Ok(());
            }
            loop {
                match decoder.next_line() {
                    Ok(Some(line)) => self.take(&line).await,
                    Ok(None) => break,
                    Err(error) => {
                        let answer = RpcError::new(code::INVALID_REQUEST, error.to_string());
                        self.answer(&Message::Response { id: None, result: Err(answer) }).await;
                        return Err(error.with_fault(Fault::Client));
                    }
                }
            }
            while self.running.try_join_next().is_some() {}
        }
    }

    async fn take(&mut self, line: &Bytes) {
        match Message::take(line) {
            Err(_) if self.has_batches && line.trim_ascii_start().first() == Some(&b'[') => self.take_batch(line).await,
            Err(error) => self.answer(&not_a_message(line, &error)).await,
            Ok(Message::Request { id, method, params }) => match self.in_flight.enter(&id) {
                Err(refused) => self.answer(&Message::response(id, Err(refused))).await,
                Ok(place) => self.carry_out(place, id, method, params).await,
            },
            Ok(message) => self.tell(message).await,
        }
    }

    /// Takes several messages; the answers to its requests go out as one array.
    async fn take_batch(&mut self, line: &[u8]) {
        let messages = match Message::parse_batch(line) {
            Ok(messages) if (1..=self.config.max_in_flight).contains(&messages.len()) => messages,
            Ok(_) => {
                let why = format!("a batch has 1 to {} messages", self.config.max_in_flight);
                let refused = Err(RpcError::new(code::INVALID_REQUEST, why));
                return self.answer(&Message::Response { id: None, result: refused }).await;
            }
            Err(error) => return self.answer(&not_a_message(line, &error)).await,
        };
        let mut answering = Vec::new();
        for message in messages {
            let Message::Request { id, method, params } = message else {
                self.tell(message).await;
                continue;
            };
            let place = self.in_flight.enter(&id);
            let (session, link) = (Arc::clone(self.session.get()), Arc::new(self.outbox.clone()));
            answering.push(async move {
                let result = match place {
                    Ok(_place) if method != "initialize" => {
                        session.request(ClientRequest::new(id.clone(), method, params, link)).await
                    }
                    Ok(_) => Err(RpcError::new(code::INVALID_REQUEST, "`initialize` cannot be part of a batch")),
                    Err(refused) => Err(refused),
                };
                Message::response(id, result).to_json()
            });
        }
        if answering.is_empty() {
            return;
        }
        let lines = self.lines.clone();
        self.running.spawn(async move {
            let answers = futures_util::future::join_all(answering).await;
            // A client that is gone needs no answer.
            let _ = lines.send(Line::from(format!("[{}]", answers.join(",")))).await;
        });
    }

    async fn tell(&self, message: Message) {
        match message {
            Message::Response { id, result } => {
                if !id.is_some_and(|id| self.outbox.pending().resolve(&id, result)) {
                    tracing::debug!("client answered no request");
                }
            }
            Message::Notification { method, params } => self.session.get().notification(method, params).await,
            Message::Request { .. } => {}
        }
    }

    async fn carry_out(&mut self, place: Place, id: RequestId, method: String, params: Option<RawJson>) {
        let is_handshake = method == "initialize";
        let (session, lines) = (Arc::clone(self.session.get()), self.lines.clone());
        let link = Arc::new(self.outbox.clone());
        let mut answering = Box::pin(async move {
            let result = session.request(ClientRequest::new(id.clone(), method, params, link)).await;
            if result.as_ref().is_err_and(RpcError::is_cancelled) {
                // Whoever has taken a request back does not wait for its answer.
                return None;
            }
            let hello = is_handshake.then(|| ServerHello::from_result(result.as_ref().ok()?).ok()).flatten();
            let answer = Message::response(id, result).to_line();
            // A client that is gone needs no answer.
            let Ok(slot) = lines.reserve().await else { return hello };
            // The id is free before the client can know the answer, but not before there is room for it.
            drop(place);
            slot.send(answer);
            hello
        });
        if is_handshake {
            // What follows on it must not overtake it.
            let version = answering.await.and_then(|hello| hello.version());
            self.has_batches = version.is_some_and(ProtocolVersion::has_batches);
        } else if poll!(&mut answering).is_pending() {
            // It has begun before the next message is read: a cancellation finds its request.
            self.running.spawn(async move { drop(answering.await) });
        }
    }

    async fn answer(&self, message: &Message) {
        // A writer that has ended takes no answers; it has also stopped the reader.
        let _ = self.lines.send(message.to_line()).await;
    }

    /// Lets requests under way finish for a while, then ends the session.
    pub(super) async fn finish(&mut self, stopped: &CancellationToken) {
        // What has no end of its own would use up the whole grace.
        self.session.get().wind_down().await;
        let running = &mut self.running;
        let finished = async { while running.join_next().await.is_some() {} };
        tokio::select! {
            _ = tokio::time::timeout(self.config.grace, finished) => {}
            () = stopped.cancelled() => {}
        }
        self.running.shutdown().await;
        self.outbox.pending().close(&Error::new(ErrorKind::Closed, "client is gone"));
        self.session.get().close().await;
    }
}

/// Writes until the queue has ended; a client that stops reading ends the connection.
async fn write_lines(
    mut write: impl AsyncWrite + Send + Unpin,
    mut queue: mpsc::Receiver<Line>,
    limit: Duration,
    stopped: CancellationToken,
    ended: CancellationToken,
) -> Result<()> {
    loop {
        let line = tokio::select! {
            biased;
            line = queue.recv() => line,
            () = ended.cancelled() => {
                queue.close();
                queue.recv().await
            }
        };
        let Some(line) = line else { return Ok(()) };
        let written = async {
            write.write_all_buf(&mut line.into_buf()).await?;
            if queue.is_empty() { write.flush().await } else { Ok(()) }
        };
        let outcome = match tokio::time::timeout(limit, written).await {
            Ok(Ok(())) => continue,
            // A client that has closed its end has what it wanted.
            Ok(Err(cause)) if matches!(cause.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset) => {
                Ok(())
            }
            Ok(Err(cause)) => Err(Error::new(ErrorKind::Io, "cannot write to the client").with_source(cause)),
            Err(_) => Err(does_not_read(limit)),
        };
        stopped.cancel();
        return outcome;
    }
}

fn does_not_read(waited: Duration) -> Error {
    Error::new(ErrorKind::Timeout, "client does not read what it is sent")
        .with_context("waited", humantime::format_duration(waited))
        .with_fault(Fault::Client)
}
