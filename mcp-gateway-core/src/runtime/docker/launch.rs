//! The way from a request body to a container that runs, with nothing left behind when it fails.

use std::sync::Arc;

use bollard::models::ContainerCreateBody;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio_util::sync::CancellationToken;

use super::client::Engine;
use super::error::EngineError;
use super::exit::Exit;
use super::files::Files;
use super::removal;
use crate::error::{Error, ErrorKind, Result};
use crate::model::InstanceId;
use crate::transport::client::Diagnostics;

/// A container's streams, both ways over one connection.
pub(super) type Streams = TokioIo<Upgraded>;

/// A container to be. It has no `Debug`: its body holds the server's secrets.
pub(super) struct Launch {
    pub(super) engine: Engine,
    pub(super) name: String,
    pub(super) image: String,
    pub(super) body: ContainerCreateBody,
    pub(super) diagnostics: Arc<Diagnostics>,
    /// The way to listed hosts.
    pub(super) exit: Option<Exit>,
    /// The secrets that it reads from files.
    pub(super) files: Option<Files>,
}

/// A container that runs.
pub(super) struct Launched {
    pub(super) id: InstanceId,
    pub(super) streams: Streams,
    pub(super) exit: Option<Exit>,
}

impl Launch {
    /// Creates the container, connects to its streams and starts it, in this order: its first words are not lost.
    ///
    /// # Errors
    /// `NotFound` without the image, `StartFailed`, `RuntimeUnavailable`; the container is then removed.
    pub(super) async fn run(mut self) -> Result<Launched> {
        if let Some(exit) = &self.exit {
            let image = self.engine.inspect_image(&self.image).await.map_err(|cause| self.explain_creation(cause))?;
            exit.enter(&mut self.body, image)?;
        }
        let created = self.engine.create(&self.name, &self.body).await;
        let id = created.map_err(|cause| {
            if !cause.is_answer() {
                removal::remove_late(self.engine.clone(), self.name.clone());
            }
            self.explain_creation(cause)
        })?;
        let started = self.started(&id).await;
        // What a container was shown stays there without its name, so nothing has to be left for a crash to leave behind.
        drop(self.files.take());
        match started {
            Ok((id, streams)) => Ok(Launched { id, streams, exit: self.exit }),
            Err(error) => {
                let engine = self.engine.clone();
                // The caller learns the reason without waiting for an engine that may be in trouble.
                tokio::spawn(async move { removal::remove(&engine, &id).await });
                Err(error)
            }
        }
    }

    async fn started(&self, id: &str) -> Result<(InstanceId, Streams)> {
        let instance = InstanceId::new(id)?;
        let stdin = self.body.open_stdin == Some(true);
        let streams = self.engine.attach(id, stdin).await.map_err(|cause| self.explain(cause))?;
        self.engine.start(id).await.map_err(|cause| self.explain(cause))?;
        Ok((instance, streams))
    }

    fn explain_creation(&self, cause: EngineError) -> Error {
        if !cause.is_not_found() {
            return self.explain(cause);
        }
        cause
            .redacted(&self.diagnostics)
            .into_error(ErrorKind::NotFound, "the engine has no such image", self.engine.endpoint())
            .with_context("image", &self.image)
            .with_hint("check the name, and pull or build the image")
    }

    fn explain(&self, cause: EngineError) -> Error {
        cause
            .redacted(&self.diagnostics)
            .into_error(ErrorKind::StartFailed, "the engine could not start the server", self.engine.endpoint())
            .with_context("image", &self.image)
    }
}

/// Runs work in a task of its own, so that a caller who gives up cannot cut it off halfway; the token tells the work that
/// nobody waits for it any more.
pub(super) async fn uninterrupted<T, F>(work: impl FnOnce(CancellationToken) -> F) -> Result<T>
where
    T: Send + 'static,
    F: Future<Output = Result<T>> + Send + 'static,
{
    let abandoned = CancellationToken::new();
    let task = tokio::spawn(work(abandoned.clone()));
    let _abandons_when_dropped = abandoned.drop_guard();
    task.await
        .unwrap_or_else(|cause| Err(Error::new(ErrorKind::Internal, "starting a server broke off").with_source(cause)))
}
