//! Headers of a request; their values are never shown.

use std::fmt;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use crate::error::{Error, ErrorKind, Result};

/// Headers of a request; printed without their values.
#[derive(Clone, Default)]
pub(crate) struct HeaderSet(HeaderMap);

impl HeaderSet {
    /// Sets a header.
    ///
    /// # Errors
    /// `InvalidConfig`, naming the header and not its value, when it cannot be sent.
    pub(crate) fn set(&mut self, name: &str, value: &str) -> Result<()> {
        let wrong = |why: &str| Error::new(ErrorKind::InvalidConfig, format!("header `{}` {why}", name.escape_debug()));
        let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong("has a name that cannot be sent"))?;
        let mut value = HeaderValue::from_str(value).map_err(|_| wrong("has a value that cannot be sent"))?;
        value.set_sensitive(true);
        self.0.insert(key, value);
        Ok(())
    }

    pub(super) fn map(&self) -> &HeaderMap {
        &self.0
    }
}

impl fmt::Debug for HeaderSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.keys().map(HeaderName::as_str)).finish()
    }
}

/// Whether a text of a peer can be sent back in a header.
pub(crate) fn is_header_value(text: &str) -> bool {
    HeaderValue::from_str(text).is_ok()
}
