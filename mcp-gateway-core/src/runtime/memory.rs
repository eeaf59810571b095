//! Servers that live in this process, for tests and examples.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tokio::io::DuplexStream;
use tokio::task::AbortHandle;

use super::{
    Identity, InstanceStatus, LaunchPlan, LaunchTarget, OneShotOutput, PrepareProgress, RunningServer, Runtime,
    RuntimeCapability,
};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{CallContext, ImageReference, InstanceId, RegistryLogin};
use crate::transport::client::memory_pair;

/// A server that speaks newline-delimited JSON over a stream in this process.
#[async_trait]
pub trait MemoryServer: fmt::Debug + Send + Sync + 'static {
    /// Serves one connection until its stream ends; receives the environment of its launch plan.
    async fn serve(&self, stream: DuplexStream, env: BTreeMap<String, String>);
}

/// A runtime whose servers are values.
#[derive(Debug, Default)]
pub struct MemoryRuntime {
    servers: HashMap<String, Arc<dyn MemoryServer>>,
    running: Arc<Mutex<HashMap<InstanceId, (InstanceStatus, AbortHandle)>>>,
    started: AtomicU64,
}

impl MemoryRuntime {
    /// A runtime without servers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a server by the name that launch plans use.
    #[must_use]
    pub fn with_server(mut self, name: impl Into<String>, server: Arc<dyn MemoryServer>) -> Self {
        self.servers.insert(name.into(), server);
        self
    }

    /// How many starts there were.
    pub fn started(&self) -> u64 {
        self.started.load(Ordering::Relaxed)
    }

    fn find(&self, target: &LaunchTarget) -> Result<(&str, Arc<dyn MemoryServer>)> {
        let LaunchTarget::Memory(name) = target else {
            return Err(Error::new(ErrorKind::Unsupported, "the memory runtime runs servers of this process only"));
        };
        let (name, server) = self
            .servers
            .get_key_value(name)
            .ok_or_else(|| Error::new(ErrorKind::NotFound, format!("no server `{name}` in this process")))?;
        Ok((name, Arc::clone(server)))
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, HashMap<InstanceId, (InstanceStatus, AbortHandle)>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for MemoryRuntime {
    fn drop(&mut self) {
        for (_, task) in self.locked().values() {
            task.abort();
        }
    }
}

#[async_trait]
impl Runtime for MemoryRuntime {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn capability(&self) -> RuntimeCapability {
        RuntimeCapability {
            pause: true,
            notes: vec!["servers run in this process, without any isolation".to_owned()],
            ..RuntimeCapability::default()
        }
    }

    async fn check(&self) -> Result<()> {
        Ok(())
    }

    async fn identify(&self, _ctx: &CallContext, target: &LaunchTarget) -> Result<Identity> {
        self.find(target).map(|(name, _)| Identity::new(format!("memory:{name}")))
    }

    async fn registry_login(&self, _image: &ImageReference) -> Result<Option<RegistryLogin>> {
        Ok(None)
    }

    async fn prepare(
        &self,
        _ctx: &CallContext,
        target: &LaunchTarget,
        _identity: &Identity,
        _progress: Arc<dyn PrepareProgress>,
    ) -> Result<()> {
        self.find(target).map(|_| ())
    }

    async fn start(&self, _ctx: &CallContext, plan: LaunchPlan) -> Result<RunningServer> {
        let (name, server) = self.find(&plan.target)?;
        if !plan.headers.is_empty() {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "a server in this process sends nothing through the gateway",
            )
            .with_hint("set `delivery: env` for the server in the profile"));
        }
        if !plan.files.is_empty() {
            return Err(Error::new(ErrorKind::Unsupported, "a server in this process has no files of its own")
                .with_hint("set `delivery: env` for the server in the profile"));
        }
        let number = self.started.fetch_add(1, Ordering::Relaxed) + 1;
        let id = InstanceId::new(format!("memory-{number}"))?;
        let status = InstanceStatus::new(id.clone(), "memory", plan.owner.clone(), name);
        let env = plan.env.into_iter().map(|(name, value)| (name, value.expose().to_owned())).collect();
        let (connection, stream) = memory_pair(plan.limits.max_message_bytes);
        let running = Arc::downgrade(&self.running);
        let ended = id.clone();
        // The table is locked over the spawn, so that a server that ends at once is removed after it was entered.
        let mut table = self.locked();
        let task = tokio::spawn(async move {
            server.serve(stream, env).await;
            if let Some(running) = running.upgrade() {
                running.lock().unwrap_or_else(PoisonError::into_inner).remove(&ended);
            }
        });
        table.insert(id.clone(), (status, task.abort_handle()));
        Ok(RunningServer::new(id, connection))
    }

    async fn run_once(&self, _ctx: &CallContext, _plan: LaunchPlan) -> Result<OneShotOutput> {
        Err(Error::new(ErrorKind::Unsupported, "the memory runtime has no one-shot tools"))
    }

    async fn stop(&self, id: &InstanceId) -> Result<()> {
        if let Some((_, task)) = self.locked().remove(id) {
            task.abort();
        }
        Ok(())
    }

    async fn pause(&self, id: &InstanceId) -> Result<()> {
        if let Some((status, _)) = self.locked().get_mut(id) {
            "paused".clone_into(&mut status.state);
        }
        Ok(())
    }

    async fn unpause(&self, id: &InstanceId) -> Result<()> {
        if let Some((status, _)) = self.locked().get_mut(id) {
            "running".clone_into(&mut status.state);
        }
        Ok(())
    }

    async fn list(&self) -> Result<Vec<InstanceStatus>> {
        let mut all: Vec<_> = self.locked().values().map(|(status, _)| status.clone()).collect();
        all.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(all)
    }

    async fn discard(&self, _image: &str) -> Result<bool> {
        Ok(false)
    }

    async fn sweep(&self) -> Result<Vec<InstanceId>> {
        Ok(Vec::new())
    }
}
