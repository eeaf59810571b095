//! A plan as the engine wants it: everything closed that the plan does not open.

use std::collections::HashMap;
use std::path::PathBuf;

use bollard::models::{
    ContainerCreateBody, HostConfig, HostConfigLogConfig, Mount, PortBinding, RestartPolicy, RestartPolicyNameEnum,
};

use super::config::DockerRuntimeConfig;
use super::{labels, mounts};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Limits, NetworkRule};
use crate::runtime::{ContainerPlan, LaunchPlan, Owner};
use crate::util::random;

/// The longest part of a container's name that a profile or server gives.
const NAME_PART: usize = 40;

/// What the bodies of all containers have in common.
#[derive(Debug)]
pub(super) struct Frame<'a> {
    pub(super) config: &'a DockerRuntimeConfig,
    pub(super) home: &'a str,
    pub(super) gateway: &'a str,
    pub(super) protected: &'a [PathBuf],
    /// Whether the engine shares this machine's files.
    pub(super) local: bool,
    /// How many processors the engine has, where that is known.
    pub(super) cpus: Option<u32>,
}

impl Frame<'_> {
    /// The body of the request that creates a container.
    ///
    /// # Errors
    /// `Denied`, `NotFound`, `InvalidInput` or `Unsupported` for a plan that asks for what it cannot get.
    pub(super) fn body(
        &self,
        plan: &LaunchPlan,
        container: &ContainerPlan,
        stdin: bool,
    ) -> Result<ContainerCreateBody> {
        let mounts = mounts::engine_mounts(container, self.protected, self.local)?;
        Ok(ContainerCreateBody {
            image: Some(image(container)),
            // The image's entry point stays; nothing here passes a shell.
            cmd: (!container.command.is_empty()).then(|| container.command.clone()),
            user: container.user.as_deref().map(user).transpose()?,
            env: Some(environment(plan)?),
            labels: Some(labels::of(self.home, self.gateway, &plan.owner)),
            attach_stdin: Some(stdin),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            open_stdin: Some(stdin),
            // A gateway that is killed lets go of the stream; its server then sees the end of its input.
            stdin_once: Some(stdin),
            tty: Some(false),
            exposed_ports: container.http.as_ref().map(|http| vec![format!("{}/tcp", http.port)]),
            host_config: Some(self.host_config(plan, container, mounts)?),
            ..ContainerCreateBody::default()
        })
    }

    fn host_config(&self, plan: &LaunchPlan, container: &ContainerPlan, mounts: Vec<Mount>) -> Result<HostConfig> {
        let limits = &plan.limits;
        let memory = Some(i64::try_from(limits.memory_bytes).unwrap_or(i64::MAX));
        Ok(HostConfig {
            privileged: Some(false),
            security_opt: Some(vec!["no-new-privileges".to_owned()]),
            cap_drop: Some(vec!["ALL".to_owned()]),
            readonly_rootfs: Some(true),
            tmpfs: self.tmpfs(&mounts),
            init: Some(true),
            memory,
            memory_swap: memory,
            nano_cpus: Some(self.nano_cpus(limits)?),
            pids_limit: Some(i64::from(limits.pids)),
            ipc_mode: Some("private".to_owned()),
            network_mode: Some(network_mode(plan, container)?.to_owned()),
            port_bindings: container.http.as_ref().map(|http| {
                let loopback = PortBinding { host_ip: Some("127.0.0.1".to_owned()), host_port: Some(String::new()) };
                HashMap::from([(format!("{}/tcp", http.port), Some(vec![loopback]))])
            }),
            extra_hosts: extra_hosts(container)?,
            mounts: Some(mounts),
            // What a server prints goes to the gateway only, and fills no disk.
            log_config: Some(HostConfigLogConfig { typ: Some("none".to_owned()), config: None }),
            restart_policy: Some(RestartPolicy { name: Some(RestartPolicyNameEnum::NO), maximum_retry_count: None }),
            ..HostConfig::default()
        })
    }

    /// `/tmp`, unless the plan mounts something there.
    fn tmpfs(&self, mounts: &[Mount]) -> Option<HashMap<String, String>> {
        let taken = mounts
            .iter()
            .filter_map(|mount| mount.target.as_deref())
            .any(|target| target.trim_end_matches('/') == "/tmp");
        let options = format!("rw,noexec,nosuid,nodev,size={}", self.config.tmp_bytes);
        (!taken).then(|| HashMap::from([("/tmp".to_owned(), options)]))
    }

    /// The processor limit; an engine refuses more than it has, which is no limit at all.
    fn nano_cpus(&self, limits: &Limits) -> Result<i64> {
        let most = self.cpus.filter(|cpus| *cpus > 0).map_or(f64::MAX, f64::from);
        let cpus = limits.cpus.min(most);
        if cpus.is_finite() && cpus >= 0.01 {
            return Ok((cpus * 1e9) as i64);
        }
        Err(Error::new(ErrorKind::InvalidInput, format!("`{}` is no number of processors", limits.cpus))
            .with_hint("give a container at least 0.01 processors"))
    }
}

