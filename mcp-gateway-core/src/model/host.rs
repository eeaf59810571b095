//! Objects of the host's own language that stand for one of the gateway's seams.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;

use super::SecretValue;
use crate::error::{Error, ErrorKind, Result};

/// An object of the host's own language, called by method name with JSON.
///
/// # Behavior
/// - A method may be missing; what that means is said by the seam.
/// - Arguments and answers are JSON texts that may hold a secret, so they travel as [`SecretValue`].
/// - Dropping the future of `call` gives the call up.
#[async_trait]
pub trait HostObject: fmt::Debug + Send + Sync + 'static {
    /// What it is called in messages.
    fn name(&self) -> &str;

    /// Whether it has a method.
    fn has(&self, method: &str) -> bool;

    /// Calls a method with a JSON array of arguments and gives the JSON of what it returned.
    ///
    /// # Errors
    /// What the host's code has thrown; its text belongs into the error's source, for it may say more than others may see.
    async fn call(&self, method: &'static str, arguments: SecretValue) -> Result<SecretValue>;
}

/// How many calls of one object may be under way; further ones wait, within the same time limit.
const AT_ONCE: usize = 64;

/// The longest answer that is read, in bytes.
const MAX_ANSWER: usize = 64 * 1024 * 1024;

/// Calls a [`HostObject`] with a bound on time, on how many at once, and on what is believed.
#[derive(Clone, Debug)]
pub struct HostCaller {
    object: Arc<dyn HostObject>,
    timeout: Duration,
    places: Arc<Semaphore>,
}

impl HostCaller {
    /// Calls this object; no call takes longer than `timeout`.
    pub fn new(object: Arc<dyn HostObject>, timeout: Duration) -> Self {
        Self { object, timeout, places: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// What the object is called in messages.
    pub fn name(&self) -> &str {
        self.object.name()
    }

    /// Whether the object has a method.
    pub fn has(&self, method: &str) -> bool {
        self.object.has(method)
    }

    /// How long a call may take.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Refuses an object that lacks a method that its role needs.
    ///
    /// # Errors
    /// `InvalidInput`, naming the object and the method.
    pub fn demand(&self, role: &str, methods: &[&str]) -> Result<()> {
        match methods.iter().find(|method| !self.has(method)) {
            None => Ok(()),
            Some(method) => Err(Error::new(
                ErrorKind::InvalidInput,
                format!("`{}` is not {role}: it has no method `{method}`", self.name()),
            )),
        }
    }

    /// Calls a method and reads its answer.
    ///
    /// # Errors
    /// What the object says, `Timeout` when it does not answer, `Internal` when its answer is not what it should be.
    pub async fn call<T: DeserializeOwned>(
        &self,
        method: &'static str,
        arguments: &(impl Serialize + Sync),
    ) -> Result<T> {
        let wrong = |what: &'static str| {
            Error::new(ErrorKind::Internal, what)
                .with_operation("HostCaller::call")
                .with_context("object", self.name())
                .with_context("method", method)
        };
        let arguments = serde_json::to_string(arguments)
            .map_err(|cause| wrong("arguments for the host have no JSON form").with_source(cause))?;
        let called = async {
            // Never closed; should it be, the call fails as any other.
            let _place = self.places.acquire().await.map_err(|cause| wrong("host is gone").with_source(cause))?;
            self.object.call(method, SecretValue::new(arguments)).await
        };
        let answer = tokio::time::timeout(self.timeout, called).await.map_err(|_| {
            Error::new(ErrorKind::Timeout, "the host's own code did not answer in time")
                .with_operation("HostCaller::call")
                .with_context("object", self.name())
                .with_context("method", method)
                .with_context("waited", humantime::format_duration(self.timeout))
        })??;
        if answer.expose().len() > MAX_ANSWER {
            return Err(wrong("the host's answer is too large"));
        }
        // The reader's message would show a part of the answer, which may be a secret.
        serde_json::from_str(answer.expose()).map_err(|cause| {
            wrong("the host's answer is not what it should be").with_context("at", format!("column {}", cause.column()))
        })
    }
}
