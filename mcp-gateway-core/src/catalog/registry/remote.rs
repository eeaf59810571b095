//! Remotes of a `server.json`: servers that run elsewhere.

use super::document::Remote;
use super::draft::{Draft, unusable};
use crate::error::Result;
use crate::model::{RemoteEntry, RemoteTransport, ServerEntry, ServerKind};

/// Headers that are the connection's and the protocol's own.
const RESERVED: [&str; 11] = [
    "accept",
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "host",
    "last-event-id",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Fills an entry with where a server is.
///
/// # Errors
/// `Unsupported` with the reason why it cannot be reached from here.
pub(super) fn remote(remote: &Remote, draft: &mut Draft, entry: &mut ServerEntry) -> Result<String> {
    let transport = match remote.kind.as_str() {
        "streamable-http" | "streamable" => RemoteTransport::StreamableHttp,
        "sse" => RemoteTransport::Sse,
        other => return Err(unusable(format!("transport `{}` is not known", other.escape_debug()))),
    };
    if !remote.url.starts_with("https://") && !remote.url.starts_with('{') {
        return Err(unusable("its address is not `https`"));
    }
    let url = draft.template(&remote.url, &remote.variables)?;
    if url.has_secret {
        return Err(unusable("its address holds a secret, and addresses are shown and recorded"));
    }
    let mut described = RemoteEntry::new(url.text, transport);
    for header in &remote.headers {
        check_header(&header.name)?;
        let value = draft.text(&header.name, &header.input)?;
        if described.headers.insert(header.name.clone(), value.text).is_some() {
            return Err(unusable(format!("header `{}` is described twice", header.name)));
        }
    }
    entry.kind = ServerKind::Remote;
    entry.remote = Some(described);
    Ok("remote".to_owned())
}

fn check_header(name: &str) -> Result<()> {
    let folded = name.to_ascii_lowercase();
    let valid = !name.is_empty()
        && name.len() <= 128
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    let reserved = RESERVED.contains(&folded.as_str())
        || ["mcp-", "proxy-", "sec-"].iter().any(|prefix| folded.starts_with(prefix));
    if valid && !reserved {
        return Ok(());
    }
    Err(unusable(format!("header `{}` is not for a server's publisher to set", name.escape_debug())))
}