/// A name that tells a person what the container is, and is not taken.
pub(super) fn container_name(owner: &Owner) -> Result<String> {
    let part = |text: &str| text.chars().take(NAME_PART).collect::<String>();
    let unique = random::hex(6)?;
    Ok(format!("mcp-{}-{}-{unique}", part(owner.profile.as_str()), part(owner.server.as_str())))
}

/// How the image is named to the engine: by its digest, by its id, or as it was written.
pub(super) fn image(container: &ContainerPlan) -> String {
    match (container.image.digest(), &container.image_id) {
        (Some(digest), _) => format!("{}@{digest}", container.image.repository()),
        (None, Some(id)) => id.clone(),
        (None, None) => container.image.to_string(),
    }
}

fn network_mode(plan: &LaunchPlan, container: &ContainerPlan) -> Result<&'static str> {
    match (&plan.network, &container.http) {
        (NetworkRule::None, Some(_)) => Err(Error::new(
            ErrorKind::InvalidConfig,
            "a server that listens on HTTP in its container cannot be reached without a network",
        )
        .with_hint("give the server `network: open` in the profile, or use it by stdio")),
        // What reaches in from outside would be a way out too.
        (NetworkRule::Listed(_), Some(_)) => Err(Error::new(
            ErrorKind::InvalidConfig,
            "a server that listens on HTTP in its container cannot be kept to a list of hosts",
        )
        .with_hint("use the server by stdio, or give it `network: open` in the profile")),
        (NetworkRule::None | NetworkRule::Listed(_), None) => Ok("none"),
        (NetworkRule::Open, _) => Ok("bridge"),
    }
}

fn environment(plan: &LaunchPlan) -> Result<Vec<String>> {
    plan.env
        .iter()
        .map(|(name, value)| {
            let value = value.expose();
            // Without these checks a name could take over another variable, or a value end early.
            if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
                return Err(Error::new(
                    ErrorKind::InvalidInput,
                    format!("environment variable `{}` cannot be given to a server", name.escape_debug()),
                ));
            }
            Ok(format!("{name}={value}"))
        })
        .collect()
}

fn user(user: &str) -> Result<String> {
    let parts_fine = user.split(':').all(|part| {
        part.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
            && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
    });
    if parts_fine && user.split(':').count() <= 2 {
        return Ok(user.to_owned());
    }
    Err(Error::new(ErrorKind::InvalidInput, format!("`{}` is not a user of a container", user.escape_debug()))
        .with_hint("write a name or number, and a group after `:` if need be"))
}

