//! Secrets that a person types or a program pipes in; never from the command line, never echoed.

use std::io::{self, IsTerminal as _, Read as _};

use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind, Result};
use crate::model::SecretValue;

/// The largest secret: 64 KiB.
const MAX_BYTES: u64 = 64 * 1024;

/// Reads a secret: from the terminal without echo, or from standard input to its end.
///
/// One line break at the end does not belong to the value.
///
/// # Errors
/// `InvalidInput` when it is empty, too large or no UTF-8; `Io`.
pub(crate) fn secret(what: &str) -> Result<SecretValue> {
    let text = if io::stdin().is_terminal() {
        rpassword::prompt_password(format!("{what}: ")).map_err(unreadable)?
    } else {
        piped()?
    };
    if text.is_empty() {
        return Err(Error::new(ErrorKind::InvalidInput, "the secret is empty, so nothing was stored")
            .with_hint("type the value at the prompt, or pipe it in: `command | mcp-gateway …`"));
    }
    Ok(SecretValue::new(text))
}

fn piped() -> Result<String> {
    // Full size from the start: a buffer that grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_BYTES as usize + 1));
    io::stdin().lock().take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(Error::new(ErrorKind::InvalidInput, "the secret is larger than 64 KiB"));
    }
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| Error::new(ErrorKind::InvalidInput, "the secret is not valid UTF-8"))?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    Ok(text.strip_suffix('\r').unwrap_or(text).to_owned())
}

fn unreadable(cause: io::Error) -> Error {
    Error::new(ErrorKind::Io, "cannot read the secret").with_source(cause)
}
