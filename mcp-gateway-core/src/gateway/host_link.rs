//! The way to a client that is the host's own code.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use super::events::{EventBus, GatewayEvent};
use super::hub::ASKING;
use super::{Client, ClientQuestion};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Principal, ServerName, SessionId};
use crate::protocol::{ClientLink, RawJson, RawObject, RpcError};

/// The longest parameters that an event carries, in bytes: many events wait for whoever listens slowly.
const MAX_EVENT: usize = 64 * 1024;

/// Receives the parameters of each `notifications/progress` of one request.
pub type ProgressListener = Arc<dyn Fn(RawJson) + Send + Sync>;

/// What stands in an event for parameters that are too long: the short ones of them.
pub(super) fn left_out(params: &RawJson) -> Result<RawJson> {
    let (bytes, params) = (params.get().len(), params.object()?);
    let mut short = RawObject::default();
    for key in ["level", "logger", "uri"] {
        if let Some(text) = params.text(key).filter(|text| text.len() <= MAX_EVENT / 8) {
            short.set_text(key, &text);
        }
    }
    short.set_text("data", &format!("{bytes} bytes are left out, for events have {MAX_EVENT} at most"));
    Ok(short.to_raw())
}

/// Turns what is told to a session into events, and what is asked of it into questions to the host's client.
#[derive(Debug)]
pub(super) struct HostLink {
    bus: EventBus,
    id: OnceLock<SessionId>,
    principal: String,
    client: Option<Arc<dyn Client>>,
}

impl HostLink {
    pub(super) fn new(bus: EventBus, principal: &Principal, client: Option<Arc<dyn Client>>) -> Self {
        Self { bus, id: OnceLock::new(), principal: principal.name.to_string(), client }
    }

    /// Says which session it is, before anything can be sent to it.
    pub(super) fn belongs_to(&self, id: &SessionId) {
        // Said once: a second time would be the same session.
        let _ = self.id.set(id.clone());
    }
}

#[async_trait]
impl ClientLink for HostLink {
    async fn notify(&self, method: &str, params: Option<RawJson>) -> Result<()> {
        let (Some(session), Some(params)) = (self.id.get().cloned(), params) else { return Ok(()) };
        let params = if params.get().len() > MAX_EVENT { left_out(&params)? } else { params };
        match method {
            "notifications/message" => self.bus.tell(|| GatewayEvent::Log { session, params }),
            "notifications/resources/updated" => self.bus.tell(|| GatewayEvent::ResourceUpdated { session, params }),
            // Changed lists are events of the whole gateway already.
            _ => {}
        }
        Ok(())
    }

    async fn request(&self, method: &str, params: Option<RawJson>) -> Result<Result<RawJson, RpcError>> {
        let (Some(client), Some(session)) = (&self.client, self.id.get().cloned()) else {
            return Ok(Err(RpcError::method_not_found(method)));
        };
        let params = params.unwrap_or_else(RawJson::empty_object);
        let meta = params.object().ok().and_then(|params| params.get("_meta")?.object().ok());
        let question = ClientQuestion {
            session,
            principal: self.principal.clone(),
            server: meta.and_then(|meta| ServerName::new(meta.text(ASKING)?).ok()),
            method: method.to_owned(),
            params,
        };
        match client.answer(&question).await {
            Ok(answer) => Ok(Ok(answer)),
            Err(error) => {
                tracing::warn!(method, error = %error.report(), "the host's client did not answer a server");
                // What the host's own code says beside its message is nobody's business.
                Ok(Err(RpcError::from(&Error::new(error.kind(), "the client could not answer"))))
            }
        }
    }
}

/// The way to the session in the course of one request: tells its progress, and asks for no longer than it lasts.
pub(super) struct CallLink {
    session: Arc<HostLink>,
    listener: Option<ProgressListener>,
    given_up: CancellationToken,
}

impl fmt::Debug for CallLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallLink")
    }
}

impl CallLink {
    /// A way that ends once the token says that the request was given up.
    pub(super) fn new(session: Arc<HostLink>, given_up: CancellationToken) -> Self {
        Self { session, listener: None, given_up }
    }

    /// Whether it tells progress.
    pub(super) fn tells(&self) -> bool {
        self.listener.is_some()
    }

    /// Asks for progress in the request's `_meta`.
    pub(super) fn tell(&mut self, params: &mut RawObject, listener: ProgressListener) -> Result<()> {
        static TOKENS: AtomicU64 = AtomicU64::new(1);
        let mut meta = match params.get("_meta") {
            Some(meta) => meta.object().map_err(|cause| {
                Error::new(ErrorKind::InvalidInput, "`_meta` of a request is an object").with_source(cause)
            })?,
            None => RawObject::default(),
        };
        meta.set("progressToken", RawJson::from_value(&TOKENS.fetch_add(1, Ordering::Relaxed))?);
        params.set("_meta", meta.to_raw());
        self.listener = Some(listener);
        Ok(())
    }
}

#[async_trait]
impl ClientLink for CallLink {
    async fn notify(&self, method: &str, params: Option<RawJson>) -> Result<()> {
        match (method, params, &self.listener) {
            ("notifications/progress", Some(params), Some(listener)) => {
                listener(params);
                Ok(())
            }
            (method, params, _) => self.session.notify(method, params).await,
        }
    }

    async fn request(&self, method: &str, params: Option<RawJson>) -> Result<Result<RawJson, RpcError>> {
        tokio::select! {
            answer = self.session.request(method, params) => answer,
            // A person need not be bothered any longer.
            () = self.given_up.cancelled() => {
                Err(Error::new(ErrorKind::Cancelled, "the request in whose course it was asked has ended"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::Notify;

    use super::*;
    use crate::protocol::ClientCapabilities;

    /// A client that thinks for ever.
    #[derive(Debug, Default)]
    struct Ponders {
        asked: Notify,
        forgotten: CancellationToken,
    }

    #[async_trait]
    impl Client for Ponders {
        fn capabilities(&self) -> ClientCapabilities {
            ClientCapabilities::none()
        }

        async fn answer(&self, question: &ClientQuestion) -> Result<RawJson> {
            assert_eq!((question.principal.as_str(), question.server.as_ref().unwrap().as_str()), ("ada", "shop"));
            let _forgotten = self.forgotten.clone().drop_guard();
            self.asked.notify_one();
            std::future::pending().await
        }
    }

    #[tokio::test]
    async fn a_call_that_is_given_up_takes_its_questions_along() {
        let client = Arc::new(Ponders::default());
        let session = HostLink::new(EventBus::new(), &Principal::new("ada"), Some(Arc::clone(&client) as _));
        session.belongs_to(&SessionId::random().unwrap());
        let given_up = CancellationToken::new();
        let call = CallLink::new(Arc::new(session), given_up.clone());
        let params = RawJson::parse(format!(r#"{{"_meta":{{"{ASKING}":"shop"}}}}"#)).unwrap();
        let (answer, ()) = tokio::join!(call.request("elicitation/create", Some(params)), async {
            client.asked.notified().await;
            given_up.cancel();
        });
        assert_eq!(answer.unwrap_err().kind(), ErrorKind::Cancelled);
        assert!(client.forgotten.is_cancelled());
    }
}