fn extra_hosts(container: &ContainerPlan) -> Result<Option<Vec<String>>> {
    for line in &container.extra_hosts {
        let fine = line.split_once(':').is_some_and(|(name, address)| !name.is_empty() && !address.is_empty())
            && !line.starts_with('-')
            && !line.chars().any(|c| c.is_whitespace() || c.is_control());
        if !fine {
            return Err(Error::new(ErrorKind::InvalidInput, format!("`{}` is no extra host", line.escape_debug()))
                .with_hint("write `name:address`"));
        }
    }
    Ok((!container.extra_hosts.is_empty()).then(|| container.extra_hosts.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Digest, ImageReference, ProfileName, SecretValue, ServerName};
    use crate::runtime::{HttpEndpoint, LaunchTarget, Mount as PlanMount, MountSource};

    fn owner() -> Owner {
        Owner::new("g1", ProfileName::new("dev").unwrap(), ServerName::new("time").unwrap())
    }

    fn body(container: &ContainerPlan, change: impl FnOnce(&mut LaunchPlan)) -> Result<ContainerCreateBody> {
        let mut plan = LaunchPlan::new(owner(), LaunchTarget::Container(container.clone()));
        change(&mut plan);
        let config = DockerRuntimeConfig::default();
        let frame = Frame { config: &config, home: "h", gateway: "g1", protected: &[], local: true, cpus: Some(2) };
        frame.body(&plan, container, true)
    }

    fn container() -> ContainerPlan {
        ContainerPlan::new(ImageReference::parse("mcp/time:1").unwrap())
    }

    #[test]
    fn everything_is_closed_that_the_plan_does_not_open() {
        let body = body(&container(), |_| {}).unwrap();
        let host = body.host_config.unwrap();
        assert_eq!(host.network_mode.as_deref(), Some("none"));
        assert_eq!(host.cap_drop.unwrap(), ["ALL"]);
        assert_eq!(host.security_opt.unwrap(), ["no-new-privileges"]);
        assert_eq!((host.readonly_rootfs, host.init, host.privileged), (Some(true), Some(true), Some(false)));
        assert_eq!((host.memory, host.memory_swap), (Some(2 << 30), Some(2 << 30)));
        assert_eq!((host.nano_cpus, host.pids_limit), (Some(1_000_000_000), Some(256)));
        assert_eq!(host.tmpfs.unwrap()["/tmp"], "rw,noexec,nosuid,nodev,size=268435456");
        assert_eq!(host.cap_add, None);
        assert_eq!(body.env.unwrap(), Vec::<String>::new());
        assert_eq!((body.cmd, body.entrypoint), (None, None));
    }

    #[test]
    fn arguments_stay_arguments_and_values_stay_values() {
        let mut container = container();
        container.command = vec!["--privileged".to_owned(), "$(id)".to_owned(), String::new()];
        container.user = Some("1000:users".to_owned());
        container.extra_hosts = vec!["api.test:127.0.0.2".to_owned()];
        let body = body(&container, |plan| {
            plan.env.push(("TOKEN".to_owned(), SecretValue::new("a=b c")));
            plan.limits.cpus = 64.0;
        })
        .unwrap();
        assert_eq!(body.cmd.unwrap(), ["--privileged", "$(id)", ""]);
        assert_eq!(body.env.unwrap(), ["TOKEN=a=b c"]);
        assert_eq!(body.user.as_deref(), Some("1000:users"));
        assert_eq!(body.host_config.unwrap().nano_cpus, Some(2_000_000_000));
    }

    #[test]
    fn what_could_mean_something_else_is_refused() {
        for (name, value) in [("", "x"), ("A=B", "x"), ("A", "x\0y")] {
            let refused = body(&container(), |plan| plan.env.push((name.to_owned(), SecretValue::new(value))));
            assert_eq!(refused.unwrap_err().kind(), ErrorKind::InvalidInput, "{name:?}");
        }
        for bad in ["-u", "", "a:b:c", "root\n", "a:"] {
            let mut container = container();
            container.user = Some(bad.to_owned());
            assert_eq!(body(&container, |_| {}).unwrap_err().kind(), ErrorKind::InvalidInput, "{bad:?}");
        }
        for bad in ["-a:b", "nothing", "a:1.2.3.4\n6.6.6.6 bank.example", ":1"] {
            let mut container = container();
            container.extra_hosts = vec![bad.to_owned()];
            assert_eq!(body(&container, |_| {}).unwrap_err().kind(), ErrorKind::InvalidInput, "{bad:?}");
        }
        let none = body(&container(), |plan| plan.limits.cpus = 0.0);
        assert_eq!(none.unwrap_err().kind(), ErrorKind::InvalidInput);
    }

    #[test]
    fn a_server_on_http_is_published_on_loopback_and_needs_a_network() {
        let mut container = container();
        container.http = Some(HttpEndpoint::new(8080, "/mcp"));
        assert_eq!(body(&container, |_| {}).unwrap_err().kind(), ErrorKind::InvalidConfig);
        let body = body(&container, |plan| plan.network = NetworkRule::Open).unwrap();
        let host = body.host_config.unwrap();
        let bindings = host.port_bindings.unwrap();
        let binding = &bindings["8080/tcp"].as_ref().unwrap()[0];
        assert_eq!(binding.host_ip.as_deref(), Some("127.0.0.1"));
        assert_eq!(host.network_mode.as_deref(), Some("bridge"));
    }

    #[test]
    fn images_are_run_by_what_they_were_pinned_to() {
        let digest = Digest::new(format!("sha256:{}", "a".repeat(64))).unwrap();
        let mut container = container();
        assert_eq!(image(&container), "mcp/time:1");
        container.image_id = Some("sha256:1".to_owned());
        assert_eq!(image(&container), "sha256:1");
        container.image = container.image.with_digest(digest.clone());
        assert_eq!(image(&container), format!("mcp/time@{digest}"));
    }

    #[test]
    fn a_mount_on_tmp_takes_its_place() {
        let mut container = container();
        container.mounts.push(PlanMount::new(MountSource::Volume("scratch".to_owned()), "/tmp/"));
        assert_eq!(body(&container, |_| {}).unwrap().host_config.unwrap().tmpfs, None);
    }

    #[test]
    fn names_are_readable_unique_and_short() {
        let long = Owner::new("g", ProfileName::new("p".repeat(128)).unwrap(), ServerName::new("time").unwrap());
        let (one, two) = (container_name(&long).unwrap(), container_name(&long).unwrap());
        assert_ne!(one, two);
        assert!(one.starts_with("mcp-ppp") && one.contains("-time-") && one.len() < 110);
    }
}
