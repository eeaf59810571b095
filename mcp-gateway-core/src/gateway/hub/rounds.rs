//! The rounds of a request that its server can answer only once it knows more.

use std::sync::Arc;

use futures_util::future::join_all;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Hub;
use super::asking::{Asked, missing, name_asker};
use super::instance::Instance;
use crate::audit::AuditEvent;
use crate::error::{Error, ErrorKind, Fault, Result};
use crate::gateway::layers::Call;
use crate::model::{CallContext, ServerName};
use crate::protocol::stateless::{InputRequired, InputResponses};
use crate::protocol::{Era, RawJson, RawObject, RpcError, code};
use crate::transport::client::{Caller, PeerRequest};

/// The most rounds of one request, as the official SDKs have it.
const MAX_ROUNDS: usize = 10;

/// How many addresses a user is sent to for one error.
const MAX_VISITS: usize = 8;

/// A request on its way to one running server.
pub(super) struct Exchange<'a> {
    pub(super) ctx: &'a CallContext,
    pub(super) call: &'a Call,
    pub(super) server: &'a ServerName,
    pub(super) instance: &'a Arc<Instance>,
    pub(super) caller: Arc<Caller>,
    /// Whether the rounds end here although the client could carry them: its next request would meet another server.
    pub(super) keeps_rounds: bool,
}

impl Hub {
    /// Sends a request and answers what its server asks on the way, until there is a result.
    pub(super) async fn exchange(
        &self,
        exchange: &Exchange<'_>,
        make: impl Fn(RawObject) -> PeerRequest<'static> + Send + Sync,
        params: RawObject,
    ) -> Result<Result<RawJson, RpcError>> {
        let mut params = params;
        let takes_rounds = exchange.call.request.takes_rounds && !exchange.keeps_rounds;
        for _ in 0..MAX_ROUNDS {
            let answer = exchange.instance.peer.request(exchange.ctx, make(params.clone())).await?;
            match (exchange.instance.peer.era(), answer) {
                (Era::Stateless, Ok(result)) if takes_rounds => {
                    let Some(asked) = InputRequired::read(&result)? else { return Ok(Ok(result)) };
                    return self.pass_on(exchange, &result, asked).await;
                }
                (Era::Stateless, Ok(result)) => {
                    let Some(asked) = InputRequired::read(&result)? else { return Ok(Ok(result)) };
                    match self.answer_round(exchange, asked).await {
                        Ok(responses) => responses.put(&mut params)?,
                        Err(refused) => return Ok(Err(refused)),
                    }
                }
                (Era::Session, Err(error)) if error.code == code::URL_ELICITATION_REQUIRED => {
                    if !exchange.call.request.takes_rounds {
                        return Ok(Err(error));
                    }
                    // The stateless era has no such error: what has to be visited is asked instead.
                    if let Err(refused) = self.visit(exchange, &error).await {
                        return Ok(Err(refused));
                    }
                }
                (_, answer) => return Ok(answer),
            }
        }
        Err(Error::new(ErrorKind::Protocol, format!("server still asks for more after {MAX_ROUNDS} rounds"))
            .with_fault(Fault::Server))
    }

    /// Lets a client of the stateless era see what a server of that era asks: what it can answer, and who asks.
    async fn pass_on(
        &self,
        exchange: &Exchange<'_>,
        result: &RawJson,
        asked: InputRequired,
    ) -> Result<Result<RawJson, RpcError>> {
        let mut shown = RawObject::default();
        for (key, (method, params)) in &asked.requests {
            let read: Value = params.as_ref().and_then(|params| params.read().ok()).unwrap_or_default();
            if !exchange.caller.capabilities.can_answer(method, &read) {
                return Ok(Err(missing(method, &read)));
            }
            let mut params = params.as_ref().map_or_else(|| Ok(RawObject::default()), RawJson::object)?;
            name_asker(&mut params, exchange.server);
            let mut request = RawObject::default();
            request.set_text("method", method);
            request.set("params", params.to_raw());
            shown.set(key, request.to_raw());
        }
        for (method, _) in asked.requests.values() {
            self.record_question(exchange, method).await?;
        }
        let mut result = result.object()?;
        if !shown.is_empty() {
            result.set("inputRequests", shown.to_raw());
        }
        Ok(Ok(result.to_raw()))
    }

    /// Records that a client was asked; its answer comes with another request.
    async fn record_question(&self, exchange: &Exchange<'_>, method: &str) -> Result<()> {
        let mut event = AuditEvent::new(self.profile.name().clone(), &*exchange.caller.principal, method);
        event.server = Some(exchange.server.clone());
        event.session.clone_from(&exchange.ctx.session);
        self.audit.append(event).await.map(|_| ())
    }

    async fn answer_round(&self, exchange: &Exchange<'_>, asked: InputRequired) -> Result<InputResponses, RpcError> {
        // A person is not asked for what comes to nothing because of another question.
        for (method, params) in asked.requests.values() {
            let shown: Value = params.as_ref().and_then(|params| params.read().ok()).unwrap_or_default();
            if !exchange.caller.capabilities.can_answer(method, &shown) {
                return Err(missing(method, &shown));
            }
        }
        let questions = asked.requests.iter().map(|(key, (method, params))| async move {
            let answer = self.ask_for(exchange, method, params.clone()).await?;
            Ok::<_, RpcError>((key.clone(), answer))
        });
        let mut responses = InputResponses { state: asked.state, ..InputResponses::default() };
        for answer in join_all(questions).await {
            let (key, answer) = answer?;
            responses.answers.insert(key, answer);
        }
        Ok(responses)
    }

    async fn ask_for(
        &self,
        exchange: &Exchange<'_>,
        method: &str,
        params: Option<RawJson>,
    ) -> Result<RawJson, RpcError> {
        let shown: Value = params.as_ref().and_then(|params| params.read().ok()).unwrap_or_default();
        let caller = &exchange.caller;
        let link = caller.link.as_ref().filter(|_| caller.capabilities.can_answer(method, &shown));
        let Some(link) = link else { return Err(missing(method, &shown)) };
        let asked = Asked {
            server: exchange.server,
            session: exchange.ctx.session.as_ref(),
            redaction: &exchange.instance.redaction,
            caller,
            link,
        };
        match self.ask(&asked, method, params).await {
            // There is no way to hand a server an error, but there is one to say that nobody answered.
            Err(error) if method == "elicitation/create" && error.code != code::INTERNAL_ERROR => {
                RawJson::from_value(&json!({"action": "cancel"})).map_err(|error| RpcError::from(&error))
            }
            answer => answer,
        }
    }

    /// Has the client send its user to the addresses that an error names.
    async fn visit(&self, exchange: &Exchange<'_>, error: &RpcError) -> Result<(), RpcError> {
        #[derive(Default, Deserialize)]
        struct Data {
            #[serde(default)]
            elicitations: Vec<Box<serde_json::value::RawValue>>,
        }
        let data: Data = error.data.as_ref().and_then(|data| data.read().ok()).unwrap_or_default();
        if data.elicitations.is_empty() {
            return Err(missing("elicitation/create", &json!({"mode": "url"})));
        }
        for elicitation in data.elicitations.into_iter().take(MAX_VISITS) {
            let answer = self.ask_for(exchange, "elicitation/create", Some(RawJson::from(elicitation))).await?;
            let answer: Value = answer.read().unwrap_or_default();
            if answer["action"] != "accept" {
                return Err(RpcError::new(
                    code::INVALID_REQUEST,
                    "the user did not visit the address that is needed first",
                ));
            }
        }
        Ok(())
    }
}
