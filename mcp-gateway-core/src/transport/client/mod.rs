//! Connections to servers.

mod authorization;
mod connection;
mod diagnostics;
#[cfg(any(feature = "__http-client", fuzzing))]
mod event_stream;
#[cfg(fuzzing)]
pub mod fuzzing;
#[cfg(feature = "__http-client")]
mod http;
mod memory;
mod peer;
#[cfg(feature = "__http-client")]
mod sse;
mod stream;
pub use super::lines::LineDecoder;
pub use authorization::{Authorization, TokenRefusal};
pub use connection::{Connection, Incoming, MessageSink};
pub use diagnostics::Diagnostics;
#[cfg(all(test, feature = "runtime-remote"))]
pub(crate) use http::testing;
#[cfg(feature = "__http-client")]
pub use http::{HttpConfig, connect_http};
pub use memory::memory_pair;
pub use peer::{Caller, Cause, Greeting, Listening, Peer, PeerRequest, ServerEvents};
#[cfg(feature = "__http-client")]
pub use sse::connect_sse;
pub use stream::{INCOMING_CAPACITY, connect_stream, deliver_line, line_sink};
