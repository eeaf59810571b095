//! A value in parts: in messages one after the other, and in neighbouring texts of one result.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use zeroize::Zeroizing;

use crate::model::{MASK, Mask, replaced};
use crate::protocol::{RawJson, RawObject};

/// The end of what a stream of texts has said so far, as long as a value can be.
#[derive(Default)]
pub(crate) struct Carry(Mutex<Zeroizing<String>>);

impl Carry {
    /// The next text without what completes a value that began in earlier ones; `None` where there is none.
    pub(super) fn next(&self, mask: &Mask, text: &str) -> Option<String> {
        if mask.longest() == 0 {
            return None;
        }
        let mut carried = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let border = carried.len();
        let mut joined = Zeroizing::new(String::with_capacity(border + text.len()));
        joined.push_str(&carried);
        joined.push_str(text);
        let end = mask.find(&joined, false).iter().filter(|place| place.start < border).map(|place| place.end).max();
        let kept = joined.len().saturating_sub(mask.longest());
        let kept = (kept..=joined.len()).find(|at| joined.is_char_boundary(*at)).unwrap_or(joined.len());
        *carried = Zeroizing::new(joined[kept..].to_owned());
        end.filter(|end| *end > border).map(|end| format!("{MASK}{}", &joined[end..]))
    }
}

impl std::fmt::Debug for Carry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Carry(***)")
    }
}

/// The lists of a result whose texts a client may put together.
const LISTS: [&str; 2] = ["content", "contents"];

/// The result without values that stand across several of its texts; `None` where there are none.
pub(super) fn cut_seams(mask: &Mask, result: &RawJson) -> Option<RawJson> {
    // One text has no neighbour; both its key and its type say `"text"`.
    if mask.longest() == 0 || memchr::memmem::find_iter(result.get().as_bytes(), "\"text\"").nth(2).is_none() {
        return None;
    }
    let mut object = result.object().ok()?;
    let mut is_cut = false;
    for key in LISTS {
        let Some(items) = object.get(key).and_then(|list| list.items().ok()) else { continue };
        if let Some(items) = cut_items(mask, items) {
            object.set(key, RawJson::from_value(&items).ok()?);
            is_cut = true;
        }
    }
    is_cut.then(|| object.to_raw())
}

/// A text of a list: whose it is, and where it stands in all of them joined.
struct Piece {
    item: usize,
    object: RawObject,
    text: String,
}

fn cut_items(mask: &Mask, mut items: Vec<RawJson>) -> Option<Vec<RawJson>> {
    let mut pieces = Vec::new();
    for (item, raw) in items.iter().enumerate() {
        let Ok(object) = raw.object() else { continue };
        if let Some(text) = object.text("text") {
            pieces.push(Piece { item, object, text });
        }
    }
    if pieces.len() < 2 {
        return None;
    }
    let joined = Zeroizing::new(pieces.iter().map(|piece| piece.text.as_str()).collect::<String>());
    let found = mask.find(&joined, false);
    let mut from = 0;
    for piece in &mut pieces {
        let (start, end) = (from, from + piece.text.len());
        from = end;
        let within = |place: &Range<usize>| place.start.clamp(start, end) - start..place.end.clamp(start, end) - start;
        let parts: Vec<_> = found.iter().map(within).filter(|part| !part.is_empty()).collect();
        if let Some(text) = replaced(&piece.text, &parts) {
            piece.object.set_text("text", &text);
            items[piece.item] = piece.object.to_raw();
        }
    }
    (!found.is_empty()).then_some(items)
}
