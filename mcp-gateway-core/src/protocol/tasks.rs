//! Calls that go on after their answer, in the two forms that the protocol had for them.

use serde_json::{Map, Value, json};

use super::{Era, RawJson, RawObject, RpcError, code, may_hold};

/// The extension of the stateless era.
pub const EXTENSION: &str = "io.modelcontextprotocol/tasks";

/// What a result says about a task.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TaskState {
    /// The task's id.
    pub id: String,
    /// Whether nothing more will happen in it.
    pub is_over: bool,
}

impl TaskState {
    /// The task that the answer to a call begins, if it begins one.
    pub fn begun(result: &RawJson, era: Era) -> Option<Self> {
        if !may_hold(result.get(), "\"taskId\"") {
            return None;
        }
        let result = result.object().ok()?;
        match era {
            Era::Session => Self::of(&result.get("task")?.object().ok()?),
            Era::Stateless => (result.text("resultType")? == "task").then(|| Self::of(&result))?,
        }
    }

    /// The task that an answer to a question about it describes.
    pub fn of(task: &RawObject) -> Option<Self> {
        let is_over = matches!(task.text("status")?.as_str(), "completed" | "failed" | "cancelled");
        Some(Self { id: task.text("taskId")?, is_over })
    }
}

/// A task of the session era as the extension shows it; `outcome` is what it came to.
pub fn in_extension(task: &RawObject, result_type: &str, outcome: Option<(&str, RawJson)>) -> RawObject {
    let mut shown = RawObject::default();
    shown.set_text("resultType", result_type);
    for (from, to) in [
        ("taskId", "taskId"),
        ("status", "status"),
        ("statusMessage", "statusMessage"),
        ("createdAt", "createdAt"),
        ("lastUpdatedAt", "lastUpdatedAt"),
        ("ttl", "ttlMs"),
        ("pollInterval", "pollIntervalMs"),
    ] {
        if let Some(value) = task.get(from) {
            shown.set(to, value.clone());
        }
    }
    if shown.get("ttlMs").is_none()
        && let Ok(unlimited) = RawJson::from_value(&Value::Null)
    {
        shown.set("ttlMs", unlimited);
    }
    if let Some((member, value)) = outcome {
        shown.set(member, value);
    }
    shown
}

/// The member that asks a server of the session era for a task.
pub fn wanted() -> Value {
    json!({"ttl": 60 * 60 * 1000})
}

/// The error for a client that cannot follow tasks, of what needs one.
pub fn needed() -> RpcError {
    let mut error = RpcError::new(code::MISSING_CAPABILITY, "this needs a client that follows tasks");
    let needed = json!({"requiredCapabilities": {"extensions": {EXTENSION: {}}}});
    error.data = RawJson::from_value(&needed).ok();
    error
}

/// Capabilities without what belongs to tasks, of one era or of both.
pub fn without_tasks(declared: &Value, eras: &[Era]) -> Value {
    let mut declared = declared.as_object().cloned().unwrap_or_else(Map::new);
    if eras.contains(&Era::Session) {
        declared.remove("tasks");
    }
    if eras.contains(&Era::Stateless)
        && let Some(extensions) = declared.get_mut("extensions").and_then(Value::as_object_mut)
    {
        extensions.remove(EXTENSION);
        if extensions.is_empty() {
            declared.remove("extensions");
        }
    }
    Value::Object(declared)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_known_in_both_forms() {
        let begun = |text: &str, era| TaskState::begun(&RawJson::parse(text).unwrap(), era);
        let state = |id: &str, is_over| Some(TaskState { id: id.to_owned(), is_over });
        assert_eq!(begun(r#"{"task":{"taskId":"a","status":"working"}}"#, Era::Session), state("a", false));
        assert_eq!(
            begun(r#"{"resultType":"task","taskId":"b","status":"completed"}"#, Era::Stateless),
            state("b", true)
        );
        assert_eq!(
            begun(r#"{"resultType":"task","task\u0049d":"c","status":"working"}"#, Era::Stateless),
            state("c", false)
        );
        assert_eq!(begun(r#"{"resultType":"complete","content":[{"text":"\"taskId\""}]}"#, Era::Stateless), None);
        let old =
            RawJson::parse(r#"{"taskId":"a","status":"working","createdAt":"x","ttl":5,"pollInterval":7}"#).unwrap();
        let shown = in_extension(&old.object().unwrap(), "task", None);
        assert_eq!(
            shown.to_raw().get(),
            r#"{"resultType":"task","taskId":"a","status":"working","createdAt":"x","ttlMs":5,"pollIntervalMs":7}"#
        );
    }

    #[test]
    fn tasks_are_taken_out_of_capabilities() {
        let declared = json!({"tasks": {}, "extensions": {EXTENSION: {}}, "roots": {}});
        assert_eq!(without_tasks(&declared, &[Era::Session]), json!({"extensions": {EXTENSION: {}}, "roots": {}}));
        assert_eq!(without_tasks(&declared, &[Era::Session, Era::Stateless]), json!({"roots": {}}));
    }
}
