//! The requests to the engine, each with a deadline.

use std::sync::Arc;
use std::time::Duration;

use bollard::Docker;
use bollard::auth::DockerCredentials;
use bollard::models::{ContainerCreateBody, ContainerStatsResponse, CreateImageInfo, ImageInspect};
use bollard::query_parameters::{
    CreateImageOptions, KillContainerOptions, RemoveContainerOptions, RemoveImageOptions, RemoveVolumeOptions,
    StatsOptions, WaitContainerOptions,
};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{CONNECTION, CONTENT_TYPE, UPGRADE};
use hyper::upgrade::Upgraded;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::form_urlencoded;

use super::answer::{ContainerState, Created, Facts, Inspected, Listed};
use super::dial::{self, Dialer};
use super::endpoint::Endpoint;
use super::error::EngineError;
use crate::error::Result;

/// The largest answer that is read, in bytes.
const MAX_ANSWER: usize = 32 * 1024 * 1024;

type EngineResult<T> = Result<T, EngineError>;

/// The requests to one engine.
///
/// What can hold a secret (creating and inspecting containers, their streams) does not go through bollard's own calls:
/// those write whole bodies to the log.
#[derive(Clone, Debug)]
pub(super) struct Engine {
    bollard: Docker,
    dialer: Arc<Dialer>,
    timeout: Duration,
}

impl Engine {
    pub(super) fn new(endpoint: Endpoint, timeout: Duration) -> Result<Self> {
        let dialer = Arc::new(Dialer::new(endpoint)?);
        let transport = dial::transport(Arc::clone(&dialer));
        // The deadlines are kept here; bollard's own, in whole seconds and for the answer's head only, is put out of the way.
        let bollard = Docker::connect_with_custom_transport(
            transport,
            Some("http://engine"),
            timeout.as_secs().saturating_add(1),
            bollard::API_DEFAULT_VERSION,
        )
        .map_err(|cause| {
            EngineError::from(cause).into_error(
                crate::error::ErrorKind::Internal,
                "cannot prepare requests to the engine",
                dialer.endpoint(),
            )
        })?;
        Ok(Self { bollard, dialer, timeout })
    }

    /// The same engine with another deadline.
    pub(super) fn within(&self, timeout: Duration) -> Self {
        Self { timeout, ..self.clone() }
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        self.dialer.endpoint()
    }

    #[cfg(test)]
    pub(super) fn bollard(&self) -> &Docker {
        &self.bollard
    }

    // === the engine ===

    pub(super) async fn ping(&self) -> EngineResult<()> {
        self.deadline(self.bollard.ping()).await.map(drop)
    }

    /// What the engine can enforce.
    pub(super) async fn facts(&self) -> EngineResult<Facts> {
        self.call(Method::GET, "/info", None).await
    }

    // === images ===

    pub(super) async fn inspect_image(&self, image: &str) -> EngineResult<ImageInspect> {
        self.deadline(self.bollard.inspect_image(image)).await
    }

    /// The digest that a registry has for an image now; nothing is fetched.
    pub(super) async fn registry_digest(
        &self,
        image: &str,
        credentials: Option<DockerCredentials>,
    ) -> EngineResult<Option<String>> {
        let answer = self.deadline(self.bollard.inspect_registry_image(image, credentials)).await?;
        Ok(answer.descriptor.digest)
    }

    /// Fetches an image; the stream has no deadline of its own.
    pub(super) fn pull(
        &self,
        image: &str,
        credentials: Option<DockerCredentials>,
    ) -> impl Stream<Item = EngineResult<CreateImageInfo>> + Send + Unpin + use<> {
        let options = CreateImageOptions { from_image: Some(image.to_owned()), ..CreateImageOptions::default() };
        Box::pin(
            self.bollard.create_image(Some(options), None, credentials).map(|item| item.map_err(EngineError::from)),
        )
    }

    /// Removes a name of an image, and the image with its last name, unless something uses it.
    pub(super) async fn remove_image(&self, image: &str) -> EngineResult<()> {
        self.deadline(self.bollard.remove_image(image, None::<RemoveImageOptions>, None)).await.map(drop)
    }

    // === volumes ===

    /// Removes a volume, unless a container has it, running or not.
    pub(super) async fn remove_volume(&self, name: &str) -> EngineResult<()> {
        self.deadline(self.bollard.remove_volume(name, None::<RemoveVolumeOptions>)).await
    }

    // === containers ===

    pub(super) async fn create(&self, name: &str, body: &ContainerCreateBody) -> EngineResult<String> {
        let body = serde_json::to_vec(body).map_err(|cause| EngineError::Strange(cause.to_string()))?;
        let created: Created = self.call(Method::POST, &format!("/containers/create?name={name}"), Some(body)).await?;
        Ok(created.id)
    }

    pub(super) async fn start(&self, id: &str) -> EngineResult<()> {
        self.deadline(self.bollard.start_container(id, None)).await
    }

