//! The answer to one request: a JSON body, or an event stream that may break and be taken up again.

use bytes::Bytes;

use super::events::{EventStream, Position};
use super::inbox::{Answered, Inbox, parse_messages};
use super::{Session, Wire};
use crate::error::{Error, ErrorKind, Fault, Result};
use crate::protocol::RequestId;
use crate::util::http::HttpResponse;

/// How often in a row a broken stream is taken up again in vain.
const MAX_RESUMES: u32 = 5;

/// What a server said to a request, and the rest of the stream that it said it on.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) result: Answered,
    pub(super) rest: Option<EventStream>,
}

/// Reads the answer to a request; other messages that come with it are handed on.
///
/// # Errors
/// `Protocol` when it is none, `TooLarge`, `Network` when the connection broke and cannot be taken up again.
pub(super) async fn read(
    wire: &Wire,
    session: &Session,
    response: HttpResponse,
    id: &RequestId,
    inbox: &Inbox,
) -> Result<Answer> {
    if EventStream::is_one(&response) {
        let stream = EventStream::new(response, wire.max_message_bytes(), None);
        read_stream(wire, session, stream, id, inbox).await
    } else {
        let result = read_body(wire, response, id, inbox).await?;
        Ok(Answer { result, rest: None })
    }
}

async fn read_body(wire: &Wire, mut response: HttpResponse, id: &RequestId, inbox: &Inbox) -> Result<Answered> {
    let wrong = |why: String| Error::new(ErrorKind::Protocol, why);
    let media_type = wire.excerpt(response.media_type().as_bytes());
    let is_json = media_type.ends_with("/json") || media_type.ends_with("+json") || media_type.is_empty();
    if !is_json {
        let body = wire.refusal(response).await;
        let error = wrong(format!("server answered with `{media_type}` instead of JSON or an event stream"));
        return Err(if body.excerpt.is_empty() { error } else { error.with_context("body", body.excerpt) });
    }
    let body = Bytes::from(response.body(wire.max_message_bytes()).await?);
    if body.trim_ascii().is_empty() {
        return Err(wrong(format!("server answered HTTP {} without the answer to the request", response.status())));
    }
    let messages = parse_messages(&body).map_err(|error| error.with_context("body", wire.excerpt(&body)))?;
    inbox
        .sort(messages, id)
        .await?
        .ok_or_else(|| wrong("server answered another request than the one asked".to_owned()))
}

async fn read_stream(
    wire: &Wire,
    session: &Session,
    mut stream: EventStream,
    id: &RequestId,
    inbox: &Inbox,
) -> Result<Answer> {
    let mut failures = 0;
    loop {
        let cause = match stream.next().await {
            Ok(Some(event)) => {
                failures = 0;
                if let Some(result) = inbox.sort_event(&event, id).await? {
                    return Ok(Answer { result, rest: Some(stream) });
                }
                continue;
            }
            Ok(None) => None,
            Err(error) if error.kind() == ErrorKind::Network => Some(error),
            Err(error) => return Err(error),
        };
        stream = resume(wire, session, stream.position(), &mut failures, cause).await?;
    }
}

/// Takes up a stream that ended before the answer came.
async fn resume(
    wire: &Wire,
    session: &Session,
    position: Position,
    failures: &mut u32,
    cause: Option<Error>,
) -> Result<EventStream> {
    let mut cause = cause.unwrap_or_else(|| {
        // The call may have had its effect, so that it is the caller who has to decide about a retry.
        Error::new(ErrorKind::Network, "server closed the stream before the answer came").with_fault(Fault::Server)
    });
    let Some(last_id) = position.last_id.clone() else { return Err(cause) };
    while *failures < MAX_RESUMES {
        tokio::time::sleep(position.delay(*failures)).await;
        *failures += 1;
        match wire.get(session, Some(&last_id)).await {
            Ok(response) if EventStream::is_one(&response) => {
                return Ok(EventStream::new(response, wire.max_message_bytes(), Some(last_id)));
            }
            Ok(response) => {
                let refusal = wire.refusal(response).await;
                if !refusal.is_temporary() {
                    return Err(cause.with_context("resuming", format!("server answered HTTP {}", refusal.status())));
                }
                cause = refusal.into_error();
            }
            Err(error) => cause = error,
        }
    }
    Err(cause)
}
