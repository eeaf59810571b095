//! Audit files, without a gateway.

use mcp_gateway_core::audit::FileCommand;
use mcp_gateway_core::protocol::RawJson;
use napi::bindgen_prelude::AsyncTask;
use napi::{Env, Task};
use napi_derive::napi;

use crate::error::to_napi;

/// A command about an audit file, for a thread that may wait.
#[derive(Debug)]
pub struct FileWork(String);

impl Task for FileWork {
    type Output = String;
    type JsValue = String;

    fn compute(&mut self) -> napi::Result<String> {
        FileCommand::run(&self.0).map(RawJson::into_text).map_err(|error| to_napi(&error))
    }

    fn resolve(&mut self, _env: Env, output: String) -> napi::Result<String> {
        Ok(output)
    }
}

/// Carries out a command about an audit file, as JSON in and JSON out.
#[napi(catch_unwind)]
pub fn audit_files(command: String) -> AsyncTask<FileWork> {
    AsyncTask::new(FileWork(command))
}
