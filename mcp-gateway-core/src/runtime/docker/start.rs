//! From a plan to a server with a connection.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::client::Engine;
use super::files::Files;
use super::http;
use super::keeper::{Input, Keeper, Output};
use super::launch::{Launch, Launched};
use super::spec::{self, Frame};
use super::table::Table;
use super::{DockerRuntime, container};
use crate::error::{Error, ErrorKind, Result};
use crate::model::InstanceId;
use crate::runtime::{HttpEndpoint, LaunchPlan, RunningServer};
use crate::transport::client::{Connection, Diagnostics, INCOMING_CAPACITY, line_sink};

/// A start that is checked and ready to run.
pub(super) struct Start {
    launch: Launch,
    http: Option<HttpEndpoint>,
    table: Arc<Table>,
    grace: Duration,
    max_message_bytes: usize,
}

impl DockerRuntime {
    /// Checks a plan for a server that stays.
    pub(super) fn start_of(&self, mut plan: LaunchPlan) -> Result<Start> {
        let http = container(&plan.target)?.http.clone();
        if let Some(endpoint) = &http {
            http::check_endpoint(endpoint)?;
            if !self.engine.endpoint().is_local() {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    "a server that listens on HTTP in its container cannot be reached on another machine's engine",
                )
                .with_hint("use the server by stdio, or as a remote server"));
            }
        }
        let launch = self.launch_of(&mut plan, http.is_none())?;
        Ok(Start {
            launch,
            http,
            table: Arc::clone(&self.table),
            grace: self.config.stop_grace,
            max_message_bytes: plan.limits.max_message_bytes,
        })
    }

    /// Checks a plan and puts it as the engine wants it.
    pub(super) fn launch_of(&self, plan: &mut LaunchPlan, stdin: bool) -> Result<Launch> {
        // First, because it may change what the server is given.
        let exit = self.exits.open(plan, &self.instance, self.engine.endpoint(), self.facts().as_ref())?;
        let container = container(&plan.target)?;
        let frame = Frame {
            config: &self.config,
            home: &self.home,
            gateway: self.instance.id(),
            protected: &self.protected,
            local: self.engine.endpoint().is_local(),
            cpus: self.facts().map(|facts| facts.cpus),
        };
        let mut body = frame.body(plan, container, stdin)?;
        if let Some(exit) = &exit {
            exit.furnish(&mut body)?;
        }
        let files = Files::open(plan, &self.instance, self.engine.endpoint(), self.facts().as_ref())?;
        if let Some(files) = &files {
            files.furnish(&mut body, plan)?;
        }
        Ok(Launch {
            engine: self.engine.clone(),
            name: spec::container_name(&plan.owner)?,
            image: spec::image(container),
            body,
            exit,
            files,
            diagnostics: Arc::new(Diagnostics::new(plan.secrets.clone())),
        })
    }
}

impl Start {
    /// Starts the server; gives up when nobody waits for it any more.
    pub(super) async fn run(self, abandoned: CancellationToken) -> Result<RunningServer> {
        let Self { launch, http, table, grace, max_message_bytes } = self;
        let (engine, diagnostics) = (launch.engine.clone(), Arc::clone(&launch.diagnostics));
        let Launched { id, streams, exit } = launch.run().await?;
        let keeper = Keeper {
            held: table.insert(id.clone(), exit),
            engine,
            id: id.clone(),
            table,
            diagnostics: Arc::clone(&diagnostics),
            grace,
        };
        let (output, input) = tokio::io::split(streams);
        let output = Output::new(output);
        let connection = match http {
            None => {
                let (sender, incoming) = mpsc::channel(INCOMING_CAPACITY);
                // Why writing failed is of no interest: the end of the output tells why the server is gone.
                let (sink, writing) = line_sink(input, Arc::new(Diagnostics::default()));
                let input = Input { sink: Arc::downgrade(&sink), writing };
                tokio::spawn(keeper.keep_stdio(output, input, sender, max_message_bytes));
                Connection::new(sink, incoming, diagnostics)
            }
            Some(endpoint) => connect(keeper, output, &endpoint, max_message_bytes, abandoned).await?,
        };
        Ok(RunningServer::new(id, connection))
    }
}

/// Waits until a server that listens in its container answers, and connects to it.
async fn connect(
    keeper: Keeper,
    mut output: Output,
    endpoint: &HttpEndpoint,
    max_message_bytes: usize,
    abandoned: CancellationToken,
) -> Result<Connection> {
    let (engine, id, diagnostics) = (keeper.engine.clone(), keeper.id.clone(), Arc::clone(&keeper.diagnostics));
    let connecting = async {
        let port = host_port(&engine, &id, endpoint.port).await?;
        http::answering(port, &endpoint.path).await;
        http::connect_endpoint(port, &endpoint.path, max_message_bytes, Arc::clone(&diagnostics))
    };
    let connected = tokio::select! {
        connected = connecting => connected,
        () = keeper.watch(&mut output) => {
            Err(diagnostics.explain(ErrorKind::StartFailed, "server ended before it answered on its port"))
        }
        () = abandoned.cancelled() => Err(Error::new(ErrorKind::Cancelled, "nobody waits for the server any more")),
    };
    match connected {
        Ok(connection) => {
            let (sender, incoming) = mpsc::channel(INCOMING_CAPACITY);
            tokio::spawn(keeper.keep_http(output, connection.incoming, sender));
            Ok(Connection::new(connection.sink, incoming, diagnostics))
        }
        Err(error) => {
            tokio::spawn(keeper.discard(output));
            Err(error)
        }
    }
}

/// The port of this machine that leads to a port of the container, once the engine has published it; the caller bounds the
/// wait.
async fn host_port(engine: &Engine, id: &InstanceId, port: u16) -> Result<u16> {
    loop {
        let inspected = engine.inspect(id.as_str()).await.map_err(|cause| {
            let message = "the engine does not say where the server listens";
            cause.into_error(ErrorKind::StartFailed, message, engine.endpoint())
        })?;
        if let Some(port) = inspected.host_port(port) {
            return Ok(port);
        }
        tokio::time::sleep(http::POLL).await;
    }
}
