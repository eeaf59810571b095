//! Records every request, denials included.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};

use async_trait::async_trait;

use super::{Call, Service};
#[cfg(feature = "audit-seal")]
use crate::audit::PayloadSeal;
use crate::audit::{AuditEvent, AuditStore, Outcome, argument_shape, payload_hash};
use crate::error::{Error, ErrorKind, Result};
use crate::gateway::redact::Redaction;
use crate::gateway::unrecorded::Unrecorded;
use crate::model::{CallContext, ProfileName};
use crate::protocol::{RawJson, Response};
use crate::telemetry::Metrics;

/// Appends one record per request.
///
/// # Behavior
/// - A result whose record cannot be kept is withheld, and nothing more is carried out until the store works again.
/// - A request whose future is dropped is recorded as cancelled.
#[derive(Debug)]
pub(crate) struct AuditLayer<S> {
    pub(crate) inner: S,
    pub(crate) store: Arc<dyn AuditStore>,
    pub(crate) profile: ProfileName,
    /// Whether argument values are recorded, which the operator must ask for.
    pub(crate) arguments: bool,
    /// What is cut out of the records of requests that reach no server.
    pub(crate) redaction: Redaction,
    /// Who may read arguments and results later, where the operator named somebody.
    #[cfg(feature = "audit-seal")]
    pub(crate) seal: Option<PayloadSeal>,
    pub(crate) broken: AtomicBool,
    pub(crate) metrics: Metrics,
}

#[async_trait]
impl<S: Service> Service for AuditLayer<S> {
    async fn call(&self, ctx: &CallContext, call: &mut Call) -> Result<Response> {
        self.ensure_working(ctx).await?;
        let mut unrecorded = Unrecorded::new(&self.store, self.event(ctx, call));
        let result = self.inner.call(ctx, call).await;
        let Some(mut event) = unrecorded.take() else { return result };
        if self.arguments {
            event.arguments = values(call);
        }
        // Addresses of resources and names of arguments are a client's words as values are.
        let redaction = call.redaction.get().map_or(&self.redaction, Arc::as_ref);
        event.name = event.name.map(|name| redaction.record_text(name));
        let shape = event.shape.take().map(|shape| RawJson::from_value(&shape)).transpose()?;
        event.shape = shape.map(|shape| redaction.record(&shape).read()).transpose()?;
        if let Some(findings) = findings(call) {
            let mut detail = event.detail.take().unwrap_or_else(|| serde_json::json!({}));
            detail["redaction"] = findings;
            event.detail = Some(detail);
        }
        event.decision = call.decision.take();
        event.outcome = outcome(&result);
        #[cfg(feature = "audit-seal")]
        if let Some(seal) = &self.seal {
            event.sealed = Some(sealed(seal, call, &result).map_err(unavailable)?);
        }
        match &result {
            Ok(response) => {
                event.result_hash = response.result.as_ref().ok().map(|result| payload_hash(result.get().as_bytes()));
                event.instance.clone_from(&response.served_by);
                event.error = response.result.as_ref().err().map(|error| format!("{}: {}", error.code, error.message));
            }
            Err(error) => {
                let redaction = call.redaction.get().map_or(&self.redaction, Arc::as_ref);
                event.error = Some(redaction.record_text(error.to_string()));
            }
        }
        if let Err(cause) = self.store.append(event).await {
            self.metrics.record_audit_failure();
            self.broken.store(true, Ordering::Release);
            return Err(unavailable(cause));
        }
        result
    }
}

impl<S: Sync> AuditLayer<S> {
    fn event(&self, ctx: &CallContext, call: &Call) -> AuditEvent {
        let request = &call.request;
        let mut event = AuditEvent::new(self.profile.clone(), &*ctx.principal.name, request.kind.method());
        event.session.clone_from(&ctx.session);
        event.traceparent.clone_from(&ctx.trace.traceparent);
        event.server = request.target.as_ref().map(|target| target.server.clone());
        event.name = request.target.as_ref().map(|target| target.name.clone()).or_else(|| request.subject());
        event.arguments_hash = request.arguments().map(|arguments| payload_hash(arguments.get().as_bytes()));
        event.shape = request.arguments().map(argument_shape);
        event.detail = call.via.map(|via| serde_json::json!({"via": via}));
        event
    }