    /// Connects to a container's streams, before it is started.
    pub(super) async fn attach(&self, id: &str, stdin: bool) -> EngineResult<TokioIo<Upgraded>> {
        let path = format!("/containers/{id}/attach?stream=1&stdout=1&stderr=1&stdin={}", u8::from(stdin));
        let request = request(Method::POST, &path)
            .header(CONNECTION, "Upgrade")
            .header(UPGRADE, "tcp")
            .body(Full::<Bytes>::default())
            .map_err(bollard::errors::Error::from)?;
        self.bounded(async {
            let response = accepted(self.dialer.send(request).await?).await?;
            let upgraded = hyper::upgrade::on(response).await.map_err(bollard::errors::Error::from)?;
            Ok(TokioIo::new(upgraded))
        })
        .await
    }

    /// How a container is, and where its ports are.
    pub(super) async fn inspect(&self, id: &str) -> EngineResult<Inspected> {
        self.call(Method::GET, &format!("/containers/{id}/json"), None).await
    }

    /// Waits until a container has ended, and says how; the deadline is the engine's own.
    pub(super) async fn ended(&self, id: &str) -> EngineResult<ContainerState> {
        let waiting = async {
            let mut answers = std::pin::pin!(self.bollard.wait_container(id, None::<WaitContainerOptions>));
            match answers.next().await {
                // A code that is not zero comes as an error; the inspection below tells more in any case.
                Some(Ok(_) | Err(bollard::errors::Error::DockerContainerWaitError { .. })) | None => Ok(()),
                Some(Err(cause)) => Err(cause),
            }
        };
        self.deadline(waiting).await?;
        Ok(self.inspect(id).await?.state)
    }

    pub(super) async fn kill(&self, id: &str, signal: &str) -> EngineResult<()> {
        let options = KillContainerOptions { signal: signal.to_owned() };
        self.deadline(self.bollard.kill_container(id, Some(options))).await
    }

    /// Removes a container with its anonymous volumes, running or not; one that is gone is no error.
    pub(super) async fn remove(&self, id: &str) -> EngineResult<()> {
        let options = RemoveContainerOptions { v: true, force: true, link: false };
        match self.deadline(self.bollard.remove_container(id, Some(options))).await {
            // 409: somebody else removes it right now.
            Err(EngineError::Refused { status: 404 | 409, .. }) => Ok(()),
            other => other,
        }
    }

    pub(super) async fn pause(&self, id: &str) -> EngineResult<()> {
        self.deadline(self.bollard.pause_container(id)).await
    }

    pub(super) async fn unpause(&self, id: &str) -> EngineResult<()> {
        self.deadline(self.bollard.unpause_container(id)).await
    }

    /// The containers with a label, in whatever state; with an id, that one only.
    pub(super) async fn list(&self, label: &str, id: Option<&str>) -> EngineResult<Vec<Listed>> {
        let mut filters = serde_json::json!({ "label": [label] });
        if let Some(id) = id {
            filters["id"] = serde_json::json!([id]);
        }
        let filters: String = form_urlencoded::byte_serialize(filters.to_string().as_bytes()).collect();
        self.call(Method::GET, &format!("/containers/json?all=1&filters={filters}"), None).await
    }

    /// What a container uses now.
    pub(super) async fn stats(&self, id: &str) -> EngineResult<Option<ContainerStatsResponse>> {
        let options = StatsOptions { stream: false, one_shot: true };
        self.deadline(async { self.bollard.stats(id, Some(options)).next().await.transpose() }).await
    }

    // === deadlines and bodies ===

    async fn call<T: DeserializeOwned>(&self, method: Method, path: &str, body: Option<Vec<u8>>) -> EngineResult<T> {
        let request = request(method, path)
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body.unwrap_or_default())))
            .map_err(bollard::errors::Error::from)?;
        self.bounded(async {
            let response = accepted(self.dialer.send(request).await?).await?;
            let bytes = read(response).await?;
            serde_json::from_slice(&bytes).map_err(|cause| EngineError::Strange(cause.to_string()))
        })
        .await
    }

    async fn deadline<T>(&self, work: impl Future<Output = Result<T, bollard::errors::Error>>) -> EngineResult<T> {
        self.bounded(async { work.await.map_err(EngineError::from) }).await
    }

    async fn bounded<T>(&self, work: impl Future<Output = EngineResult<T>>) -> EngineResult<T> {
        tokio::time::timeout(self.timeout, work).await.unwrap_or(Err(EngineError::Silent))
    }
}

fn request(method: Method, path: &str) -> hyper::http::request::Builder {
    Request::builder().method(method).uri(path)
}

/// Gives an answer on, or the reason why the engine refused.
async fn accepted(response: Response<Incoming>) -> EngineResult<Response<Incoming>> {
    #[derive(Deserialize)]
    struct Reason {
        message: String,
    }

    let status = response.status();
    if status.is_success() || status.is_informational() {
        return Ok(response);
    }
    let bytes = read(response).await?;
    let message = serde_json::from_slice::<Reason>(&bytes)
        .map_or_else(|_| String::from_utf8_lossy(&bytes).into_owned(), |reason| reason.message);
    Err(EngineError::Refused { status: status.as_u16(), message: message.trim().to_owned() })
}

async fn read(response: Response<Incoming>) -> EngineResult<Bytes> {
    let body = Limited::new(response.into_body(), MAX_ANSWER).collect().await;
    body.map(http_body_util::Collected::to_bytes).map_err(|cause| EngineError::Strange(cause.to_string()))
}
