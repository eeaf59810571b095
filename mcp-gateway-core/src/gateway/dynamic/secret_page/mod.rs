//! A page of this machine on which a person types the secrets that a server lacks: what they type passes neither the agent
//! nor its client.
//!
//! # Behavior
//! - Only what is missing can be set, and only what the server's catalog entry asks for, under the key that the operator's
//!   own command would use.
//! - An address is good for one server, once, and for a time. Nothing listens while none is open.
//! - A value that cannot be recorded as set is not kept.

mod ask;
mod form;
mod html;
mod lacking;
mod store;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use sha2::{Digest as _, Sha256};
use tokio::sync::oneshot;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::AbortOnDropHandle;

use crate::audit::AuditStore;
use crate::error::{Error, ErrorKind, Result};
use crate::gateway::launch::Launcher;
use crate::model::{ProfileName, SecretValue};
use crate::profile::DynamicSpec;
use crate::secrets::SecretBroker;
use crate::transport::server::http::{Page, PageServer, Pages};
use crate::util::random;
use form::Form;

/// How long an address is good at most.
const LONGEST: Duration = Duration::from_secs(10 * 60);
/// How many pages may be open, of all sessions and of one.
const MAX_OPEN: usize = 32;
const MAX_OF_SESSION: usize = 4;

/// What is kept of the token in an address.
type Fingerprint = [u8; 32];

/// The pages of one gateway.
#[derive(Debug)]
pub(crate) struct SecretPages {
    profile: ProfileName,
    secrets: Arc<dyn SecretBroker>,
    audit: Arc<dyn AuditStore>,
    life: Duration,
    state: Mutex<State>,
    /// Held while something is kept, so that two pages do not find the same secret missing.
    storing: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Debug, Default)]
struct State {
    open: HashMap<Fingerprint, OpenPage>,
    door: Option<Door>,
}

/// A page that somebody waits for.
#[derive(Debug)]
struct OpenPage {
    form: Arc<Form>,
    until: Instant,
    /// Told once everything is kept; gone once something was typed.
    stored: Option<oneshot::Sender<()>>,
}

/// Where pages are served; closed with this value.
#[derive(Debug)]
struct Door {
    base: String,
    _open: DropGuard,
}

/// A page that is open for as long as this lives, and is good for no longer than its time.
struct Opened {
    pages: Arc<SecretPages>,
    fingerprint: Fingerprint,
    stored: oneshot::Receiver<()>,
    _expiry: AbortOnDropHandle<()>,
}

impl SecretPages {
    /// The pages that a profile lets people be sent to; nothing where it lets them be sent to none.
    ///
    /// # Errors
    /// None: a build without pages is the one that refuses.
    #[expect(clippy::unnecessary_wraps, reason = "the same as where there are none")]
    pub(crate) fn of(spec: &DynamicSpec, launcher: &Launcher, life: Duration) -> Result<Option<Arc<Self>>> {
        let pages = || Self {
            profile: launcher.profile.clone(),
            secrets: Arc::clone(&launcher.secrets),
            audit: Arc::clone(&launcher.audit),
            life: life.min(LONGEST),
            state: Mutex::default(),
            storing: Arc::default(),
        };
        Ok((spec.enabled && spec.secret_page).then(|| Arc::new(pages())))
    }

    /// Opens a page, and gives its address, which is kept nowhere else.
    ///
    /// # Errors
    /// `Overloaded` when too many are open, `Network` when nothing can listen for a browser.
    async fn open(self: &Arc<Self>, form: Form) -> Result<(Opened, String)> {
        let (token, form) = (random::hex(32)?, Arc::new(form));
        let fingerprint = fingerprint(&token);
        let mut bound = None;
        loop {
            if let Some((base, stored)) = self.enter(fingerprint, &form, bound.take())? {
                let (pages, life) = (Arc::downgrade(self), self.life);
                let expiry = tokio::spawn(async move {
                    tokio::time::sleep(life).await;
                    if let Some(pages) = pages.upgrade() {
                        pages.close(&fingerprint);
                    }
                });
                let (pages, expiry) = (Arc::clone(self), AbortOnDropHandle::new(expiry));
                return Ok((Opened { pages, fingerprint, stored, _expiry: expiry }, format!("{base}{token}")));
            }
            bound = Some(self.listen().await?);
        }
    }

