//! An authorization that a person agrees to: begun here, answered in a browser, finished here.

use std::sync::PoisonError;
use std::time::Duration;

use url::Url;

use super::api::{OAuthBegun, OAuthRequest};
use super::client;
use super::credential::{Client, Credential};
use super::discovery::Discovered;
use super::pkce::{self, Pkce};
use super::tokens::ServerTokens;
use super::{request, shown, union};
use crate::error::{Error, ErrorKind, Result};
use crate::model::SecretValue;
use crate::util::clock;

/// How long a person may take, in milliseconds.
const PATIENCE: i64 = 10 * 60 * 1000;
/// How many authorizations of one server may be begun and not finished; the oldest is dropped.
const MAX_PENDING: usize = 8;
/// How long finding out everything may take.
const BEGIN_TIMEOUT: Duration = Duration::from_secs(60);
/// Where a browser is sent back to when nobody says it; whoever authorizes takes the address from the browser then.
const REDIRECT: &str = "http://127.0.0.1:19876/callback";

/// An authorization that waits for its answer.
#[derive(Debug)]
pub(super) struct Pending {
    state: String,
    pkce: Pkce,
    found: Discovered,
    client: Client,
    scopes: Vec<String>,
    until: i64,
}

/// What comes back from the browser.
#[derive(Debug, Default)]
struct Returned {
    code: Option<SecretValue>,
    state: Option<String>,
    issuer: Option<String>,
    error: Option<String>,
}

impl ServerTokens {
    /// Where the browser is best sent back to: what is configured, or what the client has registered before.
    pub(super) async fn redirect_uri(&self) -> Result<Option<String>> {
        if let Some(configured) = &self.server.spec.redirect_uri {
            return Ok(Some(configured.clone()));
        }
        Ok(self.reload().await?.map(|kept| kept.client.redirect_uri.clone()).filter(|uri| !uri.is_empty()))
    }

    /// Finds out who is to be asked, becomes his client, and makes the address for the browser.
    pub(super) async fn begin(&self, asked: &OAuthRequest) -> Result<OAuthBegun> {
        if self.server.is_unattended() {
            return Err(Error::new(ErrorKind::Unsupported, "server gets its tokens without anybody's consent")
                .with_context("server", &self.server.name)
                .with_hint("its next call asks for one"));
        }
        tokio::time::timeout(BEGIN_TIMEOUT, self.begin_now(asked)).await.unwrap_or_else(|_| {
            Err(Error::new(ErrorKind::Timeout, "the servers that are to be asked do not answer in time"))
        })
    }

