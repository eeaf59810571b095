//! Whole lists of a gateway, page after page.

use indexmap::IndexMap;

use crate::error::{Error, ErrorKind, Result};
use crate::model::Definition;
use crate::protocol::{ListKind, ListPage, RawJson, RawObject};

/// The most pages and the most items of one list.
const MAX: usize = 100_000;

/// How often a list is read from its beginning again because it changed meanwhile.
const MAX_RESTARTS: usize = 3;

/// A list that is read; whoever reads it asks for each page in turn.
#[derive(Debug)]
pub(super) struct WholeList {
    kind: ListKind,
    items: IndexMap<String, Definition>,
    cursor: Option<String>,
    is_complete: bool,
    pages: usize,
    restarts: usize,
}

impl WholeList {
    pub(super) fn new(kind: ListKind) -> Self {
        Self { kind, items: IndexMap::new(), cursor: None, is_complete: false, pages: 0, restarts: 0 }
    }

    /// The parameters of the next page; none after the last one.
    pub(super) fn next(&self) -> Option<RawObject> {
        if self.is_complete {
            return None;
        }
        let mut params = RawObject::default();
        if let Some(cursor) = &self.cursor {
            params.set_text("cursor", cursor);
        }
        Some(params)
    }

    /// Takes a page, or what kept it from coming; of two items with one key the first counts.
    ///
    /// # Errors
    /// What kept it from coming; `TooLarge` for a list that does not end.
    pub(super) fn take(&mut self, page: Result<RawJson>) -> Result<()> {
        let page = match page {
            // Its cursor names an item that is gone.
            Err(error)
                if error.kind() == ErrorKind::InvalidInput && self.cursor.is_some() && self.restarts < MAX_RESTARTS =>
            {
                self.restarts += 1;
                self.items.clear();
                self.cursor = None;
                return Ok(());
            }
            page => ListPage::read(self.kind, &page?)?,
        };
        for item in page.items {
            self.items.entry(item.key.clone()).or_insert(item);
        }
        self.is_complete = page.next_cursor.is_none();
        self.cursor = page.next_cursor;
        self.pages += 1;
        if !self.is_complete && (self.pages >= MAX || self.items.len() >= MAX) {
            return Err(Error::new(ErrorKind::TooLarge, format!("list of {} does not end", self.kind.member())));
        }
        Ok(())
    }

    /// The items that were read.
    pub(super) fn into_items(self) -> Vec<Definition> {
        self.items.into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(names: &[&str], next: Option<&str>) -> Result<RawJson> {
        let items: Vec<String> = names.iter().map(|name| format!(r#"{{"name":"{name}"}}"#)).collect();
        Ok(ListPage::render(ListKind::Tools, items.iter().map(String::as_str), next))
    }

    fn gone() -> Result<RawJson> {
        Err(Error::new(ErrorKind::InvalidInput, "the list has changed since the cursor was given"))
    }

    fn keys(list: WholeList) -> Vec<String> {
        list.into_items().into_iter().map(|item| item.key).collect()
    }

    #[test]
    fn pages_are_followed_to_the_last_one() {
        let mut list = WholeList::new(ListKind::Tools);
        assert_eq!(list.next().unwrap().text("cursor"), None);
        list.take(page(&["a", "b"], Some(""))).unwrap();
        assert_eq!(list.next().unwrap().text("cursor").as_deref(), Some(""));
        list.take(page(&["b", "c"], None)).unwrap();
        assert!(list.next().is_none());
        assert_eq!(keys(list), ["a", "b", "c"]);
    }

    #[test]
    fn a_list_that_changes_is_read_again_a_few_times() {
        let mut list = WholeList::new(ListKind::Tools);
        for _ in 0..MAX_RESTARTS {
            list.take(page(&["a"], Some("a"))).unwrap();
            list.take(gone()).unwrap();
            assert_eq!(list.next().unwrap().text("cursor"), None);
        }
        list.take(page(&["b"], Some("b"))).unwrap();
        assert!(list.take(gone()).is_err());
        assert!(WholeList::new(ListKind::Tools).take(gone()).is_err());
    }

    #[test]
    fn a_list_without_an_end_is_an_error() {
        let mut list = WholeList::new(ListKind::Tools);
        let error = (0..=MAX).find_map(|_| list.take(page(&[], Some("again"))).err()).unwrap();
        assert_eq!(error.kind(), ErrorKind::TooLarge);
    }
}
