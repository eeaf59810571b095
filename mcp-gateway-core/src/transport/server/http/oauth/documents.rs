//! What clients read before they ask for a token: RFC 9728 metadata, for everyone who names this server rightly.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router, middleware};
use serde_json::{Value, json};
use url::Url;

use super::address;
use super::config::OAuthResource;
use crate::transport::server::http::guard::{Guard, admit_anyone, refusal};

/// The document's name below `/.well-known/`.
pub(super) const NAME: &str = "oauth-protected-resource";

/// The documents, by the path of each.
#[derive(Debug, Default)]
pub(super) struct Documents(HashMap<String, Value>);

impl Documents {
    /// The documents of the server at `base` and of everything at `paths` below it.
    ///
    /// Each is at the place that RFC 9728 says, and also without the path of `base`, which a proxy may have taken away.
    pub(super) fn new(settings: &OAuthResource, base: &Url, paths: &BTreeSet<&str>) -> Self {
        let issuers: Vec<_> = settings.issuers.iter().map(|issuer| &issuer.name).collect();
        let scopes: BTreeSet<_> = settings.scopes.iter().chain(settings.roles.iter().map(|(scope, _)| scope)).collect();
        let mut documents = HashMap::new();
        for path in std::iter::once(&"").chain(paths) {
            let resource = below(base, path);
            let mut document = json!({
                "resource": text(&resource),
                "authorization_servers": issuers,
                "bearer_methods_supported": ["header"],
            });
            if !scopes.is_empty() {
                document["scopes_supported"] = json!(scopes);
            }
            documents.insert(address::well_known(&resource, NAME).path().to_owned(), document.clone());
            documents.entry(format!("/.well-known/{NAME}{path}")).or_insert(document);
        }
        Self(documents)
    }
}

/// The address of `path` below the server's own.
pub(super) fn below(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}{path}", base.path().trim_end_matches('/')));
    url
}

/// An address as a resource's identifier: without the slash that only says that there is no path.
pub(super) fn text(url: &Url) -> &str {
    url.as_str().trim_end_matches('/')
}

/// The paths of the documents: without a token, but with the guard's check of the host.
pub(in super::super) fn routes(documents: Arc<super::OAuthGuard>, guard: Arc<Guard>) -> Router {
    let document = get(document).with_state(documents);
    Router::new()
        .route(&format!("/.well-known/{NAME}"), document.clone())
        .route(&format!("/.well-known/{NAME}/{{*path}}"), document)
        .route_layer(middleware::from_fn_with_state(guard, admit_anyone))
}

async fn document(State(oauth): State<Arc<super::OAuthGuard>>, request: Request) -> Response {
    match oauth.documents().0.get(request.uri().path()) {
        Some(document) => Json(document).into_response(),
        None => refusal(StatusCode::NOT_FOUND, "there is no such resource"),
    }
}
