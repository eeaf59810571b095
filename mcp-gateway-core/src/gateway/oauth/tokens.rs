//! The tokens of one server, for all of its connections.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use async_trait::async_trait;

use super::challenge::Challenge;
use super::client;
use super::credential::{Client, Credential, Credentials, Tokens};
use super::discovery::{self, Discovered};
use super::fetch::Fetch;
use super::flow::Pending;
use super::metadata::AuthorizationServer;
use super::settings::OAuthServer;
use super::{request, union};
use crate::error::{Error, ErrorKind, Result};
use crate::model::SecretValue;
use crate::transport::client::{Authorization, TokenRefusal};
use crate::util::clock;

/// How many tokens are remembered, to be cut out of what the server says.
const REMEMBERED: usize = 8;

/// The tokens of one server.
#[derive(Debug)]
pub(super) struct ServerTokens {
    this: Weak<Self>,
    pub(super) server: OAuthServer,
    pub(super) fetch: Fetch,
    pub(super) credentials: Arc<Credentials>,
    state: Mutex<State>,
    /// Held by the one who renews; holds why that failed, for those who waited for it.
    renewing: tokio::sync::Mutex<Option<Error>>,
    attempts: AtomicU64,
    /// Authorizations that were begun and wait for a person.
    pub(super) pending: Mutex<Vec<Pending>>,
}

#[derive(Debug, Default)]
struct State {
    credential: Option<Arc<Credential>>,
    /// Whether it was looked for.
    is_loaded: bool,
    /// What the server said when it asked for a token.
    asked: Option<Challenge>,
    authority: Option<Arc<AuthorizationServer>>,
    sent: VecDeque<SecretValue>,
}

/// Why another token is wanted.
#[derive(Clone, Debug)]
enum Why {
    /// The one that there is has expired.
    Spent,
    /// The server has refused this one.
    Refused(Option<SecretValue>, Challenge),
}

impl ServerTokens {
    pub(super) fn new(server: OAuthServer, credentials: Arc<Credentials>) -> Result<Arc<Self>> {
        let fetch = Fetch::new(server.allow_private, server.homes())?;
        Ok(Arc::new_cyclic(|this| Self {
            this: Weak::clone(this),
            server,
            fetch,
            credentials,
            state: Mutex::default(),
            renewing: tokio::sync::Mutex::default(),
            attempts: AtomicU64::new(0),
            pending: Mutex::default(),
        }))
    }

    /// What is kept, read anew; what does not fit the server as it is configured now is left alone.
    pub(super) async fn reload(&self) -> Result<Option<Arc<Credential>>> {
        let found = self.credentials.load(&self.server.name).await?.filter(|found| found.fits(&self.server));
        let mut state = self.state();
        // Tokens that nobody consented to are not kept.
        if found.is_some() || !self.server.is_unattended() {
            state.credential = found.map(Arc::new);
        }
        state.is_loaded = true;
        Ok(state.credential.clone())
    }

    /// Keeps a credential and uses it from now on; says whether it outlives this process.
    pub(super) async fn adopt(&self, credential: Credential) -> bool {
        let kept = self.server.is_unattended() || self.credentials.save(&self.server.name, &credential).await;
        let mut state = self.state();
        state.credential = Some(Arc::new(credential));
        state.is_loaded = true;
        kept
    }

    /// Forgets what is kept.
    pub(super) async fn forget(&self) -> Result<()> {
        self.state().credential = None;
        self.credentials.forget(&self.server.name).await
    }

    /// Whether the server has asked for a token.
    pub(super) fn is_asked(&self) -> bool {
        self.state().asked.is_some()
    }

    /// The authorization server of this name, asked once.
    pub(super) async fn authority(&self, issuer: &str) -> Result<Arc<AuthorizationServer>> {
        if let Some(known) = self.state().authority.clone().filter(|known| known.issuer == issuer) {
            return Ok(known);
        }
        let found = Arc::new(discovery::authority(&self.fetch, issuer).await?);
        self.state().authority = Some(Arc::clone(&found));
        Ok(found)
    }

    /// The client of a credential, with the secret that the operator keeps.
    pub(super) async fn client_of(&self, credential: &Credential) -> Result<Client> {
        let mut client = credential.client.clone();
        if let Some(secret) = self.server.client_secret(self.credentials.broker()).await? {
            client.secret = Some(secret);
        }
        Ok(client)
    }

    /// One renewal for all who wait for it; it goes on when they stop waiting, because an answer that nobody keeps could
    /// be the only one with the next refresh token.
    async fn renewed(&self, why: Why) -> Result<SecretValue> {
        let gone = || Error::new(ErrorKind::Closed, "the gateway is shutting down");
        let this = self.this.upgrade().ok_or_else(gone)?;
        tokio::spawn(async move { this.renew_in_turn(why).await }).await.map_err(|_| gone())?
    }

