//! The server's session, and a new one in place of one that the server has forgotten.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;

use super::inbox::{Answered, Inbox};
use super::{Wire, answer};
use crate::error::{Error, ErrorKind, Result};
use crate::model::SecretValue;
use crate::protocol::http::header;
use crate::protocol::{Message, RequestId, ServerHello};
use crate::util::http::{HttpResponse, is_header_value};

/// How long a new handshake may take.
const RENEW_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest session id that is taken.
const MAX_ID_BYTES: usize = 4096;

/// What a server knows a client by; the id is as good as a password while it lasts.
#[derive(Clone, Debug, Default)]
pub(in crate::transport::client) struct Session {
    generation: u64,
    pub(super) id: Option<SecretValue>,
    pub(super) version: Option<String>,
}

/// The handshake, kept to be repeated.
#[derive(Clone, Debug)]
struct Handshake {
    id: RequestId,
    body: Bytes,
}

/// A session in place of a forgotten one.
#[derive(Debug)]
pub(super) struct Renewal {
    pub(super) session: Session,
    /// Whether it was begun just now, and not by a concurrent caller.
    pub(super) is_fresh: bool,
}

/// The session of one connection.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    state: Mutex<(Session, Option<Handshake>)>,
    renewing: tokio::sync::Mutex<Option<Error>>,
    attempts: AtomicU64,
}

impl Session {
    /// The session that the answer to a handshake names.
    ///
    /// # Errors
    /// `Protocol` when its id cannot be sent back.
    pub(super) fn named_by(response: &HttpResponse) -> Result<Self> {
        let id = match response.header(header::SESSION_ID) {
            None => None,
            Some(id) if !id.is_empty() && id.len() <= MAX_ID_BYTES && is_header_value(id) => Some(SecretValue::new(id)),
            Some(_) => {
                return Err(Error::new(ErrorKind::Protocol, "server named a session id that cannot be sent back"));
            }
        };
        Ok(Self { generation: 0, id, version: None })
    }

    /// The same session, after the server said which version it speaks.
    fn agreed(mut self, result: &Answered) -> Self {
        self.version = result
            .as_ref()
            .ok()
            .and_then(|result| ServerHello::from_result(result).ok())
            .map(|hello| hello.protocol_version);
        self
    }
}

impl Sessions {
    /// The session to send with a request.
    pub(super) fn current(&self) -> Session {
        self.locked().0.clone()
    }

    /// Keeps the session that a handshake began.
    pub(super) fn begin(&self, session: Session, result: &Answered, id: &RequestId, body: &Bytes) {
        let handshake = Handshake { id: id.clone(), body: body.clone() };
        self.replace(session.agreed(result), Some(handshake));
    }

    /// Shakes hands again in place of a session that the server has forgotten; concurrent callers share one handshake.
    ///
    /// # Errors
    /// Why the server did not begin a new session.
    pub(super) async fn renew(&self, wire: &Wire, old: &Session, inbox: &Inbox) -> Result<Renewal> {
        let seen = self.attempts.load(Ordering::Acquire);
        let mut failure = self.renewing.lock().await;
        let current = self.current();
        if current.generation != old.generation {
            return Ok(Renewal { session: current, is_fresh: false });
        }
        if self.attempts.load(Ordering::Acquire) != seen
            && let Some(error) = &*failure
        {
            return Err(error.clone());
        }
        let renewed = tokio::time::timeout(RENEW_TIMEOUT, self.shake_hands(wire, inbox)).await.unwrap_or_else(|_| {
            Err(Error::new(ErrorKind::Timeout, "server forgot the session and did not begin a new one in time"))
        });
        self.attempts.fetch_add(1, Ordering::Release);
        *failure = renewed.as_ref().err().cloned();
        renewed.map(|session| Renewal { session, is_fresh: true })
    }

    async fn shake_hands(&self, wire: &Wire, inbox: &Inbox) -> Result<Session> {
        let refused = |why: &'static str| Error::new(ErrorKind::Protocol, why);
        let Some(handshake) = self.locked().1.clone() else {
            return Err(refused("server forgot a session that was never begun"));
        };
        let response = wire.post(wire.url(), handshake.body.clone(), &Session::default()).await?;
        if !(200..300).contains(&response.status()) {
            return Err(wire.refusal(response).await.into_error());
        }
        let session = Session::named_by(&response)?;
        let answer = answer::read(wire, &session, response, &handshake.id, inbox).await?;
        if let Err(error) = &answer.result {
            return Err(refused("server forgot the session and refuses a new one")
                .with_context("answer", wire.excerpt(error.message.as_bytes())));
        }
        let session = session.agreed(&answer.result);
        let ready = Message::notification("notifications/initialized", None).to_json();
        let response = wire.post(wire.url(), Bytes::from(ready), &session).await?;
        if !(200..300).contains(&response.status()) {
            return Err(wire.refusal(response).await.into_error());
        }
        tracing::debug!("server forgot the session; a new one was begun");
        Ok(self.replace(session, Some(handshake)))
    }

    fn replace(&self, mut session: Session, handshake: Option<Handshake>) -> Session {
        let mut state = self.locked();
        session.generation = state.0.generation + 1;
        *state = (session.clone(), handshake);
        session
    }

    fn locked(&self) -> MutexGuard<'_, (Session, Option<Handshake>)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
