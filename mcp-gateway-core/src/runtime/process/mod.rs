#![doc = include_str!("docs.md")]

mod child;
mod config;
mod files;
mod output;
mod package;
mod sandbox;
mod spawner;
mod state;
mod stats;
mod table;
#[cfg(test)]
mod tests;
mod watchdog;

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use async_trait::async_trait;

use super::{
    GatewayInstance, Identity, InstanceStatus, LaunchPlan, LaunchTarget, OneShotOutput, PrepareProgress, ProcessPlan,
    RunningServer, Runtime, RuntimeCapability,
};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{CallContext, ImageReference, InstanceId, RegistryLogin, SecretValue};
use crate::runtime::egress::{self, Door, DoorPlan, Injection, Listener, Resolve, SystemResolver};
use crate::runtime::secret_files;
use crate::util::fs;
use package::{Packages, Program};
use sandbox::{Handover, Kernel, Launch, Reach, Rules, Seen};
use spawner::Spawner;
use state::State;
use table::Table;

pub use config::ProcessRuntimeConfig;

/// How long `stop` waits for the end of a server beyond what it may take; its supervisor goes on after that.
const STOP_MARGIN: Duration = Duration::from_secs(4);

/// What the kernel can enforce, found out when it is first asked for: a gateway that only lists need not wait for it.
type LazyKernel = Arc<LazyLock<Kernel, Box<dyn FnOnce() -> Kernel + Send + Sync>>>;

/// Runs servers as sandboxed child processes.
#[derive(Debug)]
pub struct ProcessRuntime {
    config: ProcessRuntimeConfig,
    kernel: LazyKernel,
    packages: Packages,
    spawner: Arc<Spawner>,
    state: State,
    table: Arc<Table>,
    number: AtomicU64,
    /// Paths of the runtime's own that no plan may ask for.
    protected: Vec<PathBuf>,
    /// Held so that the gateway counts as living as long as it can have children.
    instance: Arc<GatewayInstance>,
    resolver: Arc<dyn Resolve>,
}

impl ProcessRuntime {
    /// A runtime with these settings, for a gateway that others know as living; without one it registers itself.
    ///
    /// What the kernel can enforce is found out on first use, which takes some milliseconds.
    ///
    /// # Errors
    /// `Io` when the folder cannot be written, `Internal` when no thread can be started.
    pub fn new(config: ProcessRuntimeConfig, instance: Option<Arc<GatewayInstance>>) -> Result<Self> {
        let instance = match instance {
            Some(instance) => instance,
            None => Arc::new(GatewayInstance::register(&config.folder)?),
        };
        let state = State::new(&config.folder, instance.folder())?;
        let folder = fs::canonicalize(&config.folder)?;
        let bubblewrap = config.bubblewrap;
        let kernel: LazyKernel = Arc::new(LazyLock::new(Box::new(move || Kernel::probe(bubblewrap))));
        let spawner = Arc::new(Spawner::start()?);
        let own = [folder.clone(), fs::canonicalize(instance.folder())?];
        let given = config.protected.iter().map(|path| fs::canonicalize(path).unwrap_or_else(|_| path.clone()));
        Ok(Self {
            packages: Packages::new(folder.join("packages"), &config, instance.id(), &kernel, &spawner),
            protected: own.into_iter().chain(given).collect(),
            kernel,
            spawner,
            state,
            table: Arc::default(),
            number: AtomicU64::new(0),
            config,
            instance,
            resolver: Arc::new(SystemResolver),
        })
    }

    /// The whole environment of a server: what its plan says, and where it is at home.
    fn environment(&self, plan: &LaunchPlan, program: &Program, own: &str) -> Result<Vec<(String, SecretValue)>> {
        let path = program.search_path(&self.config.search_path).to_string_lossy().into_owned();
        let basic =
            [("PATH", path), ("HOME", own.to_owned()), ("TMPDIR", own.to_owned()), ("LANG", "C.UTF-8".to_owned())];
        let mut env: Vec<_> = basic
            .into_iter()
            .filter(|(name, _)| !plan.env.iter().any(|(given, _)| given == name))
            .map(|(name, value)| (name.to_owned(), SecretValue::new(value)))
            .collect();
        for (name, value) in &plan.env {
            if name.is_empty() || name.contains(['=', '\0']) || value.expose().contains('\0') {
                return Err(Error::new(ErrorKind::InvalidConfig, "environment variable cannot be set")
                    .with_context("variable", name.escape_debug()));
            }
            env.push((name.clone(), value.clone()));
        }
        Ok(env)
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
        self.kernel.require(&Reach::Nothing, self.config.require_isolation)
    }

    async fn identify(&self, _ctx: &CallContext, target: &LaunchTarget) -> Result<Identity> {
        self.packages.identify(process(target)?)
    }

    async fn registry_login(&self, _image: &ImageReference) -> Result<Option<RegistryLogin>> {
        Ok(None)
    }

    async fn prepare(
        &self,
        ctx: &CallContext,
        target: &LaunchTarget,
        _identity: &Identity,
        progress: Arc<dyn PrepareProgress>,
    ) -> Result<()> {
        ctx.bounded(self.config.install_timeout, self.packages.install(process(target)?, &*progress)).await
    }

