//! A client that is an object of the host's language.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::{Client, ClientQuestion};
use crate::error::{Error, ErrorKind, Result};
use crate::model::HostCaller;
use crate::protocol::{ClientCapabilities, RawJson};

/// A client that asks an object of the host's language: `elicit(context, request)`, `sample(context, request)`,
/// `roots(context)`.
///
/// # Behavior
/// - It can do what the object has methods for; at least one of them has to be there.
/// - The context is `{"session", "principal", "server"}`, the request the parameters of the server's request.
/// - `elicit` answers `{"action", "content"}`, `true` for accepting without content, `false` for declining, or nothing
///   for leaving it open; `sample` answers the result of `sampling/createMessage`; `roots` answers a list of roots, each
///   an address or `{"uri", "name"}`.
#[derive(Debug)]
pub struct HostClient(HostCaller);

impl HostClient {
    /// Asks this object.
    ///
    /// # Errors
    /// `InvalidInput` when the object has none of the methods.
    pub fn new(caller: HostCaller) -> Result<Self> {
        if ["elicit", "sample", "roots"].iter().any(|method| caller.has(method)) {
            return Ok(Self(caller));
        }
        let why =
            format!("`{}` is not a client: it has none of the methods `elicit`, `sample`, `roots`", caller.name());
        Err(Error::new(ErrorKind::InvalidInput, why))
    }

    async fn elicit(&self, context: Value, params: Value) -> Result<Value> {
        Ok(match self.0.call("elicit", &(context, params)).await? {
            Value::Bool(true) => json!({"action": "accept", "content": {}}),
            Value::Bool(false) => json!({"action": "decline"}),
            Value::Null => json!({"action": "cancel"}),
            Value::Object(answer) if answer.get("action").is_some_and(Value::is_string) => Value::Object(answer),
            _ => return Err(unusable("elicit", "`{\"action\", \"content\"}`, true, false or nothing")),
        })
    }

    async fn sample(&self, context: Value, params: Value) -> Result<Value> {
        match self.0.call("sample", &(context, params)).await? {
            Value::Object(mut answer) if answer.contains_key("content") => {
                answer.entry("role").or_insert_with(|| "assistant".into());
                answer.entry("model").or_insert_with(|| self.0.name().into());
                Ok(Value::Object(answer))
            }
            Value::String(text) => {
                Ok(json!({"role": "assistant", "model": self.0.name(), "content": {"type": "text", "text": text}}))
            }
            _ => Err(unusable("sample", "a text or `{\"content\", \"role\", \"model\"}`")),
        }
    }

    async fn roots(&self, context: Value) -> Result<Value> {
        let roots: Vec<Value> = self.0.call("roots", &(context,)).await?;
        let roots: Option<Vec<Value>> = roots
            .into_iter()
            .map(|root| match root {
                Value::String(uri) => Some(json!({"uri": uri})),
                Value::Object(root) if root.get("uri").is_some_and(Value::is_string) => Some(Value::Object(root)),
                _ => None,
            })
            .collect();
        roots.map(|roots| json!({"roots": roots})).ok_or_else(|| unusable("roots", "a list of `{\"uri\", \"name\"}`"))
    }
}

#[async_trait]
impl Client for HostClient {
    fn capabilities(&self) -> ClientCapabilities {
        let mut declared = json!({});
        if self.0.has("elicit") {
            declared["elicitation"] = json!({"form": {}, "url": {}});
        }
        if self.0.has("sample") {
            declared["sampling"] = json!({"tools": {}});
        }
        if self.0.has("roots") {
            declared["roots"] = json!({"listChanged": true});
        }
        ClientCapabilities::of(&declared)
    }

    async fn answer(&self, question: &ClientQuestion) -> Result<RawJson> {
        let context = json!({"session": question.session, "principal": question.principal, "server": question.server});
        let params: Value = question.params.read()?;
        let answer = match question.method.as_str() {
            "elicitation/create" => self.elicit(context, params).await?,
            "sampling/createMessage" => self.sample(context, params).await?,
            "roots/list" => self.roots(context).await?,
            method => return Err(Error::new(ErrorKind::Unsupported, format!("`{method}` is nothing to ask a client"))),
        };
        RawJson::from_value(&answer)
    }
}

fn unusable(method: &'static str, wanted: &'static str) -> Error {
    Error::new(ErrorKind::Internal, format!("the host's `{method}` has to answer {wanted}"))
}