    async fn renew_in_turn(&self, why: Why) -> Result<SecretValue> {
        let seen = self.attempts.load(Ordering::Acquire);
        let mut failure = self.renewing.lock().await;
        if let Some(token) = self.current_for(&why).await? {
            return Ok(token);
        }
        if self.attempts.load(Ordering::Acquire) != seen
            && let Some(error) = &*failure
        {
            return Err(error.clone());
        }
        let renewed = self.renew_now(&why).await;
        self.attempts.fetch_add(1, Ordering::Release);
        *failure = renewed.as_ref().err().cloned();
        renewed
    }

    /// A token that somebody else has got meanwhile, in this process or another.
    async fn current_for(&self, why: &Why) -> Result<Option<SecretValue>> {
        let tokens = self.reload().await?.and_then(|credential| credential.tokens.clone());
        let tokens = tokens.filter(|tokens| !tokens.is_spent(clock::now_millis()));
        Ok(tokens.map(|tokens| tokens.access).filter(|token| match why {
            Why::Spent => true,
            Why::Refused(used, _) => used.as_ref() != Some(token),
        }))
    }

    async fn renew_now(&self, why: &Why) -> Result<SecretValue> {
        let current = self.state().credential.clone();
        let granted =
            current.as_ref().and_then(|credential| credential.tokens.as_ref()).map(|tokens| &tokens.scopes[..]);
        if self.server.is_unattended() {
            let scopes = match why {
                Why::Spent => granted.unwrap_or_default().to_vec(),
                Why::Refused(_, challenge) => union(granted.unwrap_or_default(), &challenge.scopes),
            };
            return self.for_itself(&scopes).await;
        }
        let Some(credential) = current else { return Err(self.server.needed()) };
        match why {
            Why::Refused(_, challenge) if challenge.wants_more_scopes() => {
                let wanted = union(&credential.wanted, &challenge.scopes);
                if wanted != credential.wanted {
                    self.adopt(Credential { wanted, ..Credential::clone(&credential) }).await;
                }
                Err(self.too_weak())
            }
            _ => self.refresh(&credential).await,
        }
    }

    async fn refresh(&self, credential: &Credential) -> Result<SecretValue> {
        let Some(tokens) = &credential.tokens else { return Err(self.server.needed()) };
        let Some(refresh) = &tokens.refresh else { return Err(self.ended("the token has expired")) };
        let authority = self.authority(&credential.issuer).await?;
        let client = self.client_of(credential).await?;
        let form =
            [("grant_type", "refresh_token"), ("refresh_token", refresh.expose()), ("resource", &credential.resource)];
        match request::tokens(&self.fetch, &authority.token_endpoint, &client, &form, &tokens.scopes).await? {
            Ok(mut fresh) => {
                // A server that gives no new one means the old one to go on.
                fresh.refresh = fresh.refresh.or_else(|| Some(refresh.clone()));
                let access = fresh.access.clone();
                self.adopt(Credential { tokens: Some(fresh), ..credential.clone() }).await;
                tracing::debug!(server = %self.server.name, "token was renewed");
                Ok(access)
            }
            Err(refused) if refused.is_final() => {
                let code = refused.code;
                // Another process may have been faster with the same refresh token.
                if let Some(fresh) = self.reload().await?.and_then(|kept| kept.tokens.clone())
                    && fresh.access != tokens.access
                {
                    return Ok(fresh.access);
                }
                if code == "invalid_client" {
                    self.forget().await?;
                } else {
                    self.adopt(Credential { tokens: None, ..credential.clone() }).await;
                }
                Err(self.ended("authorization server does not renew the token").with_context("error", code))
            }
            Err(refused) => {
                Err(refused.into_error("token cannot be renewed").with_context("server", &self.server.name))
            }
        }
    }

    /// A token for the client itself.
    async fn for_itself(&self, wanted: &[String]) -> Result<SecretValue> {
        let found = self.discover(None).await?;
        let secret = self.server.client_secret(self.credentials.broker()).await?;
        let client = client::client(&self.server, &self.fetch, &found.authority, None, secret, "", &[]).await?;
        let basis = if self.server.spec.scopes.is_empty() { &found.scopes } else { &self.server.spec.scopes };
        let scopes = union(basis, wanted);
        let scope = scopes.join(" ");
        let mut form = vec![("grant_type", "client_credentials"), ("resource", found.resource.as_str())];
        if !scope.is_empty() {
            form.push(("scope", &scope));
        }
        let endpoint = &found.authority.token_endpoint;
        let tokens = request::tokens(&self.fetch, endpoint, &client, &form, &scopes).await?;
        let tokens = tokens.map_err(|refused| {
            refused
                .into_error("authorization server gives the client no token")
                .with_context("server", &self.server.name)
        })?;
        let access = tokens.access.clone();
        self.adopt(self.credential(&found, client, tokens)).await;
        Ok(access)
    }

