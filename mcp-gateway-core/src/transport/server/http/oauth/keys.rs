//! The keys of one issuer: given once, or fetched when they are needed and kept for a while.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::OwnedMutexGuard;
use tokio::task::JoinHandle;

use super::challenge::Refusal;
use super::issuer::Issuer;
use super::jwt::Jwt;
use super::key_set::{KeySet, Verdict};
use crate::error::Result;

/// After how long keys are fetched again, so that what an issuer withdraws is not trusted for ever.
const FRESH: Duration = Duration::from_secs(10 * 60);
/// How long keys are of use while their issuer cannot be reached.
const USABLE: Duration = Duration::from_secs(60 * 60);

/// The keys of one issuer.
#[derive(Debug)]
pub(super) enum Keys {
    /// What the operator gave.
    Given(KeySet),
    /// What the issuer says.
    Fetched(Arc<FetchedKeys>),
}

/// Keys that are fetched.
///
/// # Behavior
/// - One fetch at a time, in a task of its own: a client that leaves does not end it.
/// - Whatever tokens say and however a fetch ends, the next one begins no sooner than `interval` later.
/// - Keys that are no longer fresh are used while newer ones are fetched, up to an hour.
#[derive(Debug)]
pub(super) struct FetchedKeys {
    issuer: Issuer,
    interval: Duration,
    fresh: Duration,
    usable: Duration,
    state: Mutex<State>,
    fetching: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Debug, Default)]
struct State {
    /// The keys, and when they came.
    keys: Option<(Arc<KeySet>, Instant)>,
    /// When a fetch began or ended last.
    tried: Option<Instant>,
}

/// Why there are no keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NoKeys {
    /// The last fetch is too recent.
    TooSoon,
    /// The fetch went wrong.
    Failed,
}

impl Keys {
    /// Verifies a token's signature.
    ///
    /// # Errors
    /// `Invalid` when it is not by the issuer, `Unavailable` when there are no keys to tell.
    pub(super) async fn verify(&self, jwt: &Jwt<'_>) -> Result<(), Refusal> {
        let verdict = match self {
            Self::Given(keys) => keys.verify(jwt),
            Self::Fetched(fetched) => {
                let keys = fetched.current().await.map_err(|_| Refusal::Unavailable)?;
                match keys.verify(jwt) {
                    Verdict::UnknownKey => match fetched.fetch(Some(&keys)).await {
                        Ok(newer) => newer.verify(jwt),
                        Err(NoKeys::TooSoon) => Verdict::UnknownKey,
                        Err(NoKeys::Failed) => return Err(Refusal::Unavailable),
                    },
                    verdict => verdict,
                }
            }
        };
        match verdict {
            Verdict::Good => Ok(()),
            Verdict::Wrong => Err(Refusal::Invalid("its signature is wrong")),
            Verdict::UnknownKey => Err(Refusal::Invalid("its issuer has no such key")),
        }
    }
}

impl FetchedKeys {
    pub(super) fn new(issuer: Issuer, interval: Duration) -> Self {
        Self { issuer, interval, fresh: FRESH, usable: USABLE, state: Mutex::default(), fetching: Arc::default() }
    }

    /// Keys that are of use now.
    async fn current(self: &Arc<Self>) -> Result<Arc<KeySet>, NoKeys> {
        if let Some(keys) = self.held(self.fresh) {
            return Ok(keys);
        }
        let Some(keys) = self.held(self.usable) else { return self.fetch(None).await };
        if let Ok(only) = Arc::clone(&self.fetching).try_lock_owned()
            && self.may_try()
        {
            drop(self.start(only));
        }
        Ok(keys)
    }

    /// Keys from the issuer, newer than the ones that were `seen`.
    async fn fetch(self: &Arc<Self>, seen: Option<&Arc<KeySet>>) -> Result<Arc<KeySet>, NoKeys> {
        let only = Arc::clone(&self.fetching).lock_owned().await;
        // Whoever held the lock before may have fetched them.
        if let Some(keys) = self.held(self.fresh)
            && seen.is_none_or(|seen| !Arc::ptr_eq(seen, &keys))
        {
            return Ok(keys);
        }
        if !self.may_try() {
            return Err(NoKeys::TooSoon);
        }
        self.start(only).await.unwrap_or(Err(NoKeys::Failed))
    }

    fn start(self: &Arc<Self>, only: OwnedMutexGuard<()>) -> JoinHandle<Result<Arc<KeySet>, NoKeys>> {
        self.locked().tried = Some(Instant::now());
        let this = Arc::clone(self);
        tokio::spawn(async move {
            let fetched = this.issuer.fetch().await;
            let kept = this.keep(fetched);
            drop(only);
            kept
        })
    }

    fn keep(&self, fetched: Result<KeySet>) -> Result<Arc<KeySet>, NoKeys> {
        let mut state = self.locked();
        let now = Instant::now();
        state.tried = Some(now);
        match fetched {
            Ok(keys) => {
                let keys = Arc::new(keys);
                state.keys = Some((Arc::clone(&keys), now));
                Ok(keys)
            }
            Err(error) => {
                tracing::warn!(error = %error.report(), "keys of an issuer could not be fetched");
                Err(NoKeys::Failed)
            }
        }
    }

