//! Calls to the keyring, which block: each in a thread of its own, so that one that never ends holds nothing else up.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex as BlockingMutex, PoisonError};
use std::time::Duration;

use keyring_core::CredentialStore;
use tokio::sync::{Mutex, oneshot};

use super::error::KeyringError;
use crate::error::{Error, ErrorKind, Result};

/// A connection to the keyring, made when it is first needed and again after it has failed.
pub(super) struct Client {
    deadline: Duration,
    /// Held by the call that is under way, even when nobody waits for it any more: a keyring that does not answer gets no
    /// second call.
    turn: Arc<Mutex<()>>,
    store: Arc<BlockingMutex<Option<Arc<CredentialStore>>>>,
}

impl Client {
    pub(super) fn new(deadline: Duration) -> Self {
        Self { deadline, turn: Arc::default(), store: Arc::default() }
    }

    /// Has the keyring do something.
    ///
    /// # Errors
    /// `Io` when there is no keyring or it refuses, `Unauthorized` when it is locked, `InvalidInput` for a value that is too
    /// long for it, `Timeout`.
    pub(super) async fn call<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&CredentialStore) -> keyring_core::Result<T> + Send + 'static,
    ) -> Result<T> {
        let called = async {
            let turn = Arc::clone(&self.turn).lock_owned().await;
            let (answer, answered) = oneshot::channel();
            let store = Arc::clone(&self.store);
            let run = move || {
                let done = connected(&store).and_then(|store| work(store.as_ref())).map_err(KeyringError::of);
                if done.as_ref().is_err_and(KeyringError::is_broken) {
                    *store.lock().unwrap_or_else(PoisonError::into_inner) = None;
                }
                drop(turn);
                // Nobody may wait for it any more.
                let _ = answer.send(done);
            };
            let started = std::thread::Builder::new().name("mcp-gateway-keyring".to_owned()).spawn(run);
            started.map_err(|cause| {
                Error::new(ErrorKind::Internal, "no thread could be started for the keyring").with_source(cause)
            })?;
            match answered.await {
                Ok(done) => done.map_err(Error::from),
                Err(_) => Err(Error::new(ErrorKind::Internal, "work on the keyring broke off")),
            }
        };
        match tokio::time::timeout(self.deadline, called).await {
            Ok(done) => done.map_err(|error| error.with_operation(operation)),
            Err(_) => Err(Error::new(ErrorKind::Timeout, "the keyring does not answer")
                .with_operation(operation)
                .with_hint("it may be waiting for someone to unlock it; look for its window, or unlock it beforehand")),
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}

fn connected(kept: &BlockingMutex<Option<Arc<CredentialStore>>>) -> keyring_core::Result<Arc<CredentialStore>> {
    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(store) = &*kept {
        return Ok(Arc::clone(store));
    }
    let store = open()?;
    *kept = Some(Arc::clone(&store));
    Ok(store)
}

/// The names that the keyring has something under for a service.
pub(super) fn users(store: &CredentialStore, service: &str) -> keyring_core::Result<Vec<String>> {
    let kept = store.search(&wanted(service))?;
    let named = kept.iter().filter_map(keyring_core::Entry::get_specifiers);
    Ok(named.filter(|(of, _)| of == service).map(|(_, user)| user).collect())
}

/// Whether this system has a keyring.
pub(super) fn supported() -> Result<()> {
    if cfg!(any(target_os = "linux", target_os = "macos", windows)) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Unsupported, "this system has no keyring that the gateway knows")
        .with_hint("keep secrets in an encrypted file, `age:PATH`"))
}

#[cfg(not(windows))]
fn wanted(service: &str) -> HashMap<&str, &str> {
    HashMap::from([("service", service)])
}

/// Windows finds by patterns over another name only, so everything is looked at.
#[cfg(windows)]
fn wanted(_service: &str) -> HashMap<&str, &str> {
    HashMap::new()
}

#[cfg(target_os = "linux")]
fn open() -> keyring_core::Result<Arc<CredentialStore>> {
    let store: Arc<CredentialStore> = zbus_secret_service_keyring_store::Store::new()?;
    Ok(store)
}

#[cfg(target_os = "macos")]
fn open() -> keyring_core::Result<Arc<CredentialStore>> {
    let store: Arc<CredentialStore> = apple_native_keyring_store::keychain::Store::new()?;
    Ok(store)
}

#[cfg(windows)]
fn open() -> keyring_core::Result<Arc<CredentialStore>> {
    let store: Arc<CredentialStore> = windows_native_keyring_store::Store::new()?;
    Ok(store)
}

#[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
fn open() -> keyring_core::Result<Arc<CredentialStore>> {
    Err(keyring_core::Error::NoDefaultStore)
}
