//! Lets in who presents a token that a trusted issuer made for what is asked.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use axum::response::Response;

use super::address;
use super::challenge::{Challenges, Refusal};
use super::claims::Claims;
use super::config::{OAuthIssuer, OAuthResource};
use super::documents::{Documents, NAME, below, text};
use super::issuer::Issuer;
use super::jwt::Jwt;
use super::key_set::KeySet;
use super::keys::{FetchedKeys, Keys};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Principal, SecretValue};
use crate::transport::server::http::guard::{Admitted, refusal};
use crate::util::clock;

/// How far clocks may be off at most.
const MAX_LEEWAY: Duration = Duration::from_secs(5 * 60);
/// The longest identifier of an issuer; with a subject behind it, records can hold it.
const MAX_ISSUER: usize = 256;

/// Lets in who presents a token that a trusted issuer made for what is asked.
#[derive(Debug)]
pub(in super::super) struct OAuthGuard {
    settings: OAuthResource,
    /// The name in the public address.
    host: String,
    /// The keys of each issuer, in the order of the settings.
    keys: Vec<Keys>,
    places: HashMap<String, Place>,
    documents: Documents,
    /// Names of principals that are let in by other means; no token may speak for them.
    taken: HashSet<Arc<str>>,
}

/// What tokens have to be for at a path, and what is said without one.
#[derive(Debug)]
struct Place {
    audiences: Vec<String>,
    challenges: Challenges,
}

impl OAuthGuard {
    /// A guard of `paths`, each with the path that names the resource it belongs to; names in `taken` stay out.
    ///
    /// # Errors
    /// `InvalidConfig` when the settings cannot be right, `Denied` for an issuer at an address that is not allowed.
    pub(in super::super) fn new(
        settings: OAuthResource,
        paths: &[(String, String)],
        taken: impl IntoIterator<Item = Arc<str>>,
    ) -> Result<Self> {
        let base = address::read("public address of the server", &settings.address)?;
        check(&settings, base.path())?;
        let keys = settings.issuers.iter().map(|issuer| keys(issuer, &settings)).collect::<Result<_>>()?;
        let mut places = HashMap::new();
        for (path, resource) in paths {
            let address = below(&base, resource);
            let mut audiences = settings.audiences.clone();
            audiences.push(text(&address).to_owned());
            // Who asks for a token by the metadata of the server itself means the paths without a name.
            if resource.rfind('/') == Some(0) {
                audiences.push(text(&base).to_owned());
            }
            let retry = settings.fetch_interval.as_secs();
            let challenges = Challenges::new(&address::well_known(&address, NAME), &settings.scopes, retry)?;
            places.insert(path.clone(), Place { audiences, challenges });
        }
        let resources: BTreeSet<_> = paths.iter().map(|(_, resource)| resource.as_str()).collect();
        let documents = Documents::new(&settings, &base, &resources);
        let host = base.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let taken = taken.into_iter().chain([Principal::local().name]).collect();
        Ok(Self { settings, host, keys, places, documents, taken })
    }

    /// The principal of a request to `path` with this token, until the token expires.
    pub(in super::super) async fn admit(&self, path: &str, token: Option<&SecretValue>) -> Result<Admitted, Response> {
        let Some(place) = self.places.get(path) else {
            return Err(refusal(StatusCode::FORBIDDEN, "no token is for this path"));
        };
        let admitted = match token {
            Some(token) => self.check(place, token).await,
            None => Err(Refusal::NoToken),
        };
        admitted.map_err(|refused| {
            if let Refusal::Invalid(reason) = refused {
                tracing::debug!(reason, path, accepted = ?place.audiences, "token refused");
            }
            place.challenges.answer(refused)
        })
    }

    /// The documents for clients that have no token yet.
    pub(super) fn documents(&self) -> &Documents {
        &self.documents
    }

    /// The name in the public address.
    pub(in super::super) fn host(&self) -> &str {
        &self.host
    }

