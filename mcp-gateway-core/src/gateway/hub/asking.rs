//! Asking a client what a server wants to know.

use std::sync::Arc;

use serde_json::{Value, json};

use super::Hub;
use crate::audit::{AuditEvent, Outcome};
use crate::error::ErrorKind;
use crate::gateway::approvals::APPROVAL;
use crate::gateway::redact::Redaction;
use crate::gateway::unrecorded::Unrecorded;
use crate::model::{CallContext, ServerName, SessionId};
use crate::protocol::{ClientCapabilities, ClientLink, GATEWAY, RawJson, RawObject, Request, RpcError, code};
use crate::transport::client::Caller;

/// Says in the `_meta` of a question which server asks.
pub(crate) const ASKING: &str = "mcp-gateway/server";

/// The longest question, in bytes.
const MAX_QUESTION: usize = 1024 * 1024;

/// What a server wants to know of whom.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    pub(super) server: &'a ServerName,
    pub(super) session: Option<&'a SessionId>,
    pub(super) redaction: &'a Redaction,
    pub(super) caller: &'a Caller,
    pub(super) link: &'a Arc<dyn ClientLink>,
}

impl Hub {
    /// Asks a client, which has to be able to answer, and records that it was asked.
    ///
    /// The caller's own time stands still meanwhile.
    pub(super) async fn ask(
        &self,
        asked: &Asked<'_>,
        method: &str,
        params: Option<RawJson>,
    ) -> Result<RawJson, RpcError> {
        let mut event = AuditEvent::new(self.profile.name().clone(), &*asked.caller.principal, method);
        event.server = Some(asked.server.clone());
        event.session = asked.session.cloned();
        // A server may take its question back, which a person has seen all the same.
        let mut unrecorded = Unrecorded::new(&self.audit, event);
        let answer = self.ask_unrecorded(asked, method, params).await;
        let Some(mut event) = unrecorded.take() else { return answer };
        if let Err(error) = &answer {
            event.outcome = Outcome::Failed;
            event.error = Some(format!("{}: {}", error.code, error.message));
        }
        match self.audit.append(event).await {
            Ok(_) => answer,
            Err(error) => {
                tracing::error!(error = %error.report(), "a server's question could not be recorded");
                Err(RpcError::new(code::INTERNAL_ERROR, "the question could not be recorded, so it was not answered"))
            }
        }
    }

    /// Puts a form of the gateway's own to the client of a request; nothing where it cannot be asked, or does not answer.
    pub(crate) async fn ask_form(&self, ctx: &CallContext, request: &Request, form: RawJson) -> Option<Value> {
        let link = request.link.as_ref()?;
        let server = ServerName::new(GATEWAY).ok()?;
        let caller = self.caller(ctx, request, false);
        let asked = Asked {
            server: &server,
            session: ctx.session.as_ref(),
            redaction: &self.own_redaction(),
            caller: &caller,
            link,
        };
        if !caller.capabilities.can_answer("elicitation/create", &Value::Null) {
            return None;
        }
        let asking = async { Ok(self.ask(&asked, "elicitation/create", Some(form)).await) };
        ctx.bounded(self.options.question_timeout, asking).await.ok()?.ok()?.read().ok()
    }

    async fn ask_unrecorded(
        &self,
        asked: &Asked<'_>,
        method: &str,
        params: Option<RawJson>,
    ) -> Result<RawJson, RpcError> {
        let shown: Value = match &params {
            Some(params) if params.get().len() > MAX_QUESTION => {
                return Err(RpcError::new(code::INVALID_PARAMS, "the question is too long"));
            }
            Some(params) => params.read().unwrap_or_default(),
            None => Value::Null,
        };
        if !asked.caller.capabilities.can_answer(method, &shown) {
            return Err(RpcError::new(code::METHOD_NOT_FOUND, format!("the client does not answer `{method}`")));
        }
        let mut params = match params {
            Some(params) => asked.redaction.json(params).object(),
            None => Ok(RawObject::default()),
        }
        .map_err(|_| RpcError::new(code::INVALID_PARAMS, format!("parameters of `{method}` are no object")))?;
        name_asker(&mut params, asked.server);
        let _held = asked.caller.pause.hold();
        let waiting =
            tokio::time::timeout(self.options.question_timeout, asked.link.request(method, Some(params.to_raw())));
        let answer = tokio::select! {
            answer = waiting => answer,
            () = asked.caller.gone.cancelled() => {
                return Err(RpcError::new(code::UNAVAILABLE, "the client no longer waits for the call"));
            }
        };
        match answer {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) if error.kind() == ErrorKind::Unsupported => Err(RpcError::method_not_found(method)),
            Ok(Err(error)) => Err(RpcError::from(&error)),
            Err(_) => Err(RpcError::new(code::UNAVAILABLE, "the client did not answer in time")),
        }
    }
}

/// A person who is asked by one connection with many servers behind it has to see which of them it is.
pub(super) fn name_asker(params: &mut RawObject, server: &ServerName) {
    let mut meta = params.get("_meta").and_then(|meta| meta.object().ok()).unwrap_or_default();
    meta.set_text(ASKING, server.as_str());
    // Nor may a server pass its question off as the gateway's own.
    meta.remove(APPROVAL);
    params.set("_meta", meta.to_raw());
}

/// The error for a request that cannot be carried out because the client cannot answer something.
pub(super) fn missing(method: &str, params: &Value) -> RpcError {
    let mut error = RpcError::new(
        code::MISSING_CAPABILITY,
        format!("the server asks by `{method}`, which the client does not answer"),
    );
    let needed = ClientCapabilities::needed(method, params).unwrap_or_else(|| json!({}));
    error.data = RawJson::from_value(&json!({"requiredCapabilities": needed})).ok();
    error
}
