//! Clients of the session era, who begin with a handshake.

use std::sync::Arc;

use super::{ClientSession, answered};
use crate::gateway::SessionOptions;
use crate::protocol::stateless::{DISCOVER, for_session_era};
use crate::protocol::{
    ClientCapabilities, ClientHello, Era, RawJson, RawObject, Request, RpcError, ServerHello, code, tasks,
};
use crate::transport::server::ClientRequest;

impl ClientSession {
    /// Answers a request that belongs to a session.
    pub(super) async fn of_session(&self, request: ClientRequest, params: RawObject) -> Result<RawJson, RpcError> {
        match (request.method.as_str(), self.greeted.get()) {
            ("initialize", None) => self.initialize(&params).await,
            ("initialize", Some(_)) => {
                Err(RpcError::new(code::INVALID_REQUEST, "this session has begun with `initialize` already"))
            }
            ("ping", _) => Ok(RawJson::empty_object()),
            (DISCOVER, _) => Err(RpcError::new(code::INVALID_PARAMS, format!("`{DISCOVER}` needs its `_meta`"))),
            (method, None) => Err(RpcError::new(code::INVALID_REQUEST, format!("`{method}` came before `initialize`"))),
            (_, Some(session)) => {
                let entered = self.in_flight.enter(request.id, &self.ended)?;
                let asked = Request::from_object(&request.method, params).map_err(|error| RpcError::from(&error))?;
                if !asked.kind.is_in_session_era() {
                    return Err(RpcError::method_not_found(&request.method));
                }
                let mut asked = asked.with_link(request.link);
                asked.is_local = self.is_local;
                let ctx = self.context(session, &asked, entered.cancellation.clone());
                let response = answered(&request.method, self.gateway.dispatch(&ctx, asked).await)?;
                match response.era {
                    Era::Stateless => response.result.map(for_session_era),
                    _ => response.result,
                }
            }
        }
    }

    async fn initialize(&self, params: &RawObject) -> Result<RawJson, RpcError> {
        let hello: ClientHello = params
            .to_raw()
            .read()
            .map_err(|_| RpcError::new(code::INVALID_PARAMS, "`initialize` needs `protocolVersion`"))?;
        let Some(link) = &self.link else { return Err(RpcError::method_not_found("initialize")) };
        // Tasks of the other era are nothing that such a client could follow.
        let capabilities = ClientCapabilities::of(&tasks::without_tasks(&hello.capabilities, &[Era::Stateless]));
        let introduction = self.gateway.introduce(&capabilities).await;
        let options = SessionOptions::new()
            .with_link(Arc::clone(link))
            .with_capabilities(capabilities)
            .with_principal(self.principal.clone());
        let session = self.gateway.open_session(options).await.map_err(|error| RpcError::from(&error))?;
        if let Err(session) = self.greeted.set(session) {
            self.gateway.close_session(&session).await;
            return Err(RpcError::new(code::INVALID_REQUEST, "this session has begun with `initialize` already"));
        }
        let answer =
            ServerHello::of_gateway(&hello.protocol_version, introduction.capabilities, introduction.instructions);
        answer.to_result().map_err(|error| RpcError::from(&error))
    }
}
