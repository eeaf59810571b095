//! What the engine answers, as far as it matters here; fields that an engine leaves out are no error.

use std::collections::HashMap;

use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Created {
    pub(super) id: String,
}

/// A container, without its environment.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Inspected {
    pub(super) state: ContainerState,
    pub(super) network_settings: NetworkSettings,
}

/// How a container is or how it ended.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct ContainerState {
    pub(super) exit_code: i64,
    #[serde(rename = "OOMKilled")]
    pub(super) out_of_memory: bool,
    pub(super) error: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct NetworkSettings {
    ports: Option<HashMap<String, Option<Vec<Binding>>>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Binding {
    host_port: String,
}

impl Inspected {
    /// The port of the host that leads to a port of the container.
    pub(super) fn host_port(&self, port: u16) -> Option<u16> {
        let bindings = self.network_settings.ports.as_ref()?.get(&format!("{port}/tcp"))?.as_ref()?;
        bindings.iter().find_map(|binding| binding.host_port.parse().ok().filter(|port| *port != 0))
    }
}

/// A container in a list.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Listed {
    pub(super) id: String,
    #[serde(default)]
    pub(super) image: String,
    /// Seconds since the Unix epoch.
    #[serde(default)]
    pub(super) created: i64,
    #[serde(default)]
    pub(super) state: String,
    #[serde(default)]
    pub(super) labels: Option<HashMap<String, String>>,
}

/// What an engine can enforce, and what it is.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Facts {
    pub(super) memory_limit: bool,
    pub(super) swap_limit: bool,
    #[serde(rename = "CpuCfsQuota")]
    pub(super) cpu_quota: bool,
    pub(super) pids_limit: bool,
    #[serde(rename = "NCPU")]
    pub(super) cpus: u32,
    pub(super) security_options: Option<Vec<String>>,
    pub(super) operating_system: String,
    pub(super) server_version: String,
    /// Podman says this of itself, Docker does not.
    pub(super) buildah_version: Option<String>,
    #[serde(rename = "OSType")]
    pub(super) os_type: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_found_whatever_else_is_published() {
        let text = r#"{"State":{"ExitCode":3,"OOMKilled":true,"Extra":[]},
            "NetworkSettings":{"Ports":{"80/tcp":null,"8080/tcp":[{"HostIp":"127.0.0.1","HostPort":"32768"}]}}}"#;
        let inspected: Inspected = serde_json::from_str(text).unwrap();
        assert_eq!(inspected.host_port(8080), Some(32768));
        assert_eq!((inspected.host_port(80), inspected.host_port(81)), (None, None));
        assert!(inspected.state.out_of_memory);
        assert_eq!(serde_json::from_str::<Inspected>("{}").unwrap().state, ContainerState::default());
    }
}