    /// Puts a page behind the door, which is this one where there is none; nothing where there is neither.
    fn enter(
        &self,
        fingerprint: Fingerprint,
        form: &Arc<Form>,
        bound: Option<Door>,
    ) -> Result<Option<(String, oneshot::Receiver<()>)>> {
        let mut state = self.locked();
        let of_session = state.open.values().filter(|page| page.form.session == form.session).count();
        if state.open.len() >= MAX_OPEN || of_session >= MAX_OF_SESSION {
            return Err(Error::new(ErrorKind::Overloaded, "too many pages for secrets are open"));
        }
        if state.door.is_none() {
            state.door = bound;
        }
        let Some(base) = state.door.as_ref().map(|door| door.base.clone()) else { return Ok(None) };
        let (stored, kept) = oneshot::channel();
        let until = Instant::now() + self.life;
        state.open.insert(fingerprint, OpenPage { form: Arc::clone(form), until, stored: Some(stored) });
        Ok(Some((base, kept)))
    }

    async fn listen(self: &Arc<Self>) -> Result<Door> {
        let server = PageServer::bind().await?;
        let (base, shutdown) = (server.base(), CancellationToken::new());
        tokio::spawn(server.serve(Arc::clone(self) as Arc<dyn Pages>, shutdown.clone()));
        Ok(Door { base, _open: shutdown.drop_guard() })
    }

    /// Takes a page away; without any, nothing listens any longer.
    fn close(&self, fingerprint: &Fingerprint) {
        let mut state = self.locked();
        state.open.remove(fingerprint);
        if state.open.is_empty() {
            state.door = None;
        }
    }

    /// The form of a token that is good.
    fn form(&self, fingerprint: &Fingerprint) -> Option<Arc<Form>> {
        let state = self.locked();
        let page = state.open.get(fingerprint)?;
        (page.stored.is_some() && Instant::now() < page.until).then(|| Arc::clone(&page.form))
    }

    /// As [`form`](Self::form), once: from then on the token is good for nothing.
    fn use_up(&self, fingerprint: &Fingerprint) -> Option<(Arc<Form>, oneshot::Sender<()>)> {
        let mut state = self.locked();
        let page = state.open.get_mut(fingerprint).filter(|page| Instant::now() < page.until)?;
        Some((Arc::clone(&page.form), page.stored.take()?))
    }

    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        self.pages.close(&self.fingerprint);
    }
}

/// The pages as a server shows them, which are there for as long as it is.
#[async_trait]
impl Pages for SecretPages {
    async fn show(&self, token: &str) -> Page {
        match self.form(&fingerprint(token)) {
            Some(form) => html::form(&form, &self.profile),
            None => html::gone(),
        }
    }

    async fn take(&self, token: &str, typed: Vec<(String, SecretValue)>) -> Page {
        let fingerprint = fingerprint(token);
        let Some(form) = self.form(&fingerprint) else { return html::gone() };
        // What cannot be taken leaves the page as it is.
        let Some(values) = form.read(typed) else { return html::wrong() };
        let Some((form, stored)) = self.use_up(&fingerprint) else { return html::gone() };
        match self.keep(&form, values).await {
            Ok(()) => {
                // Whoever has waited may have given up.
                let _ = stored.send(());
                html::kept(&form)
            }
            Err(error) => {
                tracing::warn!(server = %form.server, error = %error.report(), "a secret that was typed could not be kept");
                html::failed(&form)
            }
        }
    }
}

fn fingerprint(token: &str) -> Fingerprint {
    Sha256::digest(token.as_bytes()).into()
}
