//! One connection of a server: looked at, dialled, and carried both ways.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::denials::Denials;
use super::dial::{Dialer, Unreached};
use super::greeting::{Greeting, MAX_GREETING, is_web, look};
use super::hello;
use super::hosts::{Host, HostList, Listing};
use super::inject::Injection;

/// How long a connection may be without a byte either way.
const IDLE: Duration = Duration::from_secs(30 * 60);
/// How long a connection may be open before it says anything; clients open some in advance.
const SILENT: Duration = Duration::from_secs(5 * 60);
/// How long its first message may take once it has begun.
const GREETING_LIMIT: Duration = Duration::from_secs(10);
/// How long a write may take that nobody reads.
const WRITE_LIMIT: Duration = Duration::from_secs(60);
const CHUNK: usize = 16 * 1024;

/// What the connections of one server have in common.
#[derive(Debug)]
pub(super) struct Carrier {
    pub(super) hosts: HostList,
    pub(super) dialer: Dialer,
    pub(super) denials: Denials,
    pub(super) traffic: Arc<Traffic>,
    pub(super) injection: Option<Arc<Injection>>,
}

/// How much a server has sent and received.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    pub(super) sent: AtomicU64,
    pub(super) received: AtomicU64,
}

impl Traffic {
    /// Bytes that the server sent, and bytes that it received.
    pub(crate) fn bytes(&self) -> (u64, u64) {
        (self.sent.load(Ordering::Relaxed), self.received.load(Ordering::Relaxed))
    }
}

/// A connection of which some was read.
#[derive(Debug)]
pub(super) struct Begun<S> {
    pub(super) stream: S,
    pub(super) bytes: BytesMut,
}

/// Why a connection goes nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It must not; that was told.
    Denied(Cow<'static, str>),
    /// It cannot.
    Failed(String),
}

#[cfg(feature = "egress-injection")]
impl Refusal {
    /// Why, for the client that asked.
    pub(super) fn into_text(self) -> String {
        match self {
            Self::Denied(why) => why.into_owned(),
            Self::Failed(why) => why,
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Begun<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, bytes: BytesMut::with_capacity(CHUNK) }
    }

    /// Reads on until something was found in what came; `None` at its end, over the bound, or too late.
    pub(super) async fn until<T>(&mut self, bound: usize, find: impl Fn(&[u8]) -> Option<T>) -> Option<T> {
        let mut deadline = Instant::now() + SILENT;
        loop {
            if !self.bytes.is_empty() {
                if let Some(found) = find(&self.bytes) {
                    return Some(found);
                }
                deadline = deadline.min(Instant::now() + GREETING_LIMIT);
            }
            if self.bytes.len() >= bound {
                return None;
            }
            let read = tokio::time::timeout_at(deadline, self.stream.read_buf(&mut self.bytes)).await;
            if !matches!(read, Ok(Ok(1..))) {
                return None;
            }
        }
    }
}

impl Carrier {
    /// Opens the way to a host.
    pub(super) async fn open(&self, host: &Host, port: u16) -> Result<TcpStream, Refusal> {
        match self.hosts.find(host, port) {
            Listing::Listed => {}
            Listing::OtherPort => return Err(self.deny(host, port, "the host is listed with other ports")),
            Listing::Unlisted => return Err(self.deny(host, port, "the host is not listed")),
        }
        self.dialer.dial(host, port).await.map_err(|unreached| match unreached {
            Unreached::Denied(why) => self.deny(host, port, format!("its address must not be reached: {why}")),
            Unreached::Failed(why) => {
                tracing::debug!(%host, port, why, "a host could not be reached for a server");
                Refusal::Failed(why)
            }
        })
    }

    pub(super) fn deny(&self, host: &Host, port: u16, why: impl Into<Cow<'static, str>>) -> Refusal {
        let why = why.into();
        self.denials.add(&host.to_string(), Some(port), why.clone());
        Refusal::Denied(why)
    }

    /// Carries a connection to a host once its first message turns out to be for that host.
    pub(super) async fn carry<S>(&self, mut begun: Begun<S>, far: TcpStream, host: &Host, port: u16)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        let look = |bytes: &[u8]| match look(bytes, host, port) {
            Greeting::More => None,
            known => Some(known),
        };
        // Some hosts speak first, those of mail and of databases for instance; none of the web does.
        if !is_web(port) && begun.bytes.is_empty() {
            tokio::select! {
                biased;
                _ = begun.until(1, |_| Some(())) => {}
                _ = far.readable() => {}
            }
            if begun.bytes.is_empty() {
                return self.pass(begun, far).await;
            }
        }
        match begun.until(MAX_GREETING, look).await {
            Some(Greeting::Fine) => match &self.injection {
                Some(injection) if hello::is_tls(&begun.bytes) && injection.is_for(host, port) => {
                    injection.serve(self, begun, far, host, port).await;
                }
                _ => self.pass(begun, far).await,
            },
            Some(Greeting::Wrong(why)) => drop(self.deny(host, port, why)),
            Some(Greeting::More) | None if begun.bytes.is_empty() => {}
            Some(Greeting::More) | None => {
                self.deny(host, port, "its first message is too long, too slow or cut off");
            }
        }
    }

    /// Carries both ways, as it comes, until both have ended or nothing comes for long.
    pub(super) async fn pass<S>(&self, begun: Begun<S>, mut far: TcpStream)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        let Begun { stream, bytes } = begun;
        if !written(&mut far, &bytes).await {
            return;
        }
        self.traffic.sent.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        drop(bytes);
        let (mut near_in, mut near_out) = tokio::io::split(stream);
        let (mut far_in, mut far_out) = far.split();
        let active = Activity::new();
        let out = one_way(&mut near_in, &mut far_out, &self.traffic.sent, &active);
        let back = one_way(&mut far_in, &mut near_out, &self.traffic.received, &active);
        tokio::select! {
            _ = async { tokio::join!(out, back) } => {}
            () = active.idle() => {}
        }
    }
}

/// When something last moved.
pub(super) struct Activity {
    began: Instant,
    millis: AtomicU64,
}

impl Activity {
    pub(super) fn new() -> Self {
        Self { began: Instant::now(), millis: AtomicU64::new(0) }
    }

    pub(super) fn moved(&self) {
        let since = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.millis.store(since, Ordering::Relaxed);
    }

    /// Returns when nothing has moved for too long.
    pub(super) async fn idle(&self) {
        loop {
            let until = self.began + Duration::from_millis(self.millis.load(Ordering::Relaxed)) + IDLE;
            if until <= Instant::now() {
                return;
            }
            tokio::time::sleep_until(until).await;
        }
    }
}

/// Carries one way to its end, and passes the end on; an end by failure ends both ways by the sockets' own rules.
async fn one_way(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    count: &AtomicU64,
    active: &Activity,
) {
    let mut chunk = vec![0; CHUNK];
    while let Ok(read @ 1..) = from.read(&mut chunk).await {
        if !written(to, &chunk[..read]).await {
            break;
        }
        count.fetch_add(read as u64, Ordering::Relaxed);
        active.moved();
    }
    // What cannot be told is seen by the other side all the same.
    let _ = to.shutdown().await;
}

/// Writes all; says whether it was taken in time.
pub(super) async fn written(to: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> bool {
    matches!(timeout(WRITE_LIMIT, to.write_all(bytes)).await, Ok(Ok(())))
}
