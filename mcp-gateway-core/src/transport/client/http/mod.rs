//! Streamable HTTP.

mod config;

use std::sync::Arc;

use super::{Connection, Diagnostics};
use crate::error::{Error, ErrorKind, Result};

pub use config::HttpConfig;

/// Speaks streamable HTTP; nothing is sent before the first message.
///
/// # Errors
/// `InvalidConfig` when the address or a header cannot be right, `Network` when the address must not be reached.
pub fn connect_http(config: HttpConfig, diagnostics: Arc<Diagnostics>) -> Result<Connection> {
    let _ = (config, diagnostics);
    Err(Error::new(ErrorKind::Unsupported, "streamable HTTP is not served yet"))
}
