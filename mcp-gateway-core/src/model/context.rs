//! Who asks, in which session, until when, and as part of which trace.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::SessionId;
use crate::error::{Error, ErrorKind, Result};

/// Who makes a request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Principal {
    /// A stable name: `local` for the owner of the process, the token's or user's name otherwise.
    pub name: Arc<str>,
    /// What policies may tell principals apart by, beside the name: sorted, each once, none by default.
    pub roles: Arc<[Arc<str>]>,
}

impl Principal {
    /// Names a principal.
    pub fn new(name: impl AsRef<str>) -> Self {
        Self { name: name.as_ref().into(), roles: Arc::default() }
    }

    /// Gives the principal these roles in place of those it has; with other roles it is another principal.
    #[must_use]
    pub fn with_roles(mut self, roles: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        let roles: BTreeSet<Arc<str>> = roles.into_iter().map(|role| role.as_ref().into()).collect();
        self.roles = roles.into_iter().collect();
        self
    }

    /// The owner of this process.
    pub fn local() -> Self {
        Self::new("local")
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// W3C trace context, as the client sent it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TraceContext {
    /// The `traceparent` value.
    pub traceparent: Option<String>,
    /// The `tracestate` value.
    pub tracestate: Option<String>,
}

/// What accompanies every request on its way through the gateway; cheap to clone.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CallContext {
    /// Who asks.
    pub principal: Principal,
    /// The session the request belongs to; `None` for a call that stands alone.
    pub session: Option<SessionId>,
    /// When the caller stops waiting; `None` leaves it to the server's call timeout.
    pub deadline: Option<Instant>,
    /// The trace that the call is part of.
    pub trace: TraceContext,
    /// Fires when the caller gives up.
    pub cancellation: CancellationToken,
}

impl CallContext {
    /// The context of a call by a principal.
    pub fn new(principal: Principal) -> Self {
        Self {
            principal,
            session: None,
            deadline: None,
            trace: TraceContext::default(),
            cancellation: CancellationToken::new(),
        }
    }

    /// The context of a call by the owner of this process.
    pub fn local() -> Self {
        Self::new(Principal::local())
    }

    /// Puts the call into a session.
    #[must_use]
    pub fn with_session(mut self, session: SessionId) -> Self {
        self.session = Some(session);
        self
    }

    /// Bounds the call by a time from now.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.deadline = Instant::now().checked_add(timeout);
        self
    }

    /// Makes the call part of a trace.
    #[must_use]
    pub fn with_trace(mut self, trace: TraceContext) -> Self {
        self.trace = trace;
        self
    }

    /// Lets the token end the call.
    #[must_use]
    pub fn with_cancellation(mut self, cancellation: CancellationToken) -> Self {
        self.cancellation = cancellation;
        self
    }

    /// The context as an object of the host's own language sees it: `{"principal", "roles", "session",
    /// "timeoutSeconds", "traceparent"}`, of which all but the first may be missing.
    pub fn to_json(&self) -> Value {
        let mut shown = json!({"principal": &*self.principal.name});
        if !self.principal.roles.is_empty() {
            shown["roles"] = self.principal.roles.iter().map(|role| &**role).collect();
        }
        if let Some(session) = &self.session {
            shown["session"] = session.as_str().into();
        }
        if let Some(deadline) = self.deadline {
            shown["timeoutSeconds"] = deadline.saturating_duration_since(Instant::now()).as_secs_f64().into();
        }
        if let Some(traceparent) = &self.trace.traceparent {
            shown["traceparent"] = traceparent.as_str().into();
        }
        shown
    }

    /// Whether the caller no longer waits: it has cancelled, or its time is up.
    pub fn has_given_up(&self) -> bool {
        self.cancellation.is_cancelled() || self.deadline.is_some_and(|deadline| deadline <= Instant::now())
    }

    /// As [`bounded`](Self::bounded), with a limit of the caller's own making: `limit` is what an error tells of it.
    ///
    /// # Errors
    /// `Cancelled`, `Timeout`, or what `work` says.
    pub async fn bounded_by<T>(
        &self,
        limit: Duration,
        passed: impl Future<Output = ()> + Send,
        work: impl Future<Output = Result<T>> + Send,
    ) -> Result<T> {
        let left = self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let own = async {
            match left {
                Some(left) => tokio::time::sleep(left).await,
                None => std::future::pending().await,
            }
        };
        let late = |limit| {
            Err(Error::new(
                ErrorKind::Timeout,
                format!("no answer within {}", humantime::format_duration(round(limit))),
            ))
        };
        tokio::select! {
            biased;
            () = self.cancellation.cancelled() => Err(Error::new(ErrorKind::Cancelled, "the caller cancelled the request")),
            done = work => done,
            () = own => late(left.unwrap_or(limit)),
            () = passed => late(limit),
        }
    }

    /// Runs `work` until it is done, the call is cancelled, or the deadline or `limit` from now has passed.
    ///
    /// # Errors
    /// `Cancelled`, `Timeout`, or what `work` says.
    pub async fn bounded<T>(&self, limit: Duration, work: impl Future<Output = Result<T>> + Send) -> Result<T> {
        let limit = match self.deadline {
            Some(deadline) => limit.min(deadline.saturating_duration_since(Instant::now())),
            None => limit,
        };
        tokio::select! {
            biased;
            () = self.cancellation.cancelled() => Err(Error::new(ErrorKind::Cancelled, "the caller cancelled the request")),
            done = tokio::time::timeout(limit, work) => done.unwrap_or_else(|_| {
                Err(Error::new(ErrorKind::Timeout, format!("no answer within {}", humantime::format_duration(round(limit)))))
            }),
        }
    }
}

/// Whole milliseconds, so that an error reads `1s` and not `999ms 999us 312ns`.
fn round(limit: Duration) -> Duration {
    Duration::from_millis(u64::try_from(limit.as_micros().div_ceil(1000)).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_shown_where_there_are_some_and_make_another_principal() {
        let plain = Principal::new("ann");
        let two = Principal::new("ann").with_roles(["reader", "admin", "reader"]);
        assert_eq!(CallContext::new(plain.clone()).to_json(), json!({"principal": "ann"}));
        assert_eq!(CallContext::new(two.clone()).to_json(), json!({"principal": "ann", "roles": ["admin", "reader"]}));
        assert_ne!(plain, two);
        assert_eq!(two, Principal::new("ann").with_roles(["admin", "reader"]));
        assert_eq!(two.with_roles([""; 0]), plain);
    }
}
