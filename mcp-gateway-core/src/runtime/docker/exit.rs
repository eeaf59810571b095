//! The way of a container without a network to the hosts of its list.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use bollard::models::{ContainerCreateBody, ImageInspect};

use super::answer::Facts;
use super::endpoint::Endpoint;
use super::facts::elsewhere;
use super::mounts::shown;
use crate::error::{Error, ErrorKind, Result};
use crate::model::NetworkRule;
use crate::runtime::egress::{
    self, Door, DoorPlan, Folder, HostList, Injection, Listener, Resolve, SystemResolver, inside, shim,
};
use crate::runtime::{GatewayInstance, LaunchPlan};

/// Makes the exits of containers.
#[derive(Debug)]
pub(super) struct Exits {
    pub(super) resolver: Arc<dyn Resolve>,
}

/// The exit of one container; dropped, it is closed.
#[derive(Debug)]
pub(super) struct Exit {
    // Closed before its folder goes.
    door: Door,
    folder: Folder,
    hosts: HostList,
    program: PathBuf,
    /// Whether the engine refuses settings for names where there is no network.
    without_names: bool,
}

impl Default for Exits {
    fn default() -> Self {
        Self { resolver: Arc::new(SystemResolver) }
    }
}

impl Exits {
    /// The exit that a plan needs, if any; what its server needs for it is put into the plan.
    ///
    /// # Errors
    /// `Unsupported` where a container cannot be kept to a list, `InvalidConfig` for a list that cannot be read, `Io`.
    pub(super) fn open(
        &self,
        plan: &mut LaunchPlan,
        instance: &GatewayInstance,
        endpoint: &Endpoint,
        facts: Option<&Facts>,
    ) -> Result<Option<Exit>> {
        let injection = Injection::enter(plan)?;
        let NetworkRule::Listed(list) = &plan.network else { return Ok(None) };
        if let Some(why) = missing(endpoint, facts) {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("the server cannot be kept to its list of hosts: {why}"),
            )
            .with_context("engine", endpoint)
            .with_hint("use an engine that runs on this machine, without a virtual machine in between")
            .with_hint("`network: none` cuts the server off, `network: open` lets it reach everything"));
        }
        let hosts = HostList::parse(list)?;
        let folder = Folder::new(instance)?;
        let program = shim::install(&folder)?;
        let door = DoorPlan {
            hosts: hosts.clone(),
            private: plan.allow_private,
            watch: Arc::clone(&plan.egress),
            resolver: Arc::clone(&self.resolver),
            injection,
        };
        let door = Door::open(vec![Listener::Socket(folder.listen()?)], door);
        let without_names = facts.is_some_and(|facts| facts.buildah_version.is_some());
        Ok(Some(Exit { door, folder, hosts, program, without_names }))
    }
}

/// Why containers cannot be kept to a list of hosts; `None` where they can.
pub(super) fn missing(endpoint: &Endpoint, facts: Option<&Facts>) -> Option<&'static str> {
    elsewhere(endpoint, facts).or_else(|| (!shim::is_built()).then_some("this build has no program for it"))
}

/// Removes the exits of gateways that are dead.
pub(super) fn sweep(instance: &GatewayInstance) {
    egress::sweep(instance.folder(), instance.id());
}

impl Exit {
    /// Gives a container what it needs beside its command.
    pub(super) fn furnish(&self, body: &mut ContainerCreateBody) -> Result<()> {
        let env = body.env.get_or_insert_default();
        for (name, value) in inside::environment(&self.hosts) {
            // What the catalog or the operator says counts.
            if !env.iter().any(|line| line.split_once('=').is_some_and(|(given, _)| given == name)) {
                env.push(format!("{name}={value}"));
            }
        }
        let host = body.host_config.get_or_insert_default();
        host.network_mode = Some("none".to_owned());
        // In the container's own network; without it, only its administrator could listen on 443.
        host.sysctls = Some(HashMap::from([("net.ipv4.ip_unprivileged_port_start".to_owned(), "0".to_owned())]));
        if !self.without_names {
            host.dns = Some(vec!["127.0.0.1".to_owned()]);
            host.dns_search = Some(vec![".".to_owned()]);
        }
        // Before the catalog's lines: the first one counts.
        let mut lines: Vec<_> = self.hosts.places().map(|(address, _, name)| format!("{name}:{address}")).collect();
        lines.dedup();
        lines.extend(host.extra_hosts.take().unwrap_or_default());
        host.extra_hosts = Some(lines);
        let mounts = host.mounts.get_or_insert_default();
        mounts.push(shown(&self.program, shim::PROGRAM_INSIDE)?);
        mounts.push(shown(self.folder.path(), shim::DOOR_INSIDE)?);
        Ok(())
    }

    /// Bytes that the server sent to its hosts, and bytes that it received.
    pub(super) fn bytes(&self) -> (u64, u64) {
        self.door.traffic().bytes()
    }

    /// Puts the program before what the image runs.
    pub(super) fn enter(&self, body: &mut ContainerCreateBody, image: ImageInspect) -> Result<()> {
        let config = image.config.unwrap_or_default();
        let own = config.entrypoint.unwrap_or_default();
        let words = body.cmd.take().or(config.cmd).unwrap_or_default();
        if own.is_empty() && words.is_empty() {
            return Err(Error::new(ErrorKind::InvalidConfig, "the image says not what to run")
                .with_hint("give the server a `command` in the catalog"));
        }
        body.entrypoint = Some(shim::command(&self.hosts).into_iter().chain(own).collect());
        body.cmd = Some(words);
        Ok(())
    }
}
