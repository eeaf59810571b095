//! MCP messages as the gateway needs them, with JSON kept raw.
//!
//! # Architecture invariant
//! This is the only room that knows protocol versions.

mod canonical;
mod capabilities;
mod error_code;
mod handshake;
pub mod http;
mod line;
mod link;
mod list;
mod message;
mod own;
mod raw;
mod request;
mod scan;
mod shape;
pub mod stateless;
pub mod tasks;
mod version;

pub use capabilities::ClientCapabilities;
pub use error_code::{RpcError, code};
pub use handshake::{ClientHello, ServerHello};
pub(crate) use line::Line;
pub use link::ClientLink;
pub use list::ListPage;
pub use message::{Message, RequestId};
pub use own::{GATEWAY, GATEWAY_TOOLS, ServerChange};
pub(crate) use raw::may_hold;
pub use raw::{RawJson, RawObject};
pub use request::{ListKind, Request, RequestKind, Response, Target};
pub use shape::check_shape;
pub use version::{Era, ProtocolVersion};
