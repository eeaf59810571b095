//! The names that the HTTP transports use.

/// Headers of the HTTP transports, in lower case.
pub mod header {
    /// The session that a request belongs to.
    pub const SESSION_ID: &str = "mcp-session-id";
    /// The version that was negotiated.
    pub const PROTOCOL_VERSION: &str = "mcp-protocol-version";
    /// The method of a request (stateless era).
    pub const METHOD: &str = "mcp-method";
    /// What a request is about (stateless era).
    pub const NAME: &str = "mcp-name";
    /// What the names of headers that repeat an argument begin with (stateless era).
    pub const PARAM_PREFIX: &str = "mcp-param-";
    /// The event after which a stream goes on.
    pub const LAST_EVENT_ID: &str = "last-event-id";
}

/// What a client accepts as the answer to a message.
pub const ACCEPT_ANSWER: &str = "application/json, text/event-stream";

/// The media type of event streams.
pub const EVENT_STREAM: &str = "text/event-stream";

/// The event of HTTP+SSE that tells where messages are to be posted.
pub const ENDPOINT_EVENT: &str = "endpoint";

/// The event that carries a message.
pub const MESSAGE_EVENT: &str = "message";

/// Headers that belong to HTTP or to the protocol, so that no configuration may set them.
const OWNED: [&str; 18] = [
    "accept",
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    header::METHOD,
    header::NAME,
    header::SESSION_ID,
    header::LAST_EVENT_ID,
];

/// Whether a header belongs to HTTP or to the protocol itself.
pub fn is_owned_header(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    OWNED.contains(&name.as_str()) || name == header::PROTOCOL_VERSION || name.starts_with(header::PARAM_PREFIX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_the_protocol_are_known_in_any_case() {
        for name in ["Host", "CONTENT-LENGTH", "Mcp-Session-Id", "MCP-Protocol-Version", "Mcp-Param-x"] {
            assert!(is_owned_header(name), "{name}");
        }
        for name in ["Authorization", "X-Api-Key", "Cookie", "User-Agent", "Mcp-Custom"] {
            assert!(!is_owned_header(name), "{name}");
        }
    }
}
