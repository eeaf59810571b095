//! Answers without the secrets that a host repeats.

use std::pin::Pin;
use std::task::{Context, Poll};

use aho_corasick::{AhoCorasick, MatchKind};
use bytes::{Bytes, BytesMut};
use hyper::body::{Body, Frame, SizeHint};
use hyper::header::{HeaderMap, HeaderValue};

use crate::model::{Mask, SecretValue};

/// What stands in the place of each byte of a secret: answers keep their length.
const VEIL: u8 = b'*';

/// Finds secrets in an answer, in every form that they are commonly repeated in, and however it is cut into pieces.
pub(super) struct Veil {
    forms: Vec<zeroize::Zeroizing<String>>,
    finder: AhoCorasick,
    /// The end of what came, where it may be the beginning of a secret.
    held: BytesMut,
}

impl Veil {
    /// Looks for these values; `None` where they are too many to be looked for.
    pub(super) fn new<'a>(values: impl Iterator<Item = &'a SecretValue>) -> Option<Self> {
        let forms: Vec<_> = Mask::new(values).texts().map(|text| zeroize::Zeroizing::new(text.to_owned())).collect();
        let finder =
            AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(forms.iter().map(|f| f.as_bytes()));
        Some(Self { forms, finder: finder.ok()?, held: BytesMut::new() })
    }

    /// Takes a piece, and gives what can be told to be free of secrets by now.
    fn pass(&mut self, piece: &[u8]) -> Bytes {
        self.held.extend_from_slice(piece);
        self.cover();
        let keep = self.beginning();
        self.held.split_to(self.held.len() - keep).freeze()
    }

    /// What is left at the end.
    fn rest(&mut self) -> Bytes {
        self.held.split().freeze()
    }

    fn cover(&mut self) {
        let found: Vec<_> = self.finder.find_iter(&self.held).map(|found| found.range()).collect();
        for place in found {
            self.held[place].fill(VEIL);
        }
    }

    /// How many bytes at the end may be the beginning of a secret.
    fn beginning(&self) -> usize {
        let longest = |form: &str| {
            let most = self.held.len().min(form.len().saturating_sub(1));
            (1..=most).rev().find(|count| self.held.ends_with(&form.as_bytes()[..*count]))
        };
        self.forms.iter().filter_map(|form| longest(form)).max().unwrap_or_default()
    }

    /// Takes the secrets out of headers.
    pub(super) fn headers(&self, headers: &mut HeaderMap) {
        for value in headers.values_mut() {
            if self.finder.is_match(value.as_bytes()) {
                *value = HeaderValue::from_static("***");
            }
        }
    }
}

/// The body of an answer.
pub(super) struct Veiled<B> {
    inner: B,
    veil: Veil,
    ended: bool,
}

impl<B> Veiled<B> {
    pub(super) fn new(inner: B, veil: Veil) -> Self {
        Self { inner, veil, ended: false }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Veiled<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = &mut *self;
        while !this.ended {
            let frame = match std::task::ready!(Pin::new(&mut this.inner).poll_frame(cx)) {
                Some(Ok(frame)) => frame,
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => {
                    this.ended = true;
                    let rest = this.veil.rest();
                    return Poll::Ready((!rest.is_empty()).then(|| Ok(Frame::data(rest))));
                }
            };
            // Headers at the end are for nobody here, and would overtake what is held back.
            let Ok(piece) = frame.into_data() else { continue };
            let passed = this.veil.pass(&piece);
            if !passed.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(passed))));
            }
        }
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        self.veil.held.is_empty() && (self.ended || self.inner.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        let (inner, held) = (self.inner.size_hint(), self.veil.held.len() as u64);
        let mut hint = SizeHint::new();
        hint.set_lower(inner.lower() + held);
        if let Some(upper) = inner.upper() {
            hint.set_upper(upper + held);
        }
        hint
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn veil() -> Veil {
        Veil::new([SecretValue::new("s3cret-value"), SecretValue::new("s3cret-other")].iter()).unwrap()
    }

    fn passed(text: &str, piece: usize) -> String {
        let mut veil = veil();
        let mut out = Vec::new();
        for piece in text.as_bytes().chunks(piece) {
            out.extend_from_slice(&veil.pass(piece));
        }
        out.extend_from_slice(&veil.rest());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_secret_is_covered_however_it_is_cut_into_pieces() {
        let text = "a s3cret-s3cret-value s3cret-vals3cret-other, c3MzY3JldC12YWx1ZQ and s3cret-valu";
        let whole = passed(text, text.len());
        assert!(!whole.contains("s3cret-value") && !whole.contains("s3cret-other"), "{whole}");
        assert!(whole.starts_with("a s3cret-************ s3cret-val************, "), "{whole}");
        assert!(whole.ends_with(" and s3cret-valu") && whole.len() == text.len(), "{whole}");
        for piece in 1..text.len() {
            assert_eq!(passed(text, piece), whole, "{piece}");
        }
    }

    #[test]
    fn what_is_no_secret_passes_at_once() {
        let mut veil = veil();
        assert_eq!(veil.pass(b"data: hello\n\n"), "data: hello\n\n");
        assert_eq!(veil.pass(b"data: s3c"), "data: ");
        assert_eq!(veil.pass(b"ond\n\n"), "s3cond\n\n");
        let mut headers = HeaderMap::new();
        headers.insert("x-you-said", HeaderValue::from_static("Bearer s3cret-value"));
        headers.insert("x-other", HeaderValue::from_static("fine"));
        veil.headers(&mut headers);
        assert_eq!((headers["x-you-said"].as_bytes(), headers["x-other"].as_bytes()), (&b"***"[..], &b"fine"[..]));
    }
}
