//! Listening for what belongs to no single request.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::error::Result;
use crate::protocol::{ListKind, RawJson, RawObject, RequestId};

const SUBSCRIPTION: &str = "io.modelcontextprotocol/subscriptionId";

/// What a listener wants to hear of; everything else is kept from it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct ListenFilter {
    /// Changes of the list of tools.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub tools_list_changed: bool,
    /// Changes of the list of prompts.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub prompts_list_changed: bool,
    /// Changes of the list of resources.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub resources_list_changed: bool,
    /// Changes of these resources.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resource_subscriptions: Vec<String>,
    /// Changes of these tasks (extension `io.modelcontextprotocol/tasks`).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub task_ids: Vec<String>,
}

impl ListenFilter {
    /// Every change of a list.
    pub fn lists() -> Self {
        Self { tools_list_changed: true, prompts_list_changed: true, resources_list_changed: true, ..Self::default() }
    }

    /// Reads the filter of a request.
    ///
    /// # Errors
    /// `Protocol` when it is none.
    pub fn read(params: &RawObject) -> Result<Self> {
        params.get("notifications").map_or_else(|| Ok(Self::default()), RawJson::read)
    }

    /// The parameters of a request with this filter.
    ///
    /// # Errors
    /// None: a filter has a JSON form.
    pub fn to_params(&self) -> Result<RawObject> {
        let mut params = RawObject::default();
        params.set("notifications", RawJson::from_value(self)?);
        Ok(params)
    }

    /// Whether changes of a list are wanted.
    pub fn wants_list(&self, method: &str) -> bool {
        (self.tools_list_changed && method == ListKind::Tools.changed())
            || (self.prompts_list_changed && method == ListKind::Prompts.changed())
            || (self.resources_list_changed && method == ListKind::Resources.changed())
    }

    /// Whether nothing is wanted.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The parameters of the acknowledgement, which tell what will be heard of.
    ///
    /// # Errors
    /// None: a filter has a JSON form.
    pub fn acknowledgement(&self, id: &RequestId) -> Result<RawJson> {
        let params = RawJson::from_value(&json!({"notifications": self}))?;
        tag(Some(params), id)
    }

    /// The result with which a server ends a listening.
    ///
    /// # Errors
    /// `Protocol` when the id is no JSON.
    pub fn end(id: &RequestId) -> Result<RawJson> {
        tag(Some(RawJson::from_value(&json!({"resultType": "complete"}))?), id)
    }

    /// The parameters of a notification that is part of a listening.
    ///
    /// # Errors
    /// `Protocol` when they are no object.
    pub fn tag(params: Option<RawJson>, id: &RequestId) -> Result<RawJson> {
        tag(params, id)
    }
}

/// The id of the listening that a notification is part of.
pub fn subscription_of(params: &RawObject) -> Option<RequestId> {
    let id = params.get("_meta")?.object().ok()?.get(SUBSCRIPTION)?.clone();
    RequestId::from_json(id.get()).ok()
}

fn tag(params: Option<RawJson>, id: &RequestId) -> Result<RawJson> {
    let mut params = params.map_or_else(|| Ok(RawObject::default()), |params| params.object())?;
    let mut meta = params.get("_meta").and_then(|meta| meta.object().ok()).unwrap_or_default();
    meta.set(SUBSCRIPTION, RawJson::parse(id.as_json())?);
    params.set("_meta", meta.to_raw());
    Ok(params.to_raw())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_hears_only_what_it_asked_for() {
        let params = RawJson::parse(r#"{"notifications":{"toolsListChanged":true,"resourceSubscriptions":["a://b"]}}"#);
        let filter = ListenFilter::read(&params.unwrap().object().unwrap()).unwrap();
        assert!(filter.wants_list("notifications/tools/list_changed"));
        assert!(!filter.wants_list("notifications/prompts/list_changed"));
        let id = RequestId::from_json("\"l1\"").unwrap();
        let acknowledged = filter.acknowledgement(&id).unwrap();
        assert_eq!(
            acknowledged.read::<serde_json::Value>().unwrap(),
            serde_json::json!({
                "notifications": {"resourceSubscriptions": ["a://b"], "toolsListChanged": true},
                "_meta": {"io.modelcontextprotocol/subscriptionId": "l1"},
            })
        );
        assert_eq!(subscription_of(&acknowledged.object().unwrap()), Some(id));
    }
}
