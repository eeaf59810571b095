//! What a person has typed into a form, in no more copies than it takes.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use futures_util::StreamExt as _;
use zeroize::Zeroizing;

use crate::model::SecretValue;

/// The largest form, in bytes, and the most fields.
const MAX_BYTES: usize = 64 * 1024;
const MAX_FIELDS: usize = 64;
/// How long a browser may take to send it.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Why a form is not taken.
type Refused = (StatusCode, &'static str);

/// Reads the fields of a form with their names.
pub(super) async fn read(headers: &HeaderMap, body: Body) -> Result<Vec<(String, SecretValue)>, Refused> {
    let content = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media = content.split(';').next().unwrap_or_default().trim();
    if !media.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, "this is not the form of the page"));
    }
    let bytes = tokio::time::timeout(TIMEOUT, collect(body))
        .await
        .map_err(|_| (StatusCode::REQUEST_TIMEOUT, "the form did not come in time"))??;
    fields(&bytes).ok_or((StatusCode::BAD_REQUEST, "the form cannot be read"))
}

async fn collect(body: Body) -> Result<Zeroizing<Vec<u8>>, Refused> {
    // As large as it may become, for what has to grow leaves its content behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_BYTES));
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| (StatusCode::BAD_REQUEST, "the form could not be read"))?;
        if bytes.len() + chunk.len() > MAX_BYTES {
            return Err((StatusCode::PAYLOAD_TOO_LARGE, "the form is too large"));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn fields(form: &[u8]) -> Option<Vec<(String, SecretValue)>> {
    let mut fields = Vec::new();
    for pair in form.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
        let at = pair.iter().position(|byte| *byte == b'=')?;
        if fields.len() == MAX_FIELDS {
            return None;
        }
        fields.push((decode(&pair[..at])?, SecretValue::new(decode(&pair[at + 1..])?)));
    }
    Some(fields)
}

/// A text as it was before it was written into a form.
fn decode(text: &[u8]) -> Option<String> {
    let mut decoded = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text;
    while let [byte, after @ ..] = rest {
        rest = after;
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let [high, low, after @ ..] = after else { return None };
                rest = after;
                digit(*high)? << 4 | digit(*low)?
            }
            byte => *byte,
        });
    }
    // Looked at before it is moved: what is no text is wiped, too.
    std::str::from_utf8(&decoded).ok()?;
    String::from_utf8(std::mem::take(&mut *decoded)).ok()
}

fn digit(hex: u8) -> Option<u8> {
    u8::try_from(char::from(hex).to_digit(16)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_read_as_it_was_typed() {
        let read = fields(b"secret-0=a%2Bb+c%26%3D%C3%A9&secret-1=").unwrap();
        let read: Vec<_> = read.iter().map(|(name, value)| (name.as_str(), value.expose())).collect();
        assert_eq!(read, [("secret-0", "a+b c&=é"), ("secret-1", "")]);
        assert_eq!(fields(b"").unwrap(), []);
        for bad in ["a", "a=%", "a=%2", "a=%zz", "a=%ff", "%ff=a"] {
            assert!(fields(bad.as_bytes()).is_none(), "{bad}");
        }
        assert!(fields("a=b&".repeat(MAX_FIELDS + 1).as_bytes()).is_none());
    }
}