    /// After a record was lost, a new one must be kept before anything else is carried out.
    async fn ensure_working(&self, ctx: &CallContext) -> Result<()> {
        if self.broken.load(Ordering::Acquire) {
            let event = AuditEvent::new(self.profile.clone(), &*ctx.principal.name, "audit/resume");
            self.store.append(event).await.map_err(unavailable)?;
            self.broken.store(false, Ordering::Release);
        }
        Ok(())
    }
}

/// The arguments without the secrets of the server that they went to; of a request that reached none, nothing.
fn values(call: &Call) -> Option<serde_json::Value> {
    shown(call)?.read().ok()
}

fn shown(call: &Call) -> Option<RawJson> {
    let redaction = call.redaction.get()?;
    Some(redaction.record(call.request.arguments()?))
}

/// What looks like a secret in the request or its result, by kind.
fn findings(call: &mut Call) -> Option<serde_json::Value> {
    let findings = call.findings.get_mut().unwrap_or_else(PoisonError::into_inner);
    if findings.is_empty() { None } else { serde_json::to_value(findings).ok() }
}

/// What went in and out, for whoever may open it; without secrets, as everything that is kept.
#[cfg(feature = "audit-seal")]
fn sealed(seal: &PayloadSeal, call: &Call, result: &Result<Response>) -> Result<String> {
    let arguments = shown(call);
    let result = result.as_ref().ok().and_then(|response| response.result.as_ref().ok());
    seal.seal(&[("arguments", arguments.as_ref().map(RawJson::get)), ("result", result.map(RawJson::get))])
}

fn unavailable(cause: Error) -> Error {
    Error::new(ErrorKind::Io, "the audit trail cannot be written, so the request is refused")
        .with_hint("free disk space or repair the audit file, then try again")
        .with_source(cause)
}

