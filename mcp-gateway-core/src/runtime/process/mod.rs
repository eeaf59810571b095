#![doc = include_str!("docs.md")]

mod child;
mod config;
mod package;
mod sandbox;
mod spawner;
mod state;
mod stats;
mod table;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;

use super::sensitive::check_exposed;
use super::{
    GatewayInstance, Identity, InstanceStatus, LaunchPlan, LaunchTarget, OneShotOutput, PrepareProgress, ProcessPlan,
    RunningServer, Runtime, RuntimeCapability,
};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{CallContext, InstanceId};
use crate::util::{fs, random};
use package::Packages;
use sandbox::{Kernel, Rules};
use spawner::Spawner;
use table::Table;

pub use config::ProcessRuntimeConfig;

/// How long `stop` waits for the end of a server before it leaves it to its supervisor.
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// Runs servers as sandboxed child processes.
#[derive(Debug)]
pub struct ProcessRuntime {
    config: ProcessRuntimeConfig,
    gateway: String,
    instances: PathBuf,
    kernel: Kernel,
    packages: Packages,
    spawner: Spawner,
    table: Arc<Table>,
    number: AtomicU64,
    /// Held so that the gateway counts as living as long as it can have children.
    _instance: Option<Arc<GatewayInstance>>,
}

impl ProcessRuntime {
    /// A runtime with these settings; `instance` lets the next gateway find what this one may leave behind.
    ///
    /// # Errors
    /// `Io` when the folder cannot be written.
    pub fn new(config: ProcessRuntimeConfig, instance: Option<Arc<GatewayInstance>>) -> Result<Self> {
        fs::create_dir_all(&config.folder)?;
        let gateway = match &instance {
            Some(instance) => instance.id().to_owned(),
            None => random::hex(6)?,
        };
        let instances =
            instance.as_ref().map_or_else(|| config.folder.clone(), |instance| instance.folder().to_owned());
        Ok(Self {
            kernel: Kernel::probe(config.bubblewrap),
            packages: Packages::new(&config),
            spawner: Spawner::start()?,
            table: Arc::default(),
            number: AtomicU64::new(0),
            config,
            gateway,
            instances,
            _instance: instance,
        })
    }

    /// A folder that only one server sees: its home and its place for temporary files.
    fn own_folder(&self) -> Result<PathBuf> {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let folder = self.config.folder.join("own").join(format!("{}-{number}", self.gateway));
        fs::create_dir_all(&folder)?;
        fs::canonicalize(&folder)
    }
}

fn process(target: &LaunchTarget) -> Result<&ProcessPlan> {
    match target {
        LaunchTarget::Process(plan) => Ok(plan),
        _ => Err(Error::new(ErrorKind::Unsupported, "the process runtime runs processes only")),
    }
}

#[async_trait]
impl Runtime for ProcessRuntime {
    fn name(&self) -> &'static str {
        "process"
    }

    fn capability(&self) -> RuntimeCapability {
        self.kernel.capability()
    }

    async fn check(&self) -> Result<()> {
        Ok(())
    }

    async fn identify(&self, _ctx: &CallContext, target: &LaunchTarget) -> Result<Identity> {
        self.packages.identify(process(target)?)
    }

    async fn prepare(
        &self,
        ctx: &CallContext,
        target: &LaunchTarget,
        _identity: &Identity,
        progress: Arc<dyn PrepareProgress>,
    ) -> Result<()> {
        ctx.bounded(self.config.install_timeout, self.packages.install(process(target)?, progress)).await
    }

    async fn start(&self, _ctx: &CallContext, plan: LaunchPlan) -> Result<RunningServer> {
        let target = process(&plan.target)?;
        let program = self.packages.program(target)?;
        let own = self.own_folder()?;
        let folder = child::OwnFolder::new(own.clone());
        let exposed = |paths: &[PathBuf]| paths.iter().map(|path| check_exposed(path)).collect::<Result<Vec<_>>>();
        let mut read = exposed(&target.read)?;
        read.extend(program.read.iter().cloned());
        let write = exposed(&target.write)?;
        let rules = Rules { read: &read, write: &write, network: &plan.network, limits: &plan.limits, own: &own };
        let prepared = self.kernel.prepare(&rules, &program.path, &program.args, self.config.require_isolation)?;
        let mut command = tokio::process::Command::new(&prepared.program);
        command
            .args(&prepared.args)
            .env_clear()
            .env("PATH", program.search_path(&self.config.search_path))
            .env("HOME", &own)
            .env("TMPDIR", &own)
            .env("LANG", "C.UTF-8")
            .envs(plan.env.iter().map(|(name, value)| (name, value.expose())))
            .current_dir(&own)
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .kill_on_drop(true);
        prepared.confinement.apply(&mut command);
        let started = self.spawner.spawn(command).await.map_err(|cause| {
            Error::new(ErrorKind::StartFailed, "process could not be started")
                .with_operation("ProcessRuntime::start")
                .with_context("program", program.path.display())
                .with_source(cause)
        })?;
        let id = InstanceId::new(format!("process-{}-{}", self.gateway, started.id().unwrap_or_default()))?;
        let note = state::note(&self.config.folder, &self.gateway, started.id().unwrap_or_default())?;
        let status = InstanceStatus::new(id.clone(), "process", plan.owner, program.name);
        let supervised = child::Supervised { child: started, _folder: folder, _note: note, grace: self.config.grace };
        let connection = supervised.run(&self.table, status, plan.secrets, plan.limits.max_message_bytes)?;
        Ok(RunningServer::new(id, connection))
    }

    async fn run_once(&self, _ctx: &CallContext, _plan: LaunchPlan) -> Result<OneShotOutput> {
        Err(Error::new(ErrorKind::Unsupported, "the process runtime has no one-shot tools")
            .with_hint("tools of `type: poci` need a container engine"))
    }

    async fn stop(&self, id: &InstanceId) -> Result<()> {
        if let Some(ended) = self.table.stop(id) {
            // What does not end in time is killed by its supervisor all the same.
            let _ = tokio::time::timeout(STOP_LIMIT, ended.cancelled()).await;
        }
        Ok(())
    }

    async fn pause(&self, id: &InstanceId) -> Result<()> {
        self.table.signal(id, libc::SIGSTOP);
        Ok(())
    }

    async fn unpause(&self, id: &InstanceId) -> Result<()> {
        self.table.signal(id, libc::SIGCONT);
        Ok(())
    }

    async fn list(&self) -> Result<Vec<InstanceStatus>> {
        Ok(self.table.list())
    }

    async fn sweep(&self) -> Result<Vec<InstanceId>> {
        let (folder, instances) = (self.config.folder.clone(), self.instances.clone());
        let swept = tokio::task::spawn_blocking(move || state::sweep(&folder, &instances)).await;
        swept.unwrap_or_else(|_| Err(Error::new(ErrorKind::Internal, "sweep of processes failed")))
    }
}
