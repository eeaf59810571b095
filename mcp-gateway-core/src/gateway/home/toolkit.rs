//! Files of Docker's toolkit, put into the profile of a run.

use std::path::Path;

use super::options::OpenOptions;
use crate::catalog::Diagnostic;
use crate::error::Result;
use crate::model::ServerName;
use crate::profile::{ProfileSpec, Toolkit};
use crate::util::fs;

/// Puts the files that the options name into a profile; gives the servers that `registry.yaml` enables, where it is named.
pub(super) fn apply(spec: &mut ProfileSpec, options: &OpenOptions) -> Result<Option<Vec<ServerName>>> {
    let mut toolkit = Toolkit::new();
    read(options.registry.as_deref(), |file, text| toolkit.read_registry(file, text))?;
    read(options.config.as_deref(), |file, text| toolkit.read_config(file, text))?;
    read(options.tools_config.as_deref(), |file, text| toolkit.read_tools(file, text))?;
    // Servers that only the options name have configuration values and tools of these files, too.
    for name in options.servers.iter().flatten() {
        spec.servers.entry(name.clone()).or_default();
    }
    toolkit.apply(spec);
    Ok(options.registry.as_ref().map(|_| toolkit.servers))
}

fn read(path: Option<&Path>, take: impl FnOnce(&str, &str) -> Result<Vec<Diagnostic>>) -> Result<()> {
    let Some(path) = path else { return Ok(()) };
    for warning in take(&path.display().to_string(), &fs::read_to_string(path)?)? {
        tracing::warn!(%warning, "file of the toolkit");
    }
    Ok(())
}