    async fn start(&self, ctx: &CallContext, plan: LaunchPlan) -> Result<RunningServer> {
        ctx.bounded(plan.limits.start_timeout, self.launch(plan))
            .await
            .map_err(|error| error.with_operation("ProcessRuntime::start"))
    }

    async fn run_once(&self, _ctx: &CallContext, _plan: LaunchPlan) -> Result<OneShotOutput> {
        Err(Error::new(ErrorKind::Unsupported, "the process runtime has no one-shot tools")
            .with_hint("tools of `type: poci` need a container engine"))
    }

    async fn stop(&self, id: &InstanceId) -> Result<()> {
        if let Some(ended) = self.table.stop(id) {
            // What does not end in time is killed by its supervisor all the same.
            let _ = tokio::time::timeout(self.config.grace * 2 + STOP_MARGIN, ended.cancelled()).await;
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
        let mut all = self.table.list();
        all.extend(self.state.others(self.instance.id())?);
        all.sort_by(|a, b| a.started.cmp(&b.started).then_with(|| a.id.cmp(&b.id)));
        Ok(all)
    }

    async fn discard(&self, image: &str) -> Result<bool> {
        self.packages.discard(image).await.map_err(|error| error.with_operation("ProcessRuntime::discard"))
    }

    async fn sweep(&self) -> Result<Vec<InstanceId>> {
        let (state, instance) = (self.state.clone(), Arc::clone(&self.instance));
        let sweep = move || {
            secret_files::sweep(&instance);
            state.sweep()
        };
        let swept = tokio::task::spawn_blocking(sweep).await;
        swept.unwrap_or_else(|_| Err(Error::new(ErrorKind::Internal, "sweep of processes failed")))
    }
}

impl ProcessRuntime {
    async fn launch(&self, mut plan: LaunchPlan) -> Result<RunningServer> {
        let injection = Injection::enter(&mut plan)?;
        let target = process(&plan.target)?;
        let reach = Reach::of(&plan.network)?;
        self.kernel.require(&reach, self.config.require_isolation)?;
        let asked = |paths: &[PathBuf]| -> Result<Vec<Seen>> {
            paths.iter().map(|path| Seen::asked(path, &self.protected)).collect()
        };
        let (mut read, write) = (asked(&target.read)?, asked(&target.write)?);
        let program = self.packages.program(target).await?;
        read.extend(program.read.iter().cloned());

        let number = self.number.fetch_add(1, Ordering::Relaxed) + 1;
        let id = InstanceId::new(format!("process-{}-{number}", self.instance.id()))?;
        let status = InstanceStatus::new(id.clone(), "process", plan.owner.clone(), program.name.clone());
        let traces = self.state.enter(&status)?;
        let own = traces.own().to_owned();
        let mut env = self.environment(&plan, &program, &own.to_string_lossy())?;
        if let Reach::Listed(hosts) = &reach {
            let told = egress::inside::environment(hosts).into_iter();
            let told = told.filter(|(name, _)| !plan.env.iter().any(|(given, _)| given == name));
            env.extend(told.map(|(name, value)| (name.to_owned(), SecretValue::new(value))).collect::<Vec<_>>());
        }
        let handed = files::Handed::new(&plan.files, &self.kernel, &self.instance)?;
        env.extend(handed.environment());
        read.extend(handed.seen());
        let rules = Rules {
            read: &read,
            write: &write,
            files: &plan.files,
            reach: &reach,
            limits: Some(&plan.limits),
            own: &own,
        };
        let mut prepared =
            self.kernel.prepare(&rules, &Launch { program: &program.path, args: &program.args, env: &env })?;
        let contained = prepared.contained;
        let handover = prepared.handover.take();
        let mut command = prepared.command();
        command.current_dir(&own).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let spawned = self.spawner.spawn(command, contained).await.map_err(|cause| {
            Error::new(ErrorKind::StartFailed, "process could not be started")
                .with_context("program", program.path.display())
                .with_source(cause)
        })?;
        let door = handover.map(|handover| self.open_door(&plan, &reach, injection, handover)).transpose()?;
        traces.started(&status, spawned.group.members())?;
        let files = handed.into_files();
        let supervised = child::Supervised { spawned, door, _files: files, _traces: traces, grace: self.config.grace };
        let connection = supervised.run(&self.table, status, plan.secrets, plan.limits.max_message_bytes)?;
        Ok(RunningServer::new(id, connection))
    }

    /// Opens the door behind the listeners of a child.
    fn open_door(
        &self,
        plan: &LaunchPlan,
        reach: &Reach,
        injection: Option<Arc<Injection>>,
        handover: Handover,
    ) -> Result<Door> {
        let Reach::Listed(hosts) = reach else {
            return Err(Error::new(ErrorKind::Internal, "a server without a list has listeners"));
        };
        let listeners = handover.receive().map_err(|cause| {
            Error::new(ErrorKind::StartFailed, "the server's network could not be made").with_source(cause)
        })?;
        let words = egress::inside::places(hosts).into_iter().map(|(_, word)| word);
        let door = DoorPlan {
            hosts: hosts.clone(),
            private: plan.allow_private,
            watch: Arc::clone(&plan.egress),
            resolver: Arc::clone(&self.resolver),
            injection,
        };
        let listeners = listeners.into_iter().zip(words).map(|(listener, word)| Listener::place(listener, word));
        Ok(Door::open(listeners.collect::<Result<_>>()?, door))
    }
}
