//! Event streams as they come over HTTP.

use std::time::Duration;

use super::super::event_stream::{Event, EventDecoder};
use crate::error::Result;
use crate::protocol::http::EVENT_STREAM;
use crate::util::http::HttpResponse;

/// An event stream under way.
#[derive(Debug)]
pub(in crate::transport::client) struct EventStream {
    response: HttpResponse,
    decoder: EventDecoder,
}

impl EventStream {
    /// Whether an answer is an event stream.
    pub(in crate::transport::client) fn is_one(response: &HttpResponse) -> bool {
        (200..300).contains(&response.status()) && response.media_type() == EVENT_STREAM
    }

    /// Reads an answer as events; `last_id` is the event after which it goes on.
    pub(in crate::transport::client) fn new(response: HttpResponse, max_bytes: usize, last_id: Option<String>) -> Self {
        Self { response, decoder: EventDecoder::new(max_bytes, last_id) }
    }

    /// The next event; `None` at the end.
    ///
    /// # Errors
    /// `TooLarge` for an event over the bound, `Network` when the connection broke.
    pub(in crate::transport::client) async fn next(&mut self) -> Result<Option<Event>> {
        loop {
            if let Some(event) = self.decoder.next_event()? {
                return Ok(Some(event));
            }
            match self.response.chunk().await? {
                Some(chunk) => self.decoder.push(&chunk),
                None => return Ok(None),
            }
        }
    }

    /// Where to go on when the stream has ended.
    pub(super) fn position(&self) -> Position {
        Position { last_id: self.decoder.last_id().map(str::to_owned), retry: self.decoder.retry() }
    }

    /// Where the stream came from, after redirects.
    pub(in crate::transport::client) fn url(&self) -> &url::Url {
        self.response.url()
    }
}

/// Where a stream goes on after it has ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Position {
    /// The last event that was seen.
    pub(super) last_id: Option<String>,
    /// How long the server wants to be left alone first.
    pub(super) retry: Option<Duration>,
}

impl Position {
    /// How long to wait before the attempt that follows `failures` failures in a row.
    pub(super) fn delay(&self, failures: u32) -> Duration {
        const SHORTEST: Duration = Duration::from_millis(100);
        const USUAL: Duration = Duration::from_secs(1);
        const LONGEST: Duration = Duration::from_secs(30);
        let first = self.retry.unwrap_or(USUAL).clamp(SHORTEST, LONGEST);
        first.saturating_mul(1 << failures.min(8)).min(LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_follow_the_server_and_grow_up_to_a_bound() {
        let usual = Position::default();
        assert_eq!(usual.delay(0), Duration::from_secs(1));
        assert_eq!(usual.delay(2), Duration::from_secs(4));
        assert_eq!(usual.delay(u32::MAX), Duration::from_secs(30));
        let eager = Position { retry: Some(Duration::ZERO), ..usual.clone() };
        assert_eq!(eager.delay(0), Duration::from_millis(100));
        let never = Position { retry: Some(Duration::MAX), ..usual };
        assert_eq!(never.delay(0), Duration::from_secs(30));
    }
}