    async fn check(&self, place: &Place, token: &SecretValue) -> Result<Admitted, Refusal> {
        let jwt = Jwt::parse(token.expose()).map_err(Refusal::Invalid)?;
        let claims = &jwt.claims;
        let known = self.settings.issuers.iter().zip(&self.keys).find(|(issuer, _)| issuer.name == claims.iss);
        let (_, keys) = known.ok_or(Refusal::Invalid("its issuer is not trusted"))?;
        // What is wrong whoever signed it is no reason to fetch keys.
        let left = claims.time_left(clock::now_millis(), self.settings.leeway).map_err(Refusal::Invalid)?;
        let until = Instant::now().checked_add(left);
        claims.check_bearer().map_err(Refusal::Invalid)?;
        let is_for = |audience: &str| {
            let accepted = |wanted: &String| audience == wanted || audience.strip_suffix('/') == Some(wanted);
            place.audiences.iter().any(accepted)
        };
        claims.check_audience(is_for).map_err(Refusal::Invalid)?;
        let name = self.name(claims).map_err(Refusal::Invalid)?;
        keys.verify(&jwt).await?;
        let scopes = claims.scopes();
        if !self.settings.scopes.iter().all(|scope| scopes.contains(scope.as_str())) {
            return Err(Refusal::Scope);
        }
        let roles = self.settings.roles.iter().filter(|(scope, _)| scopes.contains(scope.as_str()));
        let principal = Principal::new(name).with_roles(roles.map(|(_, role)| role));
        Ok(Admitted { principal, until })
    }

    fn name(&self, claims: &Claims) -> Result<String, &'static str> {
        let subject = claims.subject()?;
        // An identifier of an issuer has no `#`, so no two pairs look the same.
        let name = if self.keys.len() > 1 { format!("{}#{subject}", claims.iss) } else { subject };
        if self.taken.contains(name.as_str()) { Err("its subject has the name of another principal") } else { Ok(name) }
    }
}

fn keys(issuer: &OAuthIssuer, settings: &OAuthResource) -> Result<Keys> {
    Ok(match &issuer.jwks {
        Some(text) => {
            Keys::Given(KeySet::parse(text.as_bytes()).map_err(|error| error.with_context("issuer", &issuer.name))?)
        }
        None => {
            let fetched = Issuer::new(&issuer.name, settings.allow_private, settings.fetch_timeout)?;
            Keys::Fetched(Arc::new(FetchedKeys::new(fetched, settings.fetch_interval)))
        }
    })
}

fn check(settings: &OAuthResource, path: &str) -> Result<()> {
    let wrong = |why: String| Err(Error::new(ErrorKind::InvalidConfig, why));
    if let Some(end) = ["mcp", "sse"].into_iter().find(|end| path.trim_end_matches('/').ends_with(&format!("/{end}"))) {
        return Err(Error::new(ErrorKind::InvalidConfig, format!("public address of the server ends in `/{end}`"))
            .with_context("address", &settings.address)
            .with_hint("give what stands before it: each profile has a path, and a resource, of its own"));
    }
    if settings.issuers.is_empty() {
        return wrong("no issuer of tokens is trusted".to_owned());
    }
    let mut issuers = HashSet::new();
    for issuer in &settings.issuers {
        address::read("issuer", &issuer.name)?;
        if issuer.name.len() > MAX_ISSUER {
            return wrong(format!("issuer has a name of more than {MAX_ISSUER} bytes"));
        }
        if !issuers.insert(&issuer.name) {
            return wrong(format!("issuer `{}` is named twice", issuer.name));
        }
    }
    for scope in settings.scopes.iter().chain(settings.roles.iter().map(|(scope, _)| scope)) {
        // What RFC 6749 lets a scope be; nothing of it ends a quoted text.
        let is_scope = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\');
        if scope.is_empty() || !scope.bytes().all(is_scope) {
            return wrong(format!("`{}` is no scope", scope.escape_debug()));
        }
        if scope == "offline_access" {
            return wrong("scope `offline_access` is between clients and their issuer".to_owned());
        }
    }
    if settings.roles.iter().any(|(_, role)| role.trim().is_empty()) {
        return wrong("a role has a name".to_owned());
    }
    if settings.audiences.iter().any(|audience| audience.trim().is_empty()) {
        return wrong("an audience has a name".to_owned());
    }
    if settings.leeway > MAX_LEEWAY {
        return wrong(format!("leeway is more than {}", humantime::format_duration(MAX_LEEWAY)));
    }
    Ok(())
}
