//! What a host does about the tokens of its servers.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::credential::Credential;
use super::tokens::ServerTokens;
use crate::audit::{AuditEvent, Outcome};
use crate::error::{Error, ErrorKind, Result};
use crate::gateway::McpGateway;
use crate::gateway::expand::Expansion;
use crate::gateway::hub::Body;
use crate::model::{SecretValue, ServerName};
use crate::util::clock;

/// How a server's authorization is; never a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct OAuthStatus {
    /// The server.
    pub server: ServerName,
    /// How it is.
    pub state: OAuthState,
    /// Who gave the token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// What the token allows.
    pub scopes: Vec<String>,
    /// When the token ends, in RFC 3339; it is renewed by then where that is possible.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
}

/// How an authorization is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OAuthState {
    /// A person has to authorize the server.
    Needed,
    /// There is a token, or what is needed to get the next one.
    Authorized,
    /// There is a token, but a call was refused for the lack of scopes: a person has to authorize the server again.
    MoreScopes,
    /// The token has ended and cannot be renewed.
    Expired,
    /// The gateway gets tokens by itself.
    Unattended,
}

/// What a host says about an authorization that it begins; everything has a default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[non_exhaustive]
pub struct OAuthRequest {
    /// Where the browser is sent back to. Without it, where it was the last time, or `http://127.0.0.1:19876/callback`:
    /// nobody need listen there, the address can be taken from the browser.
    pub redirect_uri: Option<String>,
    /// The scopes to ask for, instead of those that are configured or that the server names.
    pub scopes: Vec<String>,
}

impl OAuthRequest {
    /// A request that says nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sends the browser back to this address.
    #[must_use]
    pub fn with_redirect_uri(mut self, uri: impl Into<String>) -> Self {
        self.redirect_uri = Some(uri.into());
        self
    }

    /// Asks for these scopes.
    #[must_use]
    pub fn with_scopes(mut self, scopes: Vec<String>) -> Self {
        self.scopes = scopes;
        self
    }
}

/// An authorization that waits for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct OAuthBegun {
    /// The server.
    pub server: ServerName,
    /// The address to open in a browser.
    pub url: String,
    /// What the browser has to bring back.
    pub state: String,
    /// Where it is sent back to.
    pub redirect_uri: String,
    /// Who asks the person.
    pub issuer: String,
    /// What the person is asked for.
    pub scopes: Vec<String>,
    /// How long the answer is waited for, in RFC 3339.
    pub until: String,
}

impl McpGateway {
    /// How the servers are authorized that need it, as far as that is known; servers that have never asked are left out.
    ///
    /// # Errors
    /// What the secret store says.
    pub async fn oauth_status(&self) -> Result<Vec<OAuthStatus>> {
        let mut all = Vec::new();
        let mut slots: Vec<_> = self.hub.slots().values().map(Arc::clone).collect();
        for server in self.hub.recorded_outside().await? {
            slots.push(self.hub.recorded(&server).await?);
        }
        for slot in slots {
            let Ok(body) = &slot.body else { continue };
            let Ok(tokens) = self.tokens(body) else { continue };
            let credential = tokens.reload().await?;
            if credential.is_some() || tokens.server.declared || tokens.is_asked() {
                all.push(status(&tokens, credential.as_deref()));
            }
        }
        Ok(all)
    }

    /// Where the browser of the next authorization is best sent back to: what is configured, or what the client has
    /// registered before.
    ///
    /// # Errors
    /// As [`oauth_begin`](Self::oauth_begin).
    pub async fn oauth_redirect_uri(&self, server: &ServerName) -> Result<Option<String>> {
        self.tokens_of(server).await?.redirect_uri().await
    }

    /// Begins to authorize a remote server: finds out whom to ask, becomes his client where that is needed, and gives the
    /// address to open in a browser. It is finished by [`oauth_finish`](Self::oauth_finish) within ten minutes.
    ///
    /// # Errors
    /// `NotFound` for a server that the profile does not have and no agent may add, `Unsupported` for one that is not remote or whose
    /// authorization server cannot be used, `Denied` when what the servers say contradicts itself or must not be reached,
    /// `InvalidConfig`, `InvalidInput`, `MissingSecret`, `Network`, `Timeout`.
    pub async fn oauth_begin(&self, server: &ServerName, request: OAuthRequest) -> Result<OAuthBegun> {
        let tokens = self.tokens_of(server).await?;
        tokens.begin(&request).await.map_err(|error| error.with_operation("McpGateway::oauth_begin"))
    }