    /// The keys, if they are younger than `age`.
    fn held(&self, age: Duration) -> Option<Arc<KeySet>> {
        let state = self.locked();
        state.keys.as_ref().filter(|(_, since)| since.elapsed() < age).map(|(keys, _)| Arc::clone(keys))
    }

    fn may_try(&self) -> bool {
        self.locked().tried.is_none_or(|tried| tried.elapsed() >= self.interval)
    }

    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use serde_json::json;
    use tokio::sync::Semaphore;

    use super::*;
    use crate::util::http::testing::{TestReply, TestRequest, TestServer};

    /// How an issuer is.
    struct Issues {
        up: AtomicBool,
        /// What each fetch of keys takes one permit of.
        gate: Semaphore,
    }

    async fn issuer(gate: usize) -> (TestServer, Arc<Issues>) {
        let issues = Arc::new(Issues { up: AtomicBool::new(true), gate: Semaphore::new(gate) });
        let state = Arc::clone(&issues);
        let server = TestServer::start(move |request: TestRequest, reply: TestReply| {
            let state = Arc::clone(&state);
            let at = format!("http://{}", request.header("host").unwrap());
            let keys = json!([{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]);
            async move {
                match (state.up.load(Ordering::SeqCst), request.path.as_str()) {
                    (false, _) => reply.send(500, &[], "").await,
                    (true, "/keys") => {
                        state.gate.acquire().await.unwrap().forget();
                        reply.json(200, &[], &json!({"keys": keys})).await;
                    }
                    (true, _) => reply.json(200, &[], &json!({"issuer": at, "jwks_uri": format!("{at}/keys")})).await,
                }
            }
        })
        .await;
        (server, issues)
    }

    fn keys(server: &TestServer, fresh: Duration, usable: Duration) -> Arc<FetchedKeys> {
        let issuer = Issuer::new(&server.url(""), false, Duration::from_secs(20)).unwrap();
        Arc::new(FetchedKeys { fresh, usable, ..FetchedKeys::new(issuer, Duration::ZERO) })
    }

    fn fetches(server: &TestServer) -> usize {
        server.seen().iter().filter(|request| request.path == "/keys").count()
    }

    #[tokio::test]
    async fn keys_that_are_old_are_used_while_newer_ones_are_fetched() {
        let (server, issues) = issuer(9).await;
        let keys = keys(&server, Duration::ZERO, USABLE);
        let first = keys.current().await.unwrap();
        assert!(Arc::ptr_eq(&first, &keys.current().await.unwrap()));
        // Whoever has the lock has waited for that fetch.
        drop(keys.fetching.lock().await);
        assert_eq!(fetches(&server), 2);
        assert!(!Arc::ptr_eq(&first, &keys.held(USABLE).unwrap()));
        issues.up.store(false, Ordering::SeqCst);
        for _ in 0..2 {
            assert!(keys.current().await.is_ok());
            drop(keys.fetching.lock().await);
        }
    }

    #[tokio::test]
    async fn keys_that_are_too_old_are_of_no_use() {
        let (server, issues) = issuer(9).await;
        let keys = keys(&server, Duration::ZERO, Duration::ZERO);
        assert!(keys.current().await.is_ok());
        issues.up.store(false, Ordering::SeqCst);
        assert_eq!(keys.current().await.unwrap_err(), NoKeys::Failed);
    }

    #[tokio::test]
    async fn fetches_have_a_distance_however_they_end() {
        let (server, issues) = issuer(9).await;
        issues.up.store(false, Ordering::SeqCst);
        let issuer = Issuer::new(&server.url(""), false, Duration::from_secs(20)).unwrap();
        let keys = Arc::new(FetchedKeys::new(issuer, USABLE));
        assert_eq!(keys.current().await.unwrap_err(), NoKeys::Failed);
        issues.up.store(true, Ordering::SeqCst);
        assert_eq!(keys.current().await.unwrap_err(), NoKeys::TooSoon);
        assert_eq!(fetches(&server), 0);
    }

    /// Otherwise anyone could keep the gateway from ever having keys, by asking and leaving.
    #[tokio::test]
    async fn a_client_that_leaves_does_not_end_the_fetch() {
        let (server, issues) = issuer(0).await;
        let keys = Arc::new(FetchedKeys::new(Issuer::new(&server.url(""), false, USABLE).unwrap(), USABLE));
        let asking = Arc::clone(&keys);
        let leaving = tokio::spawn(async move { asking.current().await.map(drop) });
        while fetches(&server) == 0 {
            tokio::task::yield_now().await;
        }
        leaving.abort();
        assert!(leaving.await.unwrap_err().is_cancelled());
        issues.gate.add_permits(1);
        assert!(keys.current().await.is_ok());
        assert_eq!(fetches(&server), 1);
    }
}
