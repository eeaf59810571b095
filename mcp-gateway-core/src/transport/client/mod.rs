//! Connections to servers.

mod connection;
mod diagnostics;
mod memory;
mod peer;
mod stream;

pub use connection::{Connection, MessageSink};
pub use diagnostics::Diagnostics;
pub use memory::memory_pair;
pub use peer::{Peer, PeerRequest, ServerEvents};
pub use stream::{INCOMING_CAPACITY, connect_stream, deliver_line};
