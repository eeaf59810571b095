//! A connection that never leaves the process.

use std::sync::Arc;

use tokio::io::DuplexStream;

use super::{Connection, Diagnostics, connect_stream};

/// A connection and the two byte streams that a server in this process reads from and writes to.
pub fn memory_pair(max_message_bytes: usize) -> (Connection, DuplexStream) {
    let (near, far) = tokio::io::duplex(64 * 1024);
    let (read, write) = tokio::io::split(near);
    (connect_stream(read, write, max_message_bytes, Arc::new(Diagnostics::default())), far)
}