    /// Who gives tokens for the server, found out from the server itself.
    pub(super) async fn discover(&self, known: Option<&str>) -> Result<Discovered> {
        let found = discovery::challenge(&self.server, &self.fetch).await?;
        // A server may ask for a token only in answer to what calls ask of it.
        let challenge = found.or_else(|| self.state().asked.clone());
        let is_asked = challenge.is_some();
        let found = discovery::discover(&self.server, &self.fetch, &challenge.unwrap_or_default(), known).await;
        found.map_err(|error| match is_asked {
            true => error,
            false => error.with_hint("the server asked for no token; it may need none"),
        })
    }

    /// What is kept of an authorization.
    pub(super) fn credential(&self, found: &Discovered, mut client: Client, tokens: Tokens) -> Credential {
        if self.server.spec.client_secret.is_some() {
            client.secret = None;
        }
        Credential {
            server: self.server.resource(),
            issuer: found.authority.issuer.clone(),
            resource: found.resource.clone(),
            client,
            tokens: Some(tokens),
            wanted: Vec::new(),
        }
    }

    fn ended(&self, why: &'static str) -> Error {
        Error::new(ErrorKind::Unauthorized, format!("authorization of server `{}` has ended", self.server.name))
            .with_context("reason", why)
            .with_hint(self.server.command())
    }

    fn too_weak(&self) -> Error {
        Error::new(
            ErrorKind::Unauthorized,
            format!("server `{}` asks for more scopes than were granted", self.server.name),
        )
        .with_hint(format!("{} again, which asks for them", self.server.command()))
    }

    fn note(&self, token: &SecretValue) {
        let sent = &mut self.state().sent;
        if !sent.contains(token) {
            sent.truncate(REMEMBERED - 1);
            sent.push_front(token.clone());
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Authorization for ServerTokens {
    async fn token(&self) -> Result<Option<SecretValue>> {
        let (known, is_wanted) = {
            let state = self.state();
            let is_wanted = self.server.declared || state.asked.is_some();
            (
                state.credential.clone().filter(|known| known.tokens.is_some() || !is_wanted),
                is_wanted || !state.is_loaded,
            )
        };
        let credential = match known {
            Some(known) => Some(known),
            // Somebody may have authorized it in another process.
            None if is_wanted => self.reload().await?,
            None => None,
        };
        let tokens = credential.as_ref().and_then(|credential| credential.tokens.as_ref());
        let token = match tokens {
            Some(tokens) if !tokens.is_spent(clock::now_millis()) => Some(tokens.access.clone()),
            Some(tokens) => match self.renewed(Why::Spent).await {
                // It may last for this call, and the next one tries again.
                Err(error) if error.kind() != ErrorKind::Unauthorized && !tokens.has_ended(clock::now_millis()) => {
                    tracing::warn!(server = %self.server.name, error = %error.report(), "token could not be renewed yet");
                    Some(tokens.access.clone())
                }
                renewed => Some(renewed?),
            },
            None if self.server.is_unattended() => Some(self.renewed(Why::Spent).await?),
            None if self.server.declared || self.is_asked() => return Err(self.server.needed()),
            None => None,
        };
        if let Some(token) = &token {
            self.note(token);
        }
        Ok(token)
    }

    async fn renew(&self, refusal: &TokenRefusal, used: Option<&SecretValue>) -> Result<Option<SecretValue>> {
        let found = Challenge::find(refusal);
        // A server that wants a key of another kind is no matter of tokens.
        let is_ours = found.is_some() || used.is_some() || self.server.declared;
        let challenge = found.unwrap_or_default();
        if !is_ours || (refusal.status != 401 && !challenge.wants_more_scopes()) {
            return Ok(None);
        }
        if refusal.status == 401 {
            self.state().asked = Some(challenge.clone());
        }
        let token = self.renewed(Why::Refused(used.cloned(), challenge)).await?;
        self.note(&token);
        Ok(Some(token))
    }

    fn refused(&self, refusal: &TokenRefusal) -> Error {
        if Challenge::of(refusal).wants_more_scopes() {
            return self.too_weak();
        }
        Error::new(
            ErrorKind::Unauthorized,
            format!("server `{}` refuses the token that it was just given", self.server.name),
        )
        .with_context("status", refusal.status)
        .with_hint(self.server.command())
    }

    fn sent(&self) -> Vec<SecretValue> {
        self.state().sent.iter().cloned().collect()
    }
}