    async fn begin_now(&self, asked: &OAuthRequest) -> Result<OAuthBegun> {
        let redirect_uri = match &asked.redirect_uri {
            Some(uri) => uri.clone(),
            None => self.redirect_uri().await?.unwrap_or_else(|| REDIRECT.to_owned()),
        };
        check_redirect(&redirect_uri)?;
        let kept = self.reload().await?;
        let found = self.discover(kept.as_deref().map(|kept| kept.issuer.as_str())).await?;
        let authority = &found.authority;
        let unfit = |why: &'static str| {
            Error::new(ErrorKind::Unsupported, why).with_context("issuer", shown(&authority.issuer))
        };
        if !authority.has_s256 {
            return Err(unfit("authorization server does not say that it checks PKCE by S256"));
        }
        let endpoint = authority.authorization_endpoint.clone();
        let mut url = endpoint.ok_or_else(|| unfit("authorization server has no page for people"))?;
        let (secret, kept) = (self.server.client_secret(self.credentials.broker()).await?, kept.as_deref());
        let scopes = self.scopes(&found, asked, kept);
        let client = client::client(&self.server, &self.fetch, authority, kept, secret, &redirect_uri, &scopes).await?;
        let (pkce, state, until) = (Pkce::new()?, pkce::state()?, clock::now_millis().saturating_add(PATIENCE));
        {
            let mut query = url.query_pairs_mut();
            query
                .append_pair("response_type", "code")
                .append_pair("client_id", &client.id)
                .append_pair("redirect_uri", &client.redirect_uri)
                .append_pair("state", &state)
                .append_pair("code_challenge", &pkce.challenge)
                .append_pair("code_challenge_method", "S256")
                .append_pair("resource", &found.resource);
            if !scopes.is_empty() {
                query.append_pair("scope", &scopes.join(" "));
            }
            if scopes.iter().any(|scope| scope == OFFLINE) {
                // Without a question there is no consent to lasting access.
                query.append_pair("prompt", "consent");
            }
        }
        let begun = OAuthBegun {
            server: self.server.name.clone(),
            url: url.into(),
            state: state.clone(),
            redirect_uri,
            issuer: authority.issuer.clone(),
            scopes: scopes.clone(),
            until: clock::rfc3339(until),
        };
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        if pending.len() >= MAX_PENDING {
            pending.remove(0);
        }
        pending.push(Pending { state, pkce, found, client, scopes, until });
        Ok(begun)
    }

    /// What is asked for: what the caller or the operator says, or what the server names; and what was granted or lacking
    /// before, so that nothing is lost.
    fn scopes(&self, found: &Discovered, asked: &OAuthRequest, kept: Option<&Credential>) -> Vec<String> {
        let basis = [&asked.scopes, &self.server.spec.scopes].into_iter().find(|scopes| !scopes.is_empty());
        let mut scopes = basis.unwrap_or(&found.scopes).clone();
        if let Some(kept) = kept.filter(|kept| kept.issuer == found.authority.issuer) {
            let granted = kept.tokens.as_ref().map(|tokens| &tokens.scopes[..]).unwrap_or_default();
            if !kept.wanted.is_empty() {
                scopes = union(&union(&scopes, granted), &kept.wanted);
            }
        }
        if found.authority.scopes.iter().any(|scope| scope == OFFLINE) {
            scopes = union(&scopes, &[OFFLINE.to_owned()]);
        }
        scopes
    }

    /// Takes what the browser came back with: the whole address, or the code alone.
    ///
    /// Says whether the tokens outlive this process.
    pub(super) async fn finish(&self, answer: &SecretValue) -> Result<bool> {
        let returned = Returned::read(answer.expose().trim());
        let pending = self.take(&returned)?;
        let issuer = &pending.found.authority.issuer;
        let foreign = || {
            Error::new(ErrorKind::Denied, "the answer does not come from the authorization server that was asked")
                .with_context("issuer", shown(issuer))
        };
        match &returned.issuer {
            Some(named) if named != issuer => return Err(foreign()),
            None if pending.found.authority.names_itself => {
                return Err(foreign().with_hint("begin again, and give the whole address that the browser ends at"));
            }
            _ => {}
        }
        if let Some(code) = &returned.error {
            return Err(Error::new(ErrorKind::Unauthorized, "authorization was not given")
                .with_context("server", &self.server.name)
                .with_context("error", shown(code)));
        }
        let code = returned.code.ok_or_else(|| {
            Error::new(ErrorKind::InvalidInput, "the address holds neither a code nor the reason why there is none")
                .with_hint("take the whole address from the browser, with everything after the `?`")
        })?;
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code.expose()),
            ("redirect_uri", &pending.client.redirect_uri),
            ("code_verifier", pending.pkce.verifier.expose()),
            ("resource", &pending.found.resource),
        ];
        let endpoint = &pending.found.authority.token_endpoint;
        let tokens = request::tokens(&self.fetch, endpoint, &pending.client, &form, &pending.scopes).await?;
        let tokens = tokens.map_err(|refused| {
            refused
                .into_error("authorization server gives no token for the code")
                .with_context("server", &self.server.name)
        })?;
        Ok(self.adopt(self.credential(&pending.found, pending.client, tokens)).await)
    }

    /// The authorization that an answer belongs to; each is answered once.
    fn take(&self, returned: &Returned) -> Result<Pending> {
        let now = clock::now_millis();
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        pending.retain(|pending| pending.until > now);
        let at = match &returned.state {
            Some(state) => pending.iter().position(|pending| pending.state == *state),
            // A code that a person copied by hand; it is good for nothing without the verifier that is kept here.
            None if returned.is_bare() => pending.len().checked_sub(1),
            None => None,
        };
        at.map(|at| pending.remove(at)).ok_or_else(|| {
            Error::new(ErrorKind::Denied, "the answer belongs to no authorization that waits for one")
                .with_context("server", &self.server.name)
                .with_hint("begin again, and use the address of that attempt within ten minutes")
        })
    }

    /// Ends the tokens where they were given, as far as that is possible, and forgets them.
    ///
    /// Says why the authorization server did not end them, if it did not.
    pub(super) async fn revoke(&self) -> Result<Option<Error>> {
        // Whatever is kept, also what no longer fits the server.
        let Some(credential) = self.credentials.load(&self.server.name).await? else {
            self.forget().await?;
            return Err(Error::new(ErrorKind::NotFound, format!("server `{}` is not authorized", self.server.name))
                .with_hint("run `mcp-gateway oauth ls` to see which are"));
        };
        let told = self.revoke_at_issuer(&credential).await;
        self.forget().await?;
        Ok(told.err())
    }

    async fn revoke_at_issuer(&self, credential: &Credential) -> Result<()> {
        let Some(tokens) = &credential.tokens else { return Ok(()) };
        let authority = self.authority(&credential.issuer).await?;
        let Some(endpoint) = &authority.revocation_endpoint else {
            return Err(Error::new(ErrorKind::Unsupported, "authorization server revokes no tokens")
                .with_context("issuer", shown(&credential.issuer)));
        };
        let client = self.client_of(credential).await?;
        if let Some(refresh) = &tokens.refresh {
            request::revoke(&self.fetch, endpoint, &client, refresh, "refresh_token").await?;
        }
        request::revoke(&self.fetch, endpoint, &client, &tokens.access, "access_token").await
    }
}

