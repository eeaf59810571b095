//! What a server would get, shown before it gets it.

use serde::Serialize;

use super::expand::{Declared, Expansion};
use super::hub::{Hub, Slot};
use super::secret_hosts::secret_hosts;
use crate::error::{Error, Result};
use crate::model::{Limits, NetworkRule, SecretDelivery, ServerEntry, ServerName, Verification, VerifyRule};
use crate::profile::Isolation;
use crate::runtime::{LaunchTarget, Mount, MountSource, RuntimeCapability};

/// What a server would get if it were started now; names of secrets, never values.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Inspection {
    /// Its catalog entry.
    pub entry: ServerEntry,
    /// The runtime that would start it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime: Option<String>,
    /// Why no runtime can start it now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unavailable: Option<String>,
    /// What that runtime enforces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capability: Option<RuntimeCapability>,
    /// The image, package or address.
    pub target: String,
    /// Arguments.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// The user in the container, where the catalog sets one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Volumes and binds with what they may do, such as `/srv/data -> /data (read-only)`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mounts: Vec<String>,
    /// Names of plain environment variables.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<String>,
    /// Its secrets and whether each is set.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<SecretState>,
    /// What it may reach.
    pub network: NetworkRule,
    /// What it may use.
    pub limits: Limits,
    /// How sessions share it.
    pub isolation: Isolation,
    /// How long it may be idle, in seconds; `None` keeps it running.
    pub idle_seconds: Option<u64>,
    /// What was recorded of it: the digest or version that its tools were seen with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recorded: Option<String>,
    /// What is asked of its image; `None` where no image is run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verify: Option<VerifyRule>,
    /// What was found out about its image when it was last checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verification: Option<Verification>,
}

/// A secret of a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SecretState {
    /// The catalog's name for it.
    pub name: String,
    /// The variable that carries it.
    pub env: String,
    /// Whether a store holds it.
    pub set: bool,
    /// Whether the server can start without it.
    pub required: bool,
    /// How it is given to the server.
    pub delivery: SecretDelivery,
    /// The hosts that it is for, where it is given as [`SecretDelivery::Header`]; none where nothing says so.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
}

impl Hub {
    pub(crate) async fn inspect(&self, server: &ServerName) -> Result<Inspection> {
        let slot = self.slot(server).ok_or_else(|| self.no_such_server(server))?;
        let mut inspection = self.look_into(&slot).await?;
        let body = slot.body.as_ref().map_err(Clone::clone)?;
        let expansion = Expansion::of(self.profile.name(), body)?;
        for (state, secret) in inspection.secrets.iter_mut().zip(&body.entry.secrets) {
            state.set = matches!(expansion.secret(secret, self.launcher.secrets.as_ref()).await, Ok(Some(_)));
        }
        Ok(inspection)
    }

    /// As [`inspect`](Self::inspect), of any server, without asking who holds the secrets.
    pub(crate) async fn look_into(&self, slot: &Slot) -> Result<Inspection> {
        let body = slot.body.as_ref().map_err(Clone::clone)?;
        let runtime = self.launcher.choose(body).await;
        let expansion = Expansion::of(self.profile.name(), body)?;
        let secrets = body.entry.secrets.iter().map(|secret| SecretState {
            name: secret.name.clone(),
            env: secret.env.clone(),
            set: false,
            required: secret.required != Some(false),
            delivery: expansion.delivery(secret),
            hosts: match expansion.delivery(secret) {
                SecretDelivery::Header => secret_hosts(body, secret).unwrap_or_default(),
                _ => Vec::new(),
            },
        });
        let fallback = if body.entry.image.is_some() { "docker" } else { "process" };
        let name = runtime.as_ref().map_or(fallback, |runtime| runtime.name());
        // Values of secrets are of no use here, so the plan is made without them.
        let plan = expansion.target(name, &Declared::default());
        let mut inspection = Inspection {
            entry: ServerEntry::clone(&body.entry),
            capability: runtime.as_ref().ok().map(|runtime| runtime.capability()),
            runtime: runtime.as_ref().ok().map(|runtime| runtime.name().to_owned()),
            unavailable: runtime.as_ref().err().map(Error::report),
            target: String::new(),
            command: Vec::new(),
            user: None,
            mounts: Vec::new(),
            env: expansion.env_names(),
            secrets: secrets.collect(),
            network: body.settings.network.clone(),
            limits: body.settings.limits,
            isolation: body.settings.isolation,
            idle_seconds: body.settings.idle.map(|idle| idle.as_secs()),
            recorded: slot.lock().map(|lock| lock.identity.clone()),
            verify: None,
            verification: slot.verification().as_deref().cloned(),
        };
        match plan {
            Ok(LaunchTarget::Container(plan)) => {
                inspection.mounts = plan.mounts.iter().map(|mount| describe(mount, &plan.writable)).collect();
                inspection.target = plan.image.to_string();
                inspection.verify = Some(body.settings.verify.rule(&plan.image));
                inspection.command = plan.command;
                inspection.user = plan.user;
            }
            Ok(LaunchTarget::Process(plan)) => {
                inspection.target = plan.package.to_string();
                inspection.mounts = plan.read.iter().map(|path| format!("{} (read-only)", path.display())).collect();
                inspection.mounts.extend(plan.write.iter().map(|path| format!("{} (writable)", path.display())));
                inspection.command = plan.args;
            }
            Ok(LaunchTarget::Remote(plan)) => inspection.target = plan.url,
            Ok(LaunchTarget::Memory(name)) => inspection.target = name,
            // A header that names a secret cannot be made without it; the address can be shown all the same.
            Err(_) if body.entry.remote.is_some() => {
                inspection.target = body.entry.remote.as_ref().map(|remote| remote.url.clone()).unwrap_or_default();
            }
            Err(error) => inspection.target = error.to_string(),
        }
        Ok(inspection)
    }
}

fn describe(mount: &Mount, writable: &[std::path::PathBuf]) -> String {
    let (source, may_write) = match &mount.source {
        MountSource::Volume(name) => (format!("volume {name}"), true),
        MountSource::Bind(path) => {
            let allowed = crate::util::fs::canonicalize(path).is_ok_and(|path| writable.contains(&path));
            (path.display().to_string(), allowed)
        }
    };
    let mode = if may_write && !mount.read_only { "writable" } else { "read-only" };
    format!("{source} -> {} ({mode})", mount.target)
}