fn outcome(result: &Result<Response>) -> Outcome {
    match result {
        Ok(response) if response.result.is_err() => Outcome::ServerError,
        Ok(response) if response.is_tool_error() => Outcome::ToolError,
        Ok(_) => Outcome::Ok,
        Err(error) => match error.kind() {
            ErrorKind::Denied | ErrorKind::NotFound | ErrorKind::Unauthorized => Outcome::Denied,
            ErrorKind::Overloaded => Outcome::Limited,
            ErrorKind::Cancelled => Outcome::Cancelled,
            _ => Outcome::Failed,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{AuditQuery, AuditRecord, MemoryAudit};
    use crate::gateway::redact::Rules;
    use crate::protocol::Request;

    #[derive(Debug)]
    struct Inner(&'static str);

    #[async_trait]
    impl Service for Inner {
        async fn call(&self, _ctx: &CallContext, _call: &mut Call) -> Result<Response> {
            match self.0 {
                "denied" => Err(Error::new(ErrorKind::Denied, "no")),
                "hang" => std::future::pending().await,
                text => RawJson::parse(text).map(Response::new),
            }
        }
    }

    #[derive(Debug, Default)]
    struct FullDisk(AtomicBool);

    #[async_trait]
    impl AuditStore for FullDisk {
        async fn append(&self, _event: AuditEvent) -> Result<u64> {
            if self.0.load(Ordering::SeqCst) { Ok(1) } else { Err(Error::new(ErrorKind::Io, "disk is full")) }
        }

        async fn query(&self, _query: &AuditQuery) -> Result<Vec<AuditRecord>> {
            Ok(Vec::new())
        }
    }

    fn layer(inner: &'static str, store: Arc<dyn AuditStore>) -> AuditLayer<Inner> {
        let profile = ProfileName::new("p").unwrap();
        AuditLayer {
            inner: Inner(inner),
            store,
            profile,
            arguments: false,
            redaction: Redaction::new(&[], &Arc::default(), Rules::default()),
            #[cfg(feature = "audit-seal")]
            seal: None,
            broken: AtomicBool::new(false),
            metrics: Metrics::new(),
        }
    }

    fn call() -> Call {
        Call::new(Request::call_tool("t", &serde_json::json!({"password": "hunter2"})).unwrap())
    }

    #[tokio::test]
    async fn denials_and_tool_errors_are_recorded_without_values() {
        let store = Arc::new(MemoryAudit::new());
        for inner in ["denied", r#"{"content":[],"isError":true}"#, r#"{"content":[]}"#] {
            let _ = layer(inner, Arc::clone(&store) as _).call(&CallContext::local(), &mut call()).await;
        }
        let records = store.query(&AuditQuery::all()).await.unwrap();
        let outcomes: Vec<_> = records.iter().map(|record| record.event.outcome).collect();
        assert_eq!(outcomes, [Outcome::Denied, Outcome::ToolError, Outcome::Ok]);
        assert!(!serde_json::to_string(&records).unwrap().contains("hunter2"));
        let arguments = payload_hash(br#"{"password":"hunter2"}"#);
        assert!(records.iter().all(|record| record.event.arguments_hash.as_ref() == Some(&arguments)));
        let results: Vec<_> = records.iter().map(|record| record.event.result_hash.clone()).collect();
        assert_eq!(results[0], None);
        assert_eq!(results[2], Some(payload_hash(br#"{"content":[]}"#)));
    }

    #[cfg(feature = "audit-seal")]
    #[tokio::test]
    async fn payloads_are_sealed_without_the_secrets_of_the_server() {
        use age::secrecy::ExposeSecret as _;

        let key = age::x25519::Identity::generate();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("auditor.key");
        crate::util::fs::write_atomic(&file, key.to_string().expose_secret().as_bytes()).unwrap();
        let store = Arc::new(MemoryAudit::new());
        let mut layer = layer(r#"{"content":[]}"#, Arc::clone(&store) as _);
        layer.seal = Some(PayloadSeal::new(&key.to_public().to_string()).unwrap());
        let reached = || {
            let call = call();
            let secrets = [crate::model::SecretValue::new("hunter2")];
            let redaction = Redaction::new(&secrets, &Arc::default(), Rules::default());
            call.redaction.set(Arc::new(redaction)).unwrap();
            call
        };
        for mut call in [reached(), call()] {
            layer.call(&CallContext::local(), &mut call).await.unwrap();
        }
        let records = store.query(&AuditQuery::all()).await.unwrap();
        let opened: Vec<_> = records
            .iter()
            .map(|record| crate::audit::open_sealed(record.event.sealed.as_deref().unwrap(), &file).unwrap())
            .collect();
        assert_eq!(opened[0], r#"{"arguments":{"password":"***"},"result":{"content":[]}}"#);
        // Of a request that reached no server nobody knows which secrets it may hold.
        assert_eq!(opened[1], r#"{"result":{"content":[]}}"#);
    }

    #[tokio::test]
    async fn a_dropped_request_is_recorded() {
        let store = Arc::new(MemoryAudit::new());
        let layer = layer("hang", Arc::clone(&store) as _);
        let (ctx, mut call) = (CallContext::local(), call());
        let hung = tokio::time::timeout(std::time::Duration::from_millis(1), layer.call(&ctx, &mut call));
        assert!(hung.await.is_err());
        while store.query(&AuditQuery::all()).await.unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        assert_eq!(store.query(&AuditQuery::all()).await.unwrap()[0].event.outcome, Outcome::Cancelled);
    }

    #[tokio::test]
    async fn nothing_is_carried_out_while_records_are_lost() {
        let store = Arc::new(FullDisk::default());
        let layer = layer(r#"{"content":[]}"#, Arc::clone(&store) as _);
        for _ in 0..2 {
            assert_eq!(layer.call(&CallContext::local(), &mut call()).await.unwrap_err().kind(), ErrorKind::Io);
        }
        store.0.store(true, Ordering::SeqCst);
        assert!(layer.call(&CallContext::local(), &mut call()).await.is_ok());
    }
}
