//! Pages of the lists that clients get.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::error::{Error, ErrorKind, Result};
use crate::protocol::{ListKind, ListPage, RawJson};

/// A list in its order, each item under the name that it is exposed by.
#[derive(Debug, PartialEq)]
pub(crate) struct Rendered {
    items: Vec<(String, String)>,
    whole: RawJson,
}

impl Rendered {
    pub(crate) fn new(kind: ListKind, items: Vec<(String, String)>) -> Self {
        let whole = ListPage::render(kind, items.iter().map(|(_, item)| item.as_str()), None);
        Self { items, whole }
    }

    /// A page of at most `size` items. A cursor names the item before it, so that it holds while others come and go.
    pub(crate) fn page(&self, kind: ListKind, cursor: Option<&str>, size: usize) -> Result<RawJson> {
        if cursor.is_none() && self.items.len() <= size {
            return Ok(self.whole.clone());
        }
        let begin = cursor.map_or(Ok(0), |cursor| self.after(kind, cursor))?;
        let page = &self.items[begin..self.items.len().min(begin.saturating_add(size))];
        let next = page.last().filter(|_| begin + page.len() < self.items.len()).map(|(name, _)| encode(kind, name));
        Ok(ListPage::render(kind, page.iter().map(|(_, item)| item.as_str()), next.as_deref()))
    }

    fn after(&self, kind: ListKind, cursor: &str) -> Result<usize> {
        let wrong = |why: &'static str| Error::new(ErrorKind::InvalidInput, why).with_operation("list");
        let decoded = URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let name = decoded.as_deref().and_then(|text| text.strip_prefix(kind.member())?.strip_prefix('\n'));
        let name = name.ok_or_else(|| wrong("cursor was not given for this list"))?;
        let at = self.items.iter().position(|(item, _)| item == name);
        at.map(|at| at + 1).ok_or_else(|| {
            wrong("the list has changed since the cursor was given").with_hint("list again from the beginning")
        })
    }
}

fn encode(kind: ListKind, name: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("{}\n{name}", kind.member()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_make_the_whole_list() {
        let items = (0..5).map(|n| (format!("t{n}"), format!(r#"{{"name":"t{n}"}}"#))).collect();
        let list = Rendered::new(ListKind::Tools, items);
        let (mut cursor, mut names) = (None, Vec::new());
        loop {
            let page =
                ListPage::read(ListKind::Tools, &list.page(ListKind::Tools, cursor.as_deref(), 2).unwrap()).unwrap();
            assert!(page.items.len() <= 2);
            names.extend(page.items.into_iter().map(|item| item.key));
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(names, ["t0", "t1", "t2", "t3", "t4"]);
        for wrong in ["", "x", &encode(ListKind::Prompts, "t1"), &encode(ListKind::Tools, "gone")] {
            assert_eq!(list.page(ListKind::Tools, Some(wrong), 2).unwrap_err().kind(), ErrorKind::InvalidInput);
        }
    }
}
