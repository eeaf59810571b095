//! The text of profiles: read with places, written for people.

use std::path::Path;

use super::validate::faults;
use super::{ProfileLock, ProfileSpec};
use crate::catalog::{Node, Position, Problems, joined, typed};
use crate::error::{Error, ErrorKind, Result};
use crate::model::ProfileName;

impl ProfileSpec {
    /// Reads and checks the text of a profile's file; `file` names it in messages.
    ///
    /// # Errors
    /// `InvalidConfig` with file and line.
    pub fn parse(file: &str, text: &str) -> Result<Self> {
        read(file, text)
    }
}

/// Reads and checks a profile's text; `file` names it in messages.
pub(super) fn read(file: &str, text: &str) -> Result<ProfileSpec> {
    let spec: ProfileSpec = typed(file, text).map_err(|diagnostic| diagnostic.into_error())?;
    let faults = faults(&spec);
    if faults.is_empty() {
        return Ok(spec);
    }
    let root = Node::parse(file, text).map_err(|diagnostic| diagnostic.into_error())?;
    let problems = Problems::new(file);
    for fault in faults {
        let at = place(&root, &fault.path);
        problems.error(at, format!("`{}`: {}", fault.path.join("."), fault.message), fault.hint);
    }
    Err(joined(problems.take_errors()).unwrap_or_else(|| Error::new(ErrorKind::Internal, "no fault to report")))
}

/// Where the value is that the keys lead to; the nearest that is found, where not all of them are.
fn place(root: &Node, path: &[String]) -> Position {
    let mut node = root;
    for key in path {
        let Some(inner) = node.get(key).or_else(|| node.item(key.parse().ok()?)) else { break };
        node = inner;
    }
    node.at
}

/// Writes a profile as a person would.
pub(super) fn write(spec: &ProfileSpec) -> Result<String> {
    let options = serde_saphyr::ser_options! { prefer_block_scalars: false };
    serde_saphyr::to_string_with_options(spec, options)
        .map_err(|cause| Error::new(ErrorKind::Internal, "profile cannot be written").with_source(cause))
}

/// Reads a lock's text.
pub(super) fn read_lock(file: &Path, text: &str) -> Result<ProfileLock> {
    serde_json::from_str(text).map_err(|cause| {
        Error::new(ErrorKind::InvalidConfig, "profile's lock is broken")
            .with_context("file", format!("{}:{}:{}", file.display(), cause.line(), cause.column()))
            .with_hint("restore it from version control, or remove it: it is recorded anew, and pins are taken anew")
            .with_source(cause)
    })
}

/// Writes a lock so that each recorded definition is a line of its own and a change of it is one line of a diff.
pub(super) fn write_lock(lock: &ProfileLock) -> Result<String> {
    let text = serde_json::to_string_pretty(lock)
        .map_err(|cause| Error::new(ErrorKind::Internal, "profile's lock cannot be written").with_source(cause))?;
    Ok(text + "\n")
}

/// A file must say the name that it is found by.
pub(super) fn check_name(spec: &ProfileSpec, name: &ProfileName, file: &Path) -> Result<()> {
    if spec.name == *name {
        return Ok(());
    }
    let message = format!("profile says `name: {}`, but its file is called `{name}`", spec.name);
    Err(Error::new(ErrorKind::InvalidConfig, message)
        .with_context("file", file.display())
        .with_hint("change one of the two"))
}
