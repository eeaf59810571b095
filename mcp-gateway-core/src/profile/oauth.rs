//! How a server's tokens are asked for, as a person writes it.

use serde::{Deserialize, Serialize};

/// How the gateway gets tokens for a remote server; what is not written is found out from the server.
///
/// ```yaml
/// oauth:
///   issuer: https://login.example.com
///   clientId: mcp-gateway
///   clientSecret: dev/github/CLIENT_SECRET   # the key of a secret, never its value
///   scopes: [repo]
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[non_exhaustive]
pub struct OAuthSpec {
    /// The authorization server that is trusted with this server; no other one is then asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// The id of a client that is registered there already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The key that the client's secret is kept under; needs `issuer`, so that nobody else is ever sent it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<String>,
    /// Where the client's metadata document is published, for authorization servers that take one as a client's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_metadata_url: Option<String>,
    /// Where the authorization server sends the browser back to; one of the client's registered addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect_uri: Option<String>,
    /// The scopes to ask for, instead of those that the server names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
    /// Who the token is for.
    #[serde(skip_serializing_if = "OAuthGrant::is_default")]
    pub grant: OAuthGrant,
}

/// Who a token is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum OAuthGrant {
    /// A person, who agrees in a browser.
    #[default]
    AuthorizationCode,
    /// The client itself, which needs nobody.
    ClientCredentials,
}

impl OAuthGrant {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