/// The scope of access that lasts.
const OFFLINE: &str = "offline_access";

impl Returned {
    fn read(text: &str) -> Self {
        let query = match Url::parse(text) {
            // A code may have a colon, and look like an address so far.
            Ok(url) if text.contains("://") || text.contains('?') => url.query().unwrap_or_default().to_owned(),
            _ if text.contains('=') && text.contains('&') => text.trim_start_matches('?').to_owned(),
            _ => {
                return Self { code: Some(SecretValue::new(text)).filter(|code| !code.is_empty()), ..Self::default() };
            }
        };
        let mut returned = Self::default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "code" => returned.code = Some(SecretValue::new(value.into_owned())),
                "state" => returned.state = Some(value.into_owned()),
                "iss" => returned.issuer = Some(value.into_owned()),
                "error" => returned.error = Some(value.into_owned()),
                _ => {}
            }
        }
        // An address without a state is no answer to anything.
        returned.state.get_or_insert_default();
        returned
    }

    fn is_bare(&self) -> bool {
        self.state.is_none() && self.code.is_some()
    }
}

/// Codes must not travel where others can read them: back to this machine, or by HTTPS.
fn check_redirect(uri: &str) -> Result<()> {
    let is_safe = Url::parse(uri).is_ok_and(|url| match url.scheme() {
        "https" => true,
        "http" => matches!(url.host_str(), Some("127.0.0.1" | "[::1]" | "localhost")),
        // A scheme that an app of this machine has registered.
        scheme => scheme.contains('.'),
    });
    if is_safe {
        return Ok(());
    }
    Err(Error::new(ErrorKind::InvalidInput, "the browser cannot be sent back to this address")
        .with_context("redirect", shown(uri))
        .with_hint("write `http://127.0.0.1:PORT/callback` or an `https` address"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_come_back_to_this_machine_or_by_https() {
        for good in [
            "http://127.0.0.1:1/x",
            "http://[::1]:1/",
            "http://localhost:3/cb",
            "https://app.example/cb",
            "com.example.app:/cb",
        ] {
            assert!(check_redirect(good).is_ok(), "{good}");
        }
        for bad in ["http://app.example/cb", "javascript:alert(1)", "file:///x", "", "http://127.0.0.1.evil.example/"] {
            assert_eq!(check_redirect(bad).unwrap_err().kind(), ErrorKind::InvalidInput, "{bad}");
        }
    }

    #[test]
    fn an_address_or_a_code_is_read() {
        let read = Returned::read("http://127.0.0.1:1/cb?code=a%20b&state=s&iss=https%3A%2F%2Fx");
        assert_eq!(read.code, Some(SecretValue::new("a b")));
        assert_eq!((read.state.as_deref(), read.issuer.as_deref()), (Some("s"), Some("https://x")));
        assert!(Returned::read("abc").is_bare());
        assert!(Returned::read("abc==").is_bare() && Returned::read("a:b/c").is_bare());
        assert!(!Returned::read("http://127.0.0.1/cb?code=a").is_bare());
        assert_eq!(Returned::read("code=a&state=s").state.as_deref(), Some("s"));
    }
}
