//! What is served where.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router, middleware};
use serde_json::{Value, json};

use super::guard::{Guard, admit};
#[cfg(feature = "transport-oauth")]
use super::oauth;
use super::principals::Principals;
use super::sessions::HttpSessions;
use super::streamable;
use crate::transport::server::SessionHost;

const METRICS: &str = "/metrics";

/// Gives the text of `/metrics`.
pub(super) type MetricsText = Arc<dyn Fn() -> String + Send + Sync>;

/// One profile at one address.
#[derive(Debug)]
pub(super) struct Face {
    /// What its paths begin with.
    pub(super) prefix: String,
    pub(super) profile: String,
    pub(super) host: Arc<dyn SessionHost>,
    pub(super) sessions: Arc<HttpSessions>,
    /// Who comes with requests that stand alone.
    pub(super) principals: Arc<Principals>,
    pub(super) max_body_bytes: usize,
}

impl Face {
    /// The paths of this profile.
    pub(super) fn routes(self) -> Router {
        let prefix = self.prefix.clone();
        let streamable = post(streamable::post).get(streamable::get).delete(streamable::delete);
        let router = Router::new().route(&format!("{prefix}/mcp"), streamable);
        #[cfg(feature = "transport-sse")]
        let router = router
            .route(&format!("{prefix}/sse"), get(super::sse::open))
            .route(&format!("{prefix}/message"), post(super::sse::message));
        router.with_state(Arc::new(self))
    }
}

/// The paths that need a token, each with the path whose address names the resource that it is part of.
#[cfg(feature = "transport-oauth")]
pub(super) fn paths(faces: &[Face]) -> Vec<(String, String)> {
    let mut paths = vec![(METRICS.to_owned(), METRICS.to_owned())];
    for Face { prefix, .. } in faces {
        for (path, resource) in [("mcp", "mcp"), ("sse", "sse"), ("message", "sse")] {
            if cfg!(feature = "transport-sse") || path == "mcp" {
                paths.push((format!("{prefix}/{path}"), format!("{prefix}/{resource}")));
            }
        }
    }
    paths
}

/// Everything: the profiles and `/metrics` for those whom the guard admits, `/health` and what
/// clients must know before they have a token for everyone.
pub(super) fn router(faces: impl IntoIterator<Item = Face>, metrics: Option<MetricsText>, guard: Guard) -> Router {
    let mut guarded = Router::new();
    for face in faces {
        guarded = guarded.merge(face.routes());
    }
    if let Some(text) = metrics {
        guarded = guarded.route(METRICS, get(metrics_text).with_state(text));
    }
    let guard = Arc::new(guard);
    let guarded = guarded.route_layer(middleware::from_fn_with_state(Arc::clone(&guard), admit));
    #[cfg(feature = "transport-oauth")]
    let guarded = match &guard.oauth {
        Some(oauth) => guarded.merge(oauth::routes(Arc::clone(oauth), Arc::clone(&guard))),
        None => guarded,
    };
    guarded.route("/health", get(health))
}

async fn health() -> Json<Value> {
    Json(json!({"status": "ok"}))
}

async fn metrics_text(State(text): State<MetricsText>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text())
}
