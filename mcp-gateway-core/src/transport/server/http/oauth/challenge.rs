//! What clients that stay out are told: enough to get a token that is good, nothing about the one they have.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use url::Url;

use crate::error::{Error, ErrorKind, Result};
use crate::transport::server::http::guard::refusal;

/// Why a request stays out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It has no token.
    NoToken,
    /// Its token is not accepted, for this reason, which is for the log only.
    Invalid(&'static str),
    /// Its token is good, but not for this.
    Scope,
    /// Nobody can tell now.
    Unavailable,
}

/// The challenges of one resource (RFC 6750, RFC 9728).
#[derive(Debug)]
pub(super) struct Challenges {
    no_token: HeaderValue,
    invalid: HeaderValue,
    scope: HeaderValue,
    retry_after: HeaderValue,
}

impl Challenges {
    /// The challenges of the resource whose metadata is at `metadata`, with all scopes that it needs: a client that asks
    /// for just these gets a token that suffices.
    ///
    /// # Errors
    /// `Internal` when they cannot be sent.
    pub(super) fn new(metadata: &Url, scopes: &[String], retry_seconds: u64) -> Result<Self> {
        let scopes = if scopes.is_empty() { String::new() } else { format!(", scope=\"{}\"", scopes.join(" ")) };
        let told = |error: &str| {
            let challenge = format!("Bearer {error}resource_metadata=\"{metadata}\"{scopes}");
            HeaderValue::from_str(&challenge).map_err(|_| {
                Error::new(ErrorKind::Internal, "challenge cannot be sent").with_context("challenge", challenge)
            })
        };
        Ok(Self {
            no_token: told("")?,
            invalid: told("error=\"invalid_token\", ")?,
            scope: told("error=\"insufficient_scope\", ")?,
            retry_after: retry_seconds.max(1).into(),
        })
    }

    /// The answer to a request that stays out.
    pub(super) fn answer(&self, refused: Refusal) -> Response {
        let (status, why, name, value) = match refused {
            Refusal::NoToken => {
                (StatusCode::UNAUTHORIZED, "a bearer token is required", header::WWW_AUTHENTICATE, &self.no_token)
            }
            Refusal::Invalid(_) => {
                (StatusCode::UNAUTHORIZED, "the token is not accepted", header::WWW_AUTHENTICATE, &self.invalid)
            }
            Refusal::Scope => (StatusCode::FORBIDDEN, "the token lacks a scope", header::WWW_AUTHENTICATE, &self.scope),
            Refusal::Unavailable => (
                StatusCode::SERVICE_UNAVAILABLE,
                "tokens cannot be checked now",
                header::RETRY_AFTER,
                &self.retry_after,
            ),
        };
        let mut response = refusal(status, why);
        response.headers_mut().insert(name, value.clone());
        response
    }
}
