//! The same in JSON texts, for hosts in another language.

use serde::de::DeserializeOwned;

use super::{Dialect, ToolCall, ToolSet};
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::{ListKind, ListPage, RawJson};

impl ToolSet {
    /// Makes a set of the result of `tools/list`.
    ///
    /// # Errors
    /// `Protocol` for what is no such result, and as [`of`](Self::of).
    pub fn of_listed(dialect: Dialect, listed: &RawJson) -> Result<Self> {
        Self::of(dialect, &ListPage::read(ListKind::Tools, listed)?.items)
    }

    /// The set as JSON: `{"dialect", "tools", "names", "changes"}`.
    ///
    /// # Errors
    /// `Internal` when it has no JSON form.
    pub fn to_json(&self) -> Result<String> {
        serde_json::to_string(self).map_err(unshown)
    }

    /// As [`read_call`](Self::read_call): `{"id", "name", "arguments"}`.
    ///
    /// # Errors
    /// `InvalidInput` when the text is no JSON, and as [`read_call`](Self::read_call).
    pub fn read_call_json(&self, call: &str) -> Result<String> {
        serde_json::to_string(&self.read_call(&read(call, "a tool call")?)?).map_err(unshown)
    }

    /// As [`refusal`](Self::refusal), of a call as the API sends it.
    ///
    /// # Errors
    /// `InvalidInput` when the text is no JSON.
    pub fn refusal_json(&self, call: &str, message: &str) -> Result<String> {
        Ok(self.refusal(&read(call, "a tool call")?, message).to_string())
    }

    /// As [`answer`](Self::answer), of a call in the form that [`read_call_json`](Self::read_call_json) gives.
    ///
    /// # Errors
    /// `InvalidInput` when a text is not what it should be.
    pub fn answer_json(&self, call: &str, result: &str) -> Result<String> {
        let call: ToolCall = read(call, "a tool call")?;
        Ok(self.answer(&call, &read(result, "a result of a tool")?).to_string())
    }
}

fn read<T: DeserializeOwned>(text: &str, what: &str) -> Result<T> {
    serde_json::from_str(text)
        .map_err(|cause| Error::new(ErrorKind::InvalidInput, format!("not {what}: {cause}")).with_operation("ToolSet"))
}

fn unshown(cause: serde_json::Error) -> Error {
    Error::new(ErrorKind::Internal, "tools have no JSON form").with_source(cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_say_the_same_as_values() {
        let listed = RawJson::parse(r#"{"tools":[{"name":"a.b","inputSchema":{"type":"object"}}]}"#).unwrap();
        let set = ToolSet::of_listed(Dialect::Anthropic, &listed).unwrap();
        assert!(set.to_json().unwrap().starts_with(r#"{"dialect":"anthropic","tools":[{"#));
        let call = set.read_call_json(r#"{"type":"tool_use","id":"1","name":"a_b","input":{}}"#).unwrap();
        assert!(call.contains(r#""name":"a.b""#));
        assert!(set.answer_json(&call, r#"{"content":[]}"#).unwrap().contains(r#""tool_use_id":"1""#));
        let unknown = r#"{"type":"tool_use","id":"2","name":"c","input":{}}"#;
        let error = set.read_call_json(unknown).unwrap_err();
        let refusal = set.refusal_json(unknown, &error.to_string()).unwrap();
        assert!(refusal.contains(r#""tool_use_id":"2""#) && refusal.contains("there is no tool `c`"), "{refusal}");
        for wrong in ["", "[", "7"] {
            assert_eq!(set.read_call_json(wrong).unwrap_err().kind(), ErrorKind::InvalidInput, "{wrong:?}");
        }
        assert_eq!("cobol".parse::<Dialect>().unwrap_err().kind(), ErrorKind::InvalidInput);
    }
}
