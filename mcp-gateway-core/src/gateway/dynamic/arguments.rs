//! What the gateway's own tools are told.

use indexmap::IndexMap;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::{Error, ErrorKind, Result};
use crate::model::{ProfileName, ServerName};
use crate::protocol::{RawJson, ServerChange};

/// A server, and how it is to be.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    pub(super) server: ServerName,
    /// The profile that the change is to be kept in; without it, it ends with the session.
    #[serde(default)]
    pub(super) profile: Option<ProfileName>,
    #[serde(default)]
    pub(super) config: IndexMap<String, Value>,
    /// The profile that has it as it is to be added.
    #[serde(default)]
    pub(super) from: Option<ProfileName>,
}

impl Wanted {
    /// Reads what a change is about.
    ///
    /// # Errors
    /// As [`read`], and `InvalidInput` for what is no part of this change.
    pub(super) fn read(change: ServerChange, arguments: &RawJson) -> Result<Self> {
        let wanted: Self = read(change.tool(), arguments)?;
        if wanted.from.is_some() && change != ServerChange::Add {
            return Err(Error::new(ErrorKind::InvalidInput, format!("`{}` takes no `from`", change.tool()))
                .with_hint(format!("see the input schema of `{}`", change.tool())));
        }
        Ok(wanted)
    }
}

/// Another profile.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Named {
    pub(super) profile: ProfileName,
    #[serde(default)]
    pub(super) description: Option<String>,
}

/// What is searched for.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sought {
    pub(super) query: String,
    #[serde(default)]
    pub(super) category: Option<String>,
    #[serde(default)]
    pub(super) source: Option<String>,
    #[serde(default)]
    pub(super) limit: Option<usize>,
    #[serde(default)]
    pub(super) detail: Detail,
}

/// How much is told of a tool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Detail {
    /// Its name and one line.
    #[default]
    Summary,
    /// Its input schema, too.
    Schema,
}

/// Nothing.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

/// Reads arguments.
///
/// # Errors
/// `InvalidInput`, saying which one is wrong.
pub(super) fn read<T: DeserializeOwned>(tool: &'static str, arguments: &RawJson) -> Result<T> {
    // Read as an object first: a key that stands twice is refused then.
    arguments.object()?;
    serde_json::from_str(arguments.get()).map_err(|cause| {
        Error::new(ErrorKind::InvalidInput, format!("arguments of `{tool}` cannot be used: {cause}"))
            .with_hint(format!("see the input schema of `{tool}`"))
    })
}
