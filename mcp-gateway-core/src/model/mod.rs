//! Plain data that every room shares: names, entries, secrets, limits, decisions, the context of a call.

mod context;
mod decision;
mod entry;
mod host;
mod id;
mod image;
mod limits;
mod log_level;
mod network;
mod secret;
mod surface;

pub use context::{CallContext, Principal, TraceContext};
pub use decision::{Decision, Effect};
pub use entry::{
    ConfigEntry, EnvEntry, Metadata, OAuthEntry, OAuthProvider, ProcessEntry, ProcessPackage, RemoteEntry,
    RemoteTransport, SecretEntry, ServerEntry, ServerKind, ToolContainer, ToolEntry,
};
pub use host::{HostCaller, HostObject};
pub use id::{InstanceId, ProfileName, ServerName, SessionId};
pub use image::{Digest, ImageReference};
pub use limits::{Limits, parse_memory};
pub use log_level::LogLevel;
pub use network::NetworkRule;
pub use secret::SecretValue;
pub use surface::{Definition, Surface};
