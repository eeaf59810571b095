//! What the operator says about tokens of authorization servers.

use std::time::Duration;

/// What this server is to authorization servers, and whose tokens it takes.
///
/// # Behavior
/// - Each profile's address is a resource of its own: a token has to be made for the address that is asked. Tokens for the
///   address of the server itself are good for the first profile, at the paths without a name.
/// - Every token needs every scope of `scopes`.
/// - A principal is named by the token's `sub`, behind its issuer and `#` where several issuers are trusted, so that two of
///   them cannot speak of each other's users.
///
/// # Examples
/// ```
/// use mcp_gateway_core::transport::server::http::{OAuthIssuer, OAuthResource};
///
/// let oauth = OAuthResource::new("https://gw.example")
///     .with_issuer(OAuthIssuer::new("https://login.example"))
///     .with_scope("mcp:use")
///     .with_role("mcp:admin", "admin");
/// # assert_eq!(oauth.issuers.len(), 1);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OAuthResource {
    /// The public address of the server, which stands before `/mcp`, such as `https://gw.example`.
    pub address: String,
    /// The authorization servers that are trusted.
    pub issuers: Vec<OAuthIssuer>,
    /// The scopes that every token needs.
    pub scopes: Vec<String>,
    /// Scopes, each with a role that it gives to the principal.
    pub roles: Vec<(String, String)>,
    /// Audiences whose tokens are good for every path, for authorization servers that know no addresses.
    pub audiences: Vec<String>,
    /// How far the clocks of issuers may be off. Default 30 s, at most 5 min.
    pub leeway: Duration,
    /// Whether keys may be fetched from addresses that are not of the public internet.
    pub allow_private: bool,
    /// How long the keys of one issuer are not fetched again, whatever tokens say and however it went. Default 10 s.
    pub fetch_interval: Duration,
    /// How long fetching keys may take. Default 10 s.
    pub fetch_timeout: Duration,
}

/// An authorization server that is trusted.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OAuthIssuer {
    /// Its issuer identifier, character for character as tokens have it in `iss`.
    pub name: String,
    /// Its keys, as the text of a JWK set; without it they are found by its metadata, and fetched again when they change.
    pub jwks: Option<String>,
}

impl OAuthResource {
    /// The server at this public address; no issuer is trusted yet.
    pub fn new(address: impl Into<String>) -> Self {
        Self {
            address: address.into(),
            issuers: Vec::new(),
            scopes: Vec::new(),
            roles: Vec::new(),
            audiences: Vec::new(),
            leeway: Duration::from_secs(30),
            allow_private: false,
            fetch_interval: Duration::from_secs(10),
            fetch_timeout: Duration::from_secs(10),
        }
    }

    /// Trusts an authorization server.
    #[must_use]
    pub fn with_issuer(mut self, issuer: OAuthIssuer) -> Self {
        self.issuers.push(issuer);
        self
    }

    /// Demands a scope of every token.
    #[must_use]
    pub fn with_scope(mut self, scope: impl Into<String>) -> Self {
        self.scopes.push(scope.into());
        self
    }

    /// Gives the principals of tokens with `scope` a role that policies see.
    #[must_use]
    pub fn with_role(mut self, scope: impl Into<String>, role: impl Into<String>) -> Self {
        self.roles.push((scope.into(), role.into()));
        self
    }

    /// Takes tokens for this audience at every path.
    #[must_use]
    pub fn with_audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences.push(audience.into());
        self
    }

    /// Lets clocks of issuers be off by this much.
    #[must_use]
    pub fn with_leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// Lets keys be fetched from private addresses too; from the metadata services of clouds never.
    #[must_use]
    pub fn allow_private(mut self) -> Self {
        self.allow_private = true;
        self
    }
}

impl OAuthIssuer {
    /// The authorization server with this issuer identifier; its keys are found by its metadata.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), jwks: None }
    }

    /// Takes the keys from the text of a JWK set, once: nothing is ever fetched.
    #[must_use]
    pub fn with_jwks(mut self, text: impl Into<String>) -> Self {
        self.jwks = Some(text.into());
        self
    }
}
