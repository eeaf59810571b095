//! Pages of lists.

use super::{ListKind, RawJson};
use crate::error::{Error, ErrorKind, Result};
use crate::model::Definition;

/// One page of `tools/list` and the like.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ListPage {
    /// The items, each as the server sent it.
    pub items: Vec<Definition>,
    /// Where the next page begins; any text, the empty one too.
    pub next_cursor: Option<String>,
}

impl ListPage {
    /// Reads a page.
    ///
    /// # Errors
    /// `Protocol` when it is no page of this kind or an item has no key.
    pub fn read(kind: ListKind, result: &RawJson) -> Result<Self> {
        let page = result.object()?;
        let items = page
            .get(kind.member())
            .ok_or_else(|| Error::new(ErrorKind::Protocol, format!("list has no `{}`", kind.member())))?;
        let items = items
            .items()?
            .into_iter()
            .map(|item| {
                let key = item.object()?.text(kind.key()).ok_or_else(|| {
                    Error::new(ErrorKind::Protocol, format!("an item of `{}` has no `{}`", kind.member(), kind.key()))
                })?;
                Ok(Definition::new(key, item.get()))
            })
            .collect::<Result<_>>()?;
        Ok(Self { items, next_cursor: page.text("nextCursor") })
    }

    /// Renders a page.
    pub fn render<'a>(kind: ListKind, items: impl IntoIterator<Item = &'a str>, next: Option<&str>) -> RawJson {
        let mut text = format!("{{\"{}\":[", kind.member());
        for (at, item) in items.into_iter().enumerate() {
            if at > 0 {
                text.push(',');
            }
            text.push_str(item);
        }
        text.push(']');
        if let Some(next) = next {
            text.push_str(",\"nextCursor\":");
            text.push_str(&serde_json::Value::from(next).to_string());
        }
        text.push('}');
        RawJson::parse(text).unwrap_or_else(|_| RawJson::empty_object())
    }
}
