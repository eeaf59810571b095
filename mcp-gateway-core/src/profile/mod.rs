#![doc = include_str!("docs.md")]

mod approval;
mod approved;
mod audit;
mod bundle;
mod delivery;
mod diff;
mod dynamic;
mod extract;
mod file;
mod lock;
mod memory;
mod oauth;
mod pin;
mod policy;
mod profiles;
mod quota;
mod redaction;
mod spec;
mod store;
mod surfaces;
mod template;
#[cfg(test)]
mod tests;
mod toolkit;
mod validate;
mod verify;
mod yaml;

use std::fmt;
use std::path::Path;

use async_trait::async_trait;

use crate::error::Result;
use crate::model::{ProfileName, ServerName};

pub use crate::model::Rule as PolicyRuleSpec;
pub use approval::{ApprovalSpec, PendingWord, WebhookSpec};
pub use approved::ApprovedSurface;
pub use audit::{AuditDurability, AuditSpec, OnOverload, RotateSpec};
pub use bundle::{NeededSecret, ProfileBundle};
pub use delivery::DeliverySpec;
pub use diff::{ProfileChange, ProfileDiff};
pub use dynamic::{DynamicSpec, SaveWord};
pub use file::FileProfile;
pub use lock::{NameTable, ProfileLock, ServerLock};
pub use memory::MemoryProfile;
pub use oauth::{OAuthGrant, OAuthSpec};
pub use pin::{Acceptance, PinnedItem, SurfacePin};
pub(crate) use pin::{INSTRUCTIONS, SurfaceItem};
pub use policy::PolicySpec;
pub use profiles::{MemoryProfiles, Profiles};
pub use quota::{QuotaSpec, Rate};
pub use redaction::{RedactionMode, RedactionSpec};
pub use spec::{Isolation, LimitsSpec, NetworkSpec, NetworkWord, ProfileSpec, ServerSpec, parse_duration};
pub use store::ProfileStore;
pub use surfaces::{FlaggedWord, SurfaceHold, SurfaceWord, SurfacesSpec};
pub use template::ProfileTemplate;
pub use toolkit::Toolkit;
pub use verify::VerifySpec;

/// A change to a profile's specification; run while no other writer can change it.
pub type SpecChange<'a> = Box<dyn FnOnce(&mut ProfileSpec) -> Result<()> + Send + 'a>;

/// A change to a profile's lock; run while no other writer can change it.
pub type LockChange<'a> = Box<dyn FnOnce(&mut ProfileLock) -> Result<()> + Send + 'a>;

/// A profile: what a person writes, and what the gateway pinned for it.
///
/// # Behavior
/// - A change that fails leaves everything as it was.
/// - Changes by several writers happen one after the other; none is lost.
#[async_trait]
pub trait Profile: fmt::Debug + Send + Sync + 'static {
    /// The profile's name.
    fn name(&self) -> &ProfileName;

    /// The folder that relative paths in it start from; `None` for the one that the process is in.
    fn folder(&self) -> Option<&Path> {
        None
    }

    /// What a person wrote.
    ///
    /// # Errors
    /// `NotFound` when the profile was deleted, `InvalidConfig` when it is broken, `Io`.
    async fn spec(&self) -> Result<ProfileSpec>;

    /// Changes what a person wrote.
    ///
    /// # Errors
    /// What `change` says, `InvalidInput` for another name, `InvalidConfig` for values that cannot be right,
    /// `Conflict` when another writer does not finish, `Io`.
    async fn update(&self, change: SpecChange<'_>) -> Result<ProfileSpec>;

    /// What it would say with a server more, or with other settings of one that it has; nothing is changed.
    ///
    /// # Errors
    /// As [`spec`](Self::spec), and `InvalidConfig` for values that cannot be right.
    async fn spec_with(&self, server: &ServerName, settings: ServerSpec) -> Result<ProfileSpec> {
        let mut spec = self.spec().await?;
        spec.servers.insert(server.clone(), settings);
        spec.validate()?;
        Ok(spec)
    }

    /// Keeps what [`update`](Self::update) has made of a server, or that it is gone, for later runs; nothing is left to be
    /// done where that is kept already, or the profile ends with its run.
    ///
    /// # Errors
    /// As [`update`](Self::update).
    async fn keep_server(&self, _server: &ServerName, _settings: Option<&ServerSpec>) -> Result<()> {
        Ok(())
    }

    /// What the gateway pinned; empty where nothing was.
    ///
    /// # Errors
    /// `InvalidConfig` when the lock is broken, `Io`.
    async fn lock(&self) -> Result<ProfileLock>;

    /// Changes what the gateway pinned.
    ///
    /// # Errors
    /// What `change` says, `Conflict` when another writer does not finish, `Io`.
    async fn update_lock(&self, change: LockChange<'_>) -> Result<ProfileLock>;
}
