//! Clients of the stateless era, whose every request says who sends it.

use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::Value;

use super::bridge::Bridge;
use super::in_flight::{Entered, InFlight};
use super::parked::{Rounds, digest};
use super::{ClientSession, answered};
use crate::error::{Error, ErrorKind};
use crate::protocol::stateless::{DISCOVER, Discovered, InputResponses, LISTEN, RequestMeta, Routing, complete};
use crate::protocol::{RawJson, RawObject, Request, RequestKind, Response, RpcError, code, tasks};
use crate::transport::server::ClientRequest;

impl ClientSession {
    /// Answers a request that stands alone.
    pub(super) async fn stateless(
        &self,
        request: ClientRequest,
        mut params: RawObject,
    ) -> std::result::Result<RawJson, RpcError> {
        // A version that another hop reads from the header must be the one in the body, served or not.
        if let (Some(headers), Some(named)) = (&request.headers, RequestMeta::named_version(&params)) {
            Routing::check_version(headers, &named)?;
        }
        let meta = RequestMeta::take(&mut params)?;
        if let Some(headers) = &request.headers {
            Routing::check(headers, &request.method, &params, None)?;
        }
        let entered = if self.is_shared() {
            InFlight::alone(request.id.clone(), &self.ended)
        } else {
            self.in_flight.enter(request.id.clone(), &self.ended)?
        };
        match request.method.as_str() {
            DISCOVER => {
                let introduction = self.gateway.introduce(&meta.capabilities).await;
                Discovered::of_gateway(&introduction.capabilities, introduction.instructions.as_deref())
                    .map_err(|error| RpcError::from(&error))
            }
            LISTEN => self.listen(request, &params, &meta, &entered).await,
            method => match RequestKind::from_method(method).filter(|kind| kind.is_in_stateless_era()) {
                Some(kind) => self.carry_out(kind, request, params, meta, &entered).await,
                None => Err(RpcError::method_not_found(method)),
            },
        }
    }

    async fn carry_out(
        &self,
        kind: RequestKind,
        request: ClientRequest,
        params: RawObject,
        meta: RequestMeta,
        entered: &Entered<'_>,
    ) -> std::result::Result<RawJson, RpcError> {
        let asks = kind.may_ask() && ["elicitation", "roots", "sampling"].iter().any(|can| meta.capabilities.has(can));
        let token = params.get("_meta").and_then(|meta| meta.object().ok()?.get("progressToken").cloned());
        if kind.may_ask()
            && InputResponses::is_in(&params)
            && let Some(rounds) = self.parked.resume(&params, digest(&request.method, &params))?
        {
            rounds.bridge.take_up(Arc::clone(&request.link), token);
            return self.go_on(kind, request, rounds, entered).await;
        }
        if kind.is_about_task() && !meta.capabilities.has_extension(tasks::EXTENSION) {
            return Err(tasks::needed());
        }
        let lane = self.lanes.enter(&meta.capabilities).await.map_err(|error| RpcError::from(&error))?;
        if let (RequestKind::CallTool, Some(headers), Some(name)) = (kind, &request.headers, params.text("name")) {
            let schema = self.gateway.header_schema(Some(lane.session()), &name).await;
            Routing::check(headers, &request.method, &params, schema.as_ref())?;
        }
        let mut asked = Request::new(kind, params.clone());
        asked.log_level = meta.log_level;
        asked.takes_rounds = true;
        asked.stands_alone = self.is_shared();
        asked.is_local = self.is_local;
        if !asks {
            let asked = asked.with_link(Arc::clone(&request.link));
            let ctx = self.context(lane.session(), &asked, entered.cancellation.clone());
            let uri = params.text("uri");
            let response = answered(&request.method, self.gateway.dispatch(&ctx, asked).await);
            return finish(kind, uri.as_deref(), response);
        }
        let (bridge, questions) = Bridge::new(Arc::clone(&request.link), token, given(&params));
        let asked = asked.with_link(Arc::clone(&bridge) as _);
        // It outlives this request: the client comes back to it with another.
        let ctx = self.context(lane.session(), &asked, self.ended.child_token());
        let gateway = Arc::clone(&self.gateway);
        let work = Box::pin(async move { gateway.dispatch(&ctx, asked).await });
        let digest = digest(&request.method, &params);
        let rounds = Rounds { work, bridge, questions, open: Vec::new(), digest, _lane: lane };
        self.go_on(kind, request, rounds, entered).await
    }

    /// Goes on with a call until there is a result, or its client has to come back with answers.
    async fn go_on(
        &self,
        kind: RequestKind,
        request: ClientRequest,
        mut rounds: Rounds,
        entered: &Entered<'_>,
    ) -> std::result::Result<RawJson, RpcError> {
        loop {
            let outcome = tokio::select! {
                outcome = rounds.advance() => outcome,
                () = entered.cancellation.cancelled() => {
                    return Err(cancelled());
                }
            };
            if let Some(outcome) = outcome {
                let uri = request.params.as_ref().and_then(|params| params.object().ok()?.text("uri"));
                return finish(kind, uri.as_deref(), answered(&request.method, outcome));
            }
            match self.parked.park(rounds) {
                Ok(asked) => return asked,
                Err(nothing_to_ask) => rounds = nothing_to_ask,
            }
        }
    }
}

/// The client has taken the request back.
pub(super) fn cancelled() -> RpcError {
    RpcError::local(Error::new(ErrorKind::Cancelled, "the client cancelled the request"))
}

/// Answers that a client gives before they are asked for.
fn given(params: &RawObject) -> IndexMap<String, RawJson> {
    let mut given = InputResponses::take(&mut params.clone()).map(|responses| responses.answers).unwrap_or_default();
    // Every answer that there is to give is an object.
    given.retain(|_, answer| answer.object().is_ok());
    given
}

/// A result as this era has it, and an error too.
fn finish(
    kind: RequestKind,
    uri: Option<&str>,
    response: std::result::Result<Response, RpcError>,
) -> std::result::Result<RawJson, RpcError> {
    let result = response.and_then(|response| response.result);
    result.map(|result| complete(kind, result)).map_err(|mut error| {
        let is_about_resource = kind == RequestKind::ReadResource
            && (error.code == code::RESOURCE_NOT_FOUND || error.code == code::INVALID_PARAMS);
        if is_about_resource {
            error.code = code::INVALID_PARAMS;
            name_resource(&mut error, uri);
        }
        error
    })
}

/// The stateless era wants the resource named that does not exist.
fn name_resource(error: &mut RpcError, uri: Option<&str>) {
    let data = error.data.as_ref().map_or(Value::Null, |data| data.read().unwrap_or_default());
    let (Some(uri), Value::Object(mut data)) = (uri, if data.is_null() { serde_json::json!({}) } else { data }) else {
        return;
    };
    data.entry("uri").or_insert_with(|| uri.into());
    error.data = RawJson::from_value(&data).ok();
}
