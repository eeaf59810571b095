//! Flags of `gateway run` about tokens of authorization servers.

use std::path::PathBuf;

use clap::Args;

use crate::error::{Error, ErrorKind, Result};
use crate::transport::server::http::{OAuthIssuer, OAuthResource};
use crate::util::fs;

/// Whose tokens are taken over HTTP, and for what.
#[derive(Debug, Args)]
#[command(next_help_heading = "OAuth, over HTTP")]
pub(crate) struct OAuthArgs {
    /// An authorization server whose tokens are taken, as its tokens name it in `iss`; may be repeated
    #[arg(long = "oauth-issuer", value_name = "URL", requires = "resource")]
    issuers: Vec<String>,
    /// The public address of this gateway, which stands before `/mcp` and which tokens must be made for
    #[arg(id = "resource", long = "oauth-resource", value_name = "URL", requires = "issuers")]
    resource: Option<String>,
    /// A scope that every token must have; may be repeated
    #[arg(long = "oauth-scope", value_name = "SCOPE", requires = "issuers")]
    scopes: Vec<String>,
    /// A role that policies see of clients whose token has the scope; may be repeated
    #[arg(long = "oauth-role", value_name = "SCOPE=ROLE", requires = "issuers", value_parser = role)]
    roles: Vec<(String, String)>,
    /// An audience whose tokens are good for every profile, where the issuer cannot name addresses; may be repeated
    #[arg(long = "oauth-audience", value_name = "NAME", requires = "issuers")]
    audiences: Vec<String>,
    /// The file with the issuer's keys (a JWK set), in place of fetching them
    #[arg(long = "oauth-jwks", value_name = "FILE", requires = "issuers")]
    jwks: Option<PathBuf>,
    /// Fetch the issuers' keys from private addresses too
    #[arg(long = "oauth-allow-private", requires = "issuers")]
    allow_private: bool,
}

impl OAuthArgs {
    /// The authorization servers that are trusted.
    pub(crate) fn issuers(&self) -> &[String] {
        &self.issuers
    }

    /// What the flags say; `None` without any.
    ///
    /// # Errors
    /// `InvalidInput` for one file of keys and several issuers, and those of reading the file.
    pub(crate) fn resource(&self) -> Result<Option<OAuthResource>> {
        let Some(address) = &self.resource else { return Ok(None) };
        let keys = self.jwks.as_deref().map(fs::read_to_string).transpose()?;
        if keys.is_some() && self.issuers.len() > 1 {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "`--oauth-jwks` holds the keys of one issuer, not of several",
            )
            .with_hint("leave it out: keys are found by the metadata of each issuer"));
        }
        let mut oauth = OAuthResource::new(address);
        for issuer in &self.issuers {
            let issuer = OAuthIssuer::new(issuer);
            oauth = oauth.with_issuer(match &keys {
                Some(keys) => issuer.with_jwks(keys),
                None => issuer,
            });
        }
        oauth.scopes.clone_from(&self.scopes);
        oauth.roles.clone_from(&self.roles);
        oauth.audiences.clone_from(&self.audiences);
        oauth.allow_private = self.allow_private;
        Ok(Some(oauth))
    }
}

fn role(text: &str) -> Result<(String, String)> {
    let parts = text.rsplit_once('=').filter(|(scope, role)| !scope.is_empty() && !role.is_empty());
    let (scope, role) = parts
        .ok_or_else(|| Error::new(ErrorKind::InvalidInput, "not a scope and a role, such as `mcp:admin=admin`"))?;
    Ok((scope.to_owned(), role.to_owned()))
}
