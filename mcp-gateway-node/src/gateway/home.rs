//! The profiles of a home and the clients of a user, without a gateway.

use mcp_gateway_core::gateway::home::ShareCommand;
use mcp_gateway_core::protocol::RawJson;
use napi::bindgen_prelude::AsyncTask;
use napi::{Env, Task};
use napi_derive::napi;

use crate::error::to_napi;

/// A command about profiles and clients, for a thread that may wait.
#[derive(Debug)]
pub struct ShareWork(String);

impl Task for ShareWork {
    type Output = String;
    type JsValue = String;

    fn compute(&mut self) -> napi::Result<String> {
        ShareCommand::run(&self.0).map(RawJson::into_text).map_err(|error| to_napi(&error))
    }

    fn resolve(&mut self, _env: Env, output: String) -> napi::Result<String> {
        Ok(output)
    }
}

/// Carries out a command about profiles and clients, as JSON in and JSON out.
#[napi(catch_unwind)]
pub fn share(command: String) -> AsyncTask<ShareWork> {
    AsyncTask::new(ShareWork(command))
}
