//! The secrets of a home, without a gateway.

use std::fmt;

use mcp_gateway_core::gateway::home::SecretCommand;
use mcp_gateway_core::protocol::RawJson;
use napi::bindgen_prelude::AsyncTask;
use napi::{Env, Task};
use napi_derive::napi;

use crate::error::to_napi;

/// A command about the secrets of a home, for a thread that may wait.
pub struct SecretWork(String);

impl fmt::Debug for SecretWork {
    /// Leaves the command out: it may hold a value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretWork")
    }
}

impl Task for SecretWork {
    type Output = String;
    type JsValue = String;

    fn compute(&mut self) -> napi::Result<String> {
        SecretCommand::run(&self.0).map(RawJson::into_text).map_err(|error| to_napi(&error))
    }

    fn resolve(&mut self, _env: Env, output: String) -> napi::Result<String> {
        Ok(output)
    }
}

/// Carries out a command about the secrets of a home, as JSON in and JSON out.
#[napi(catch_unwind)]
pub fn home_secrets(command: String) -> AsyncTask<SecretWork> {
    AsyncTask::new(SecretWork(command))
}