    /// Finishes an authorization with the address that the browser was sent back to, or with the code in it; the server's
    /// next call uses the token. Fails when the tokens would end with this process and `keep` is set.
    ///
    /// # Errors
    /// `Denied` for an answer to another question or from somebody else, `Unauthorized` when the person or the
    /// authorization server has refused, `Unsupported` when the tokens cannot be kept, `InvalidInput`, `Network`, `Timeout`.
    pub async fn oauth_finish(&self, server: &ServerName, answer: &SecretValue, keep: bool) -> Result<OAuthStatus> {
        let tokens = self.tokens_of(server).await?;
        let done = match tokens.finish(answer).await {
            Ok(false) if keep => {
                Err(Error::new(ErrorKind::Unsupported, "no secret store can be written to, so the tokens are lost")
                    .with_context("server", server))
            }
            done => done,
        };
        self.record(server, "oauth/authorize", done.as_ref().err()).await?;
        done.map_err(|error| error.with_operation("McpGateway::oauth_finish"))?;
        let credential = tokens.reload().await?;
        Ok(status(&tokens, credential.as_deref()))
    }

    /// Ends a server's authorization: at its authorization server where that takes it back, and here in any case.
    ///
    /// Gives the reason why the authorization server did not, if it did not: the tokens are then forgotten, but good until
    /// they expire.
    ///
    /// # Errors
    /// `NotFound` for a server that is none, as in [`oauth_begin`](Self::oauth_begin), or that is not authorized; what the secret store says.
    pub async fn oauth_revoke(&self, server: &ServerName) -> Result<Option<Error>> {
        let done = self.tokens_of(server).await?.revoke().await;
        self.record(server, "oauth/revoke", done.as_ref().err()).await?;
        done.map_err(|error| error.with_operation("McpGateway::oauth_revoke"))
    }

    async fn tokens_of(&self, server: &ServerName) -> Result<Arc<ServerTokens>> {
        let slot = self.hub.addable(server).await?;
        self.tokens(slot.body.as_ref().map_err(Clone::clone)?)
    }

    fn tokens(&self, body: &Body) -> Result<Arc<ServerTokens>> {
        let unfit =
            |why: &'static str| Error::new(ErrorKind::Unsupported, why).with_context("server", &body.entry.name);
        if body.entry.remote.is_none() && body.entry.sse_endpoint.is_none() {
            return Err(unfit("only servers that run elsewhere are authorized by OAuth")
                .with_hint("give this one its token as a secret: `mcp-gateway profile secret set`"));
        }
        let has_header = body.entry.remote.iter().flat_map(|remote| remote.headers.keys());
        if has_header.into_iter().any(|name| name.eq_ignore_ascii_case("authorization")) {
            return Err(unfit("the server's catalog entry has an `Authorization` header of its own"));
        }
        let expansion = Expansion::of(self.hub.profile.name(), body)?;
        self.hub.launcher.oauth.tokens(body, &expansion.address()?)
    }

    async fn record(&self, server: &ServerName, action: &'static str, failure: Option<&Error>) -> Result<()> {
        let mut event = AuditEvent::new(self.hub.profile.name().clone(), "operator", action);
        event.server = Some(server.clone());
        if let Some(error) = failure {
            event.outcome = Outcome::Failed;
            event.error = Some(error.report());
        }
        self.hub.audit.append(event).await.map(|_| ())
    }
}

fn status(tokens: &ServerTokens, credential: Option<&Credential>) -> OAuthStatus {
    let kept = credential.and_then(|credential| credential.tokens.as_ref());
    let state = match kept {
        _ if tokens.server.is_unattended() => OAuthState::Unattended,
        None => OAuthState::Needed,
        Some(_) if credential.is_some_and(|credential| !credential.wanted.is_empty()) => OAuthState::MoreScopes,
        Some(kept) if kept.refresh.is_none() && kept.has_ended(clock::now_millis()) => OAuthState::Expired,
        Some(_) => OAuthState::Authorized,
    };
    OAuthStatus {
        server: tokens.server.name.clone(),
        state,
        issuer: credential.map(|credential| credential.issuer.clone()),
        scopes: kept.map(|kept| kept.scopes.clone()).unwrap_or_default(),
        expires: kept.and_then(|kept| kept.expires).map(clock::rfc3339),
    }
}
