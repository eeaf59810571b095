//! Puts a runtime together.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::client::Engine;
use super::config::DockerRuntimeConfig;
use super::credentials::CredentialStore;
use super::endpoint::Surroundings;
use super::exit::Exits;
use super::table::Table;
use super::{DockerRuntime, GatewayInstance};
use crate::error::Result;
use crate::util::{env_vars, fs};

/// Puts a [`DockerRuntime`] together.
#[derive(Clone, Debug)]
pub struct DockerRuntimeBuilder {
    instance: Arc<GatewayInstance>,
    config: DockerRuntimeConfig,
}

impl DockerRuntimeBuilder {
    pub(super) fn new(instance: Arc<GatewayInstance>) -> Self {
        Self { instance, config: DockerRuntimeConfig::default() }
    }

    /// Takes all settings at once.
    #[must_use]
    pub fn with_config(mut self, config: DockerRuntimeConfig) -> Self {
        self.config = config;
        self
    }

    /// Names the engine, such as `unix:///run/user/1000/docker.sock`, instead of asking the environment.
    #[must_use]
    pub fn with_host(mut self, host: impl Into<String>) -> Self {
        self.config.host = Some(host.into());
        self
    }

    /// Names a context of Docker's client instead of asking the environment.
    #[must_use]
    pub fn with_context(mut self, context: impl Into<String>) -> Self {
        self.config.context = Some(context.into());
        self
    }

    /// Names the folder of Docker's client configuration.
    #[must_use]
    pub fn with_config_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.config.config_folder = Some(folder.into());
        self
    }

    /// Sets how long one request to the engine may take.
    #[must_use]
    pub fn with_request_timeout(mut self, timeout: Duration) -> Self {
        self.config.request_timeout = timeout;
        self
    }

    /// Sets how long a server may take to end by itself.
    #[must_use]
    pub fn with_stop_grace(mut self, grace: Duration) -> Self {
        self.config.stop_grace = grace;
        self
    }

    /// Sets the size of `/tmp` in a container, in bytes.
    #[must_use]
    pub fn with_tmp_bytes(mut self, bytes: u64) -> Self {
        self.config.tmp_bytes = bytes;
        self
    }

    /// Adds a host path that no server gets to see, such as the folder that the gateway keeps its state in.
    #[must_use]
    pub fn with_protected(mut self, path: impl Into<PathBuf>) -> Self {
        self.config.protected.push(path.into());
        self
    }

    /// Finds the engine and makes the runtime; nothing is connected yet.
    ///
    /// # Errors
    /// `InvalidConfig` when the environment or a file of Docker's client cannot be read or names no engine,
    /// `Unsupported` for an engine that is reached in a way that is not supported.
    pub fn build(self) -> Result<DockerRuntime> {
        let Self { instance, config } = self;
        let surroundings = Surroundings { variable: &env_vars::get, exists: &fs::exists };
        let found = surroundings.find(&config).and_then(|endpoint| Engine::new(endpoint, config.request_timeout));
        let engine = found.map_err(|error| error.with_operation("DockerRuntimeBuilder::build"))?;
        let mut protected = config.protected.clone();
        protected.push(instance.folder().to_owned());
        protected.extend(env_vars::get("MCP_GATEWAY_HOME").map(PathBuf::from));
        protected.extend(engine.endpoint().sockets().iter().cloned());
        let credentials = CredentialStore::new(surroundings.config_folder(&config));
        Ok(DockerRuntime {
            home: GatewayInstance::home_label(instance.folder()),
            protected,
            engine,
            credentials,
            table: Arc::new(Table::default()),
            facts: Mutex::new(None),
            exits: Exits::default(),
            config,
            instance,
        })
    }
}
