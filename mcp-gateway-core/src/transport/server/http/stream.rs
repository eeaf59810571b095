//! A reader's events as an HTTP response.

use std::convert::Infallible;
use std::time::Duration;

use axum::http::{HeaderValue, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::Stream;

use super::event_log::{Reader, event_id};
use crate::protocol::http::MESSAGE_EVENT;

/// How often a silent stream shows that it lives.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The events of a reader, each with an id; `held` lives as long as the client stays.
pub(super) fn events<H: Send + 'static>(
    reader: Reader,
    held: H,
) -> impl Stream<Item = Result<Event, Infallible>> + Send {
    futures_util::stream::unfold((reader, held), |(mut reader, held)| async {
        let event = reader.next().await?;
        let id = event_id(reader.stream(), event.number);
        Some((Ok(Event::default().id(id).event(MESSAGE_EVENT).data(event.data)), (reader, held)))
    })
}

/// Events as they come.
pub(super) fn respond(events: impl Stream<Item = Result<Event, Infallible>> + Send + 'static) -> Response {
    let mut response = Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Proxies that collect output would hold events back.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}
