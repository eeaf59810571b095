//! Finding out which era a server belongs to, and meeting it there.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::{Peer, PeerRequest};
use crate::error::{Error, ErrorKind, Result};
use crate::model::CallContext;
use crate::protocol::stateless::{DISCOVER, Discovered};
use crate::protocol::{
    ClientCapabilities, ClientHello, Era, ProtocolVersion, RawJson, RawObject, RpcError, ServerHello, code,
};

/// How long a server may take to say what it is before it is greeted in the other way too.
const PROBE: Duration = Duration::from_secs(10);

/// How a server is met.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Greeting {
    /// What the client behind the gateway can do.
    pub capabilities: ClientCapabilities,
    /// The version that this very server spoke the last time.
    pub remembered: Option<ProtocolVersion>,
    /// How long it may take.
    pub timeout: Duration,
}

impl Greeting {
    /// Meets a server of which nothing is known, for a client that can do nothing beside asking.
    pub fn new(timeout: Duration) -> Self {
        Self { capabilities: ClientCapabilities::none(), remembered: None, timeout }
    }

    /// Says what the client can do.
    #[must_use]
    pub fn with_capabilities(mut self, capabilities: ClientCapabilities) -> Self {
        self.capabilities = capabilities;
        self
    }

    /// Says what is remembered of the server.
    #[must_use]
    pub fn with_remembered(mut self, version: Option<ProtocolVersion>) -> Self {
        self.remembered = version;
        self
    }
}

impl Peer {
    /// Meets the server in the era that it belongs to; it is ready after this.
    ///
    /// # Behavior
    /// - A server of the stateless era says so; any other answer than that of this era is that of the session era.
    /// - A server that does not answer is greeted in both ways, and the first that it takes counts: one that is slow to
    ///   start is not taken for an old one.
    /// - A server that cannot be reached, or wants to be authorized first, belongs to neither; that is the error.
    ///
    /// # Errors
    /// As [`initialize`](Self::initialize), and what the connection says; `ServerExited` when the server went away at the
    /// question what it is.
    pub async fn greet(&self, ctx: &CallContext, greeting: &Greeting) -> Result<ServerHello> {
        let hello = ClientHello::of_gateway(greeting.capabilities.to_value());
        let knows_handshake = greeting.remembered.is_some_and(|version| version.era() == Era::Session);
        if self.shared.has_handshake || knows_handshake {
            return match self.initialize(ctx, &hello, greeting.timeout).await {
                // It has learnt something new since it was last seen.
                Err(error) if !self.shared.has_handshake && error.kind() == ErrorKind::Unsupported => {
                    self.discover(ctx, greeting.timeout).await?.map_err(refused).and_then(|found| self.meet(found))
                }
                greeted => greeted,
            };
        }
        let probe = self.discover(ctx, greeting.timeout);
        tokio::pin!(probe);
        let doubt = || self.doubtful.store(true, Ordering::Relaxed);
        let patience = tokio::time::sleep(PROBE.min(greeting.timeout / 2));
        tokio::select! {
            answer = &mut probe => match answer.or_else(unclear)? {
                Ok(found) if found.version().is_some() => return self.meet(found),
                Ok(_) => {}
                Err(error) if Discovered::asks_for_handshake(&error) => {}
                // It names a version that both speak, so it can be asked again in that.
                Err(error) if Discovered::is_of_this_era(&error) => {
                    return self.discover(ctx, greeting.timeout).await?.map_err(refused).and_then(|found| self.meet(found));
                }
                Err(error) if error.code == code::UNAVAILABLE => doubt(),
                Err(_) => {}
            },
            () = patience => {
                // It may be slow, or not understand. From now on it is the answer to the handshake that decides: a server
                // of both eras may take that as the last word.
                let handshake = self.initialize(ctx, &hello, greeting.timeout);
                tokio::pin!(handshake);
                let found = tokio::select! {
                    greeted = &mut handshake => match greeted {
                        Ok(hello) => return Ok(hello),
                        Err(error) => probe.await.or_else(unclear)?.map_err(|_| error)?,
                    },
                    answer = &mut probe => {
                        let greeted = tokio::time::timeout(PROBE, handshake).await;
                        match (answer.or_else(unclear)?, greeted) {
                            (_, Ok(Ok(hello))) => return Ok(hello),
                            (Ok(found), _) => found,
                            (Err(_), Ok(Err(error))) => return Err(error),
                            (Err(error), Err(_)) => return Err(refused(error)),
                        }
                    }
                };
                return self.meet(found);
            }
        }
        self.initialize(ctx, &hello, greeting.timeout).await
    }

    fn meet(&self, found: Discovered) -> Result<ServerHello> {
        let hello = found.into_hello()?;
        self.agree(hello.version());
        Ok(hello)
    }

    /// Asks a server what it is. The outer error says that nothing was learnt.
    async fn discover(&self, ctx: &CallContext, timeout: Duration) -> Result<Result<Discovered, RpcError>> {
        let mut request = PeerRequest::new(DISCOVER, RawObject::default(), timeout);
        request.version = Some(ProtocolVersion::LATEST);
        let answer = match self.request(ctx, request).await {
            Ok(answer) => answer,
            Err(error) if matches!(error.kind(), ErrorKind::Closed | ErrorKind::ServerExited) => {
                // Some end when the first word is not a handshake; whoever starts it again can begin with that.
                return Err(self.explain(ErrorKind::ServerExited, "server exited before the handshake"));
            }
            Err(error) if error.kind() == ErrorKind::Timeout => {
                return Err(self
                    .explain(ErrorKind::Timeout, "server did not answer the handshake in time")
                    .with_context("waited", humantime::format_duration(timeout)));
            }
            // An answer that is none of this protocol comes from something older, or from no server at all.
            Err(error) if error.kind() == ErrorKind::Protocol => Err(RpcError::from(&error)),
            Err(error) => return Err(error),
        };
        Ok(answer.and_then(|result: RawJson| Discovered::read(&result).map_err(|error| RpcError::from(&error))))
    }
}

/// A server that fails to answer may be of either era; the handshake will tell what it takes.
fn unclear(error: Error) -> Result<Result<Discovered, RpcError>> {
    match error.kind() {
        ErrorKind::Network | ErrorKind::Overloaded | ErrorKind::Timeout => {
            Ok(Err(RpcError::new(code::UNAVAILABLE, error.to_string())))
        }
        _ => Err(error),
    }
}

fn refused(error: RpcError) -> Error {
    Error::new(ErrorKind::StartFailed, "server refused to say what it is").with_context("answer", error.message)
}
