//! The reader of event streams, as the fuzz targets reach it.

use std::time::Duration;

use super::event_stream::EventDecoder;

/// What a stream was read as.
#[derive(Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReadEvents {
    /// The name and the data of each event.
    pub events: Vec<(String, Vec<u8>)>,
    /// The id to go on after.
    pub last_id: Option<String>,
    /// How long the server wants to be left alone.
    pub retry: Option<Duration>,
    /// Whether reading ended at an event over the bound.
    pub is_too_large: bool,
}

/// Reads a stream that comes in chunks.
pub fn read_events<'a>(chunks: impl IntoIterator<Item = &'a [u8]>, max_bytes: usize) -> ReadEvents {
    let mut decoder = EventDecoder::new(max_bytes, None);
    let mut read = ReadEvents::default();
    'stream: for chunk in chunks {
        decoder.push(chunk);
        loop {
            match decoder.next_event() {
                Ok(Some(event)) => read.events.push((event.name, event.data.into())),
                Ok(None) => break,
                Err(_) => {
                    read.is_too_large = true;
                    break 'stream;
                }
            }
        }
    }
    read.last_id = decoder.last_id().map(str::to_owned);
    read.retry = decoder.retry();
    read
}
