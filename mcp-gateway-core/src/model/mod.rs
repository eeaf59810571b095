//! Plain data that every room shares: names, entries, secrets, limits, decisions, the context of a call.

mod context;
mod decision;
mod delivery;
mod described;
mod entry;
mod host;
mod id;
mod image;
mod limits;
mod log_level;
mod mask;
mod network;
mod package_volume;
mod rule;
mod secret;
mod signer;
mod surface;
mod token;
mod verification;

pub use context::{CallContext, Principal, TraceContext};
pub use decision::{Decision, Effect};
pub use delivery::SecretDelivery;
pub use described::Described;
pub use entry::{
    ConfigEntry, EntryApproval, EnvEntry, Metadata, OAuthEntry, OAuthProvider, ProcessEntry, ProcessPackage,
    RemoteEntry, RemoteTransport, SecretEntry, ServerEntry, ServerKind, ToolContainer, ToolEntry,
};
pub use host::{HostCaller, HostObject};
pub use id::{InstanceId, ProfileName, ServerName, SessionId};
pub use image::{Digest, ImageReference, RegistryLogin};
pub use limits::{Limits, parse_memory};
pub use log_level::LogLevel;
pub(crate) use mask::{MASK, Mask, plain_json, replaced};
pub use network::NetworkRule;
pub(crate) use package_volume::is_package_volume;
#[cfg(any(feature = "catalog-registry", test))]
pub(crate) use package_volume::package_volume;
pub use rule::{
    OneOrMany, Patterns, Pointer, Predicate, Preset, Rule, RuleFault, RuleKind, TimeOfDay, TimeWindow, Weekday, Zone,
    check_rules, idle_rules,
};
pub use secret::SecretValue;
pub use signer::{Signer, VerifyMode, VerifyRule};
pub use surface::{Definition, Surface};
pub(crate) use token::find_tokens;
pub use token::token_kinds;
pub use verification::{Verification, VerificationLevel};
