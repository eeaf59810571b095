//! Tokens that servers ask for, from somebody who knows how to get them.

use std::fmt;

use async_trait::async_trait;

use crate::error::{Error, Result};
use crate::model::SecretValue;

/// Gives the tokens that HTTP connections to one server send as `Authorization: Bearer`.
///
/// # Behavior
/// - Nothing waits for a person: without a token, a call fails and says what the person has to do.
/// - A request is sent again at most once, with the token of `renew`.
#[async_trait]
pub trait Authorization: fmt::Debug + Send + Sync + 'static {
    /// The token to send; `None` sends the request without one.
    ///
    /// # Errors
    /// `Unauthorized`, with what to do, when the server needs a token and there is none; `Network` and others when one
    /// has expired and cannot be renewed now.
    async fn token(&self) -> Result<Option<SecretValue>>;

    /// Another token in place of the one that the server has refused; `None` when another one would change nothing.
    ///
    /// # Errors
    /// As `token`.
    async fn renew(&self, refusal: &TokenRefusal, used: Option<&SecretValue>) -> Result<Option<SecretValue>>;

    /// Why a request failed whose renewed token was refused too.
    fn refused(&self, refusal: &TokenRefusal) -> Error;

    /// Tokens that were sent lately, to be cut out of what the server says.
    fn sent(&self) -> Vec<SecretValue>;
}

/// What a server said when it refused a request for its token, or for the lack of one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TokenRefusal {
    /// The status, 401 or 403.
    pub status: u16,
    /// The values of its `WWW-Authenticate` headers.
    pub challenges: Vec<String>,
}

impl TokenRefusal {
    /// A refusal with these challenges.
    pub fn new(status: u16, challenges: Vec<String>) -> Self {
        Self { status, challenges }
    }
}
