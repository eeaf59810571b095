//! What a server needs before it can answer, and what it is given.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::error::{Error, ErrorKind, Result};
use crate::protocol::{RawJson, RawObject, may_hold};

/// The member that tells the type of a result, and the type that asks for more.
const TYPE: &str = "resultType";
const INPUT_REQUIRED: &str = "input_required";

/// The most questions of one round, and the longest state in bytes.
const MAX_QUESTIONS: usize = 32;
const MAX_STATE: usize = 256 * 1024;

/// A result that asks for more.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct InputRequired {
    /// What is asked, by the key under which it is to be answered.
    pub requests: IndexMap<String, (String, Option<RawJson>)>,
    /// What the client has to send back as it is.
    pub state: Option<String>,
}

/// What a client sends with a repeated request.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct InputResponses {
    /// The answers by their keys.
    pub answers: IndexMap<String, RawJson>,
    /// The state that the result before had.
    pub state: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    #[serde(default)]
    result_type: Option<String>,
    #[serde(default)]
    input_requests: IndexMap<String, WireRequest>,
    #[serde(default)]
    request_state: Option<String>,
}

#[derive(Deserialize)]
struct WireRequest {
    method: String,
    #[serde(default)]
    params: Option<Box<RawValue>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outgoing<'a> {
    result_type: &'static str,
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    input_requests: IndexMap<&'a str, OutgoingRequest<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_state: Option<&'a str>,
}

#[derive(Serialize)]
struct OutgoingRequest<'a> {
    method: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    params: Option<&'a RawJson>,
}

impl InputRequired {
    /// Reads a result that asks for more; `None` for any other, which is not read further than that takes.
    ///
    /// # Errors
    /// `Protocol` when it says so and is not what it should be, asks for too much at once, or says it in a way that is
    /// read differently by different clients.
    pub fn read(result: &RawJson) -> Result<Option<Self>> {
        // A result of another shape may hold the word anywhere.
        if !may_hold(result.get(), INPUT_REQUIRED) || !result.get().starts_with('{') {
            return Ok(None);
        }
        // What cannot be read here a client might read as a question, which nobody would have seen then.
        if result.object()?.text(TYPE).as_deref() != Some(INPUT_REQUIRED) {
            return Ok(None);
        }
        let wrong = |why: &'static str| Error::new(ErrorKind::Protocol, why);
        let wire: Wire = result.read()?;
        debug_assert!(wire.result_type.is_some());
        if wire.input_requests.is_empty() && wire.request_state.is_none() {
            return Err(wrong("server asks for more and does not say for what"));
        }
        if wire.input_requests.len() > MAX_QUESTIONS || wire.request_state.as_ref().is_some_and(|s| s.len() > MAX_STATE)
        {
            return Err(wrong("server asks for too much at once"));
        }
        let requests = wire
            .input_requests
            .into_iter()
            .map(|(key, request)| (key, (request.method, request.params.map(RawJson::from))))
            .collect();
        Ok(Some(Self { requests, state: wire.request_state }))
    }

    /// The result that asks for this.
    ///
    /// # Errors
    /// None: every part has a JSON form.
    pub fn to_result(&self) -> Result<RawJson> {
        let input_requests = self
            .requests
            .iter()
            .map(|(key, (method, params))| (key.as_str(), OutgoingRequest { method, params: params.as_ref() }))
            .collect();
        RawJson::from_value(&Outgoing {
            result_type: INPUT_REQUIRED,
            input_requests,
            request_state: self.state.as_deref(),
        })
    }
}

impl InputResponses {
    /// The members of a request that belong to a repetition.
    pub const MEMBERS: [&'static str; 2] = ["inputResponses", "requestState"];

    /// Whether a request is a repetition.
    pub fn is_in(params: &RawObject) -> bool {
        Self::MEMBERS.iter().any(|member| params.get(member).is_some())
    }

    /// Takes them out of a request.
    ///
    /// # Errors
    /// `Protocol` when they are not what they should be.
    pub fn take(params: &mut RawObject) -> Result<Self> {
        let answers: Option<IndexMap<String, Box<RawValue>>> =
            params.remove(Self::MEMBERS[0]).map(|answers| answers.read::<Option<_>>()).transpose()?.flatten();
        let answers = answers.unwrap_or_default();
        let state = params.remove(Self::MEMBERS[1]).map(|state| state.read::<Option<_>>()).transpose()?.flatten();
        let answers = answers.into_iter().map(|(key, answer)| (key, RawJson::from(answer))).collect();
        Ok(Self { answers, state })
    }

    /// Writes them into a request.
    ///
    /// # Errors
    /// None: every part has a JSON form.
    pub fn put(&self, params: &mut RawObject) -> Result<()> {
        if self.answers.is_empty() {
            params.remove(Self::MEMBERS[0]);
        } else {
            params.set(Self::MEMBERS[0], RawJson::from_value(&self.answers)?);
        }
        match &self.state {
            Some(state) => params.set_text(Self::MEMBERS[1], state),
            None => drop(params.remove(Self::MEMBERS[1])),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_survives_a_round_trip() {
        let text = r#"{"resultType":"input_required","inputRequests":{"who":{"method":"elicitation/create","params":{"message":"who?"}},"where":{"method":"roots/list"}},"requestState":"s"}"#;
        let asked = InputRequired::read(&RawJson::parse(text).unwrap()).unwrap().unwrap();
        assert_eq!(asked.requests.keys().collect::<Vec<_>>(), ["who", "where"]);
        assert_eq!(asked.to_result().unwrap().get(), text);
    }

    #[test]
    fn a_question_does_not_hide_behind_escapes() {
        let text = r#"{"result\u0054ype":"input\u005frequired","requestState":"s"}"#;
        let asked = InputRequired::read(&RawJson::parse(text).unwrap()).unwrap().unwrap();
        assert_eq!(asked.state.as_deref(), Some("s"));
    }

    #[test]
    fn other_results_ask_for_nothing() {
        for text in [r#"{"content":[{"text":"input_required"}]}"#, r#"{"resultType":"complete","x":"input_required"}"#]
        {
            assert!(InputRequired::read(&RawJson::parse(text).unwrap()).unwrap().is_none());
        }
        for text in [
            r#"{"resultType":"input_required"}"#,
            r#"{"resultType":"input_required","inputRequests":[]}"#,
            r#"{"resultType":"input_required","inputRequests":{"a":{}}}"#,
            r#"{"resultType":"complete","resultType":"input_required","requestState":"s"}"#,
            r#"{"\ud800":1,"resultType":"input_required","requestState":"s"}"#,
        ] {
            assert!(InputRequired::read(&RawJson::parse(text).unwrap()).is_err(), "{text}");
        }
    }

    #[test]
    fn answers_are_taken_and_put() {
        let text = r#"{"name":"x","inputResponses":{"who":{"action":"accept"}},"requestState":"s"}"#;
        let mut params = RawJson::parse(text).unwrap().object().unwrap();
        assert!(InputResponses::is_in(&params));
        let responses = InputResponses::take(&mut params).unwrap();
        assert_eq!(params.to_raw().get(), r#"{"name":"x"}"#);
        responses.put(&mut params).unwrap();
        assert_eq!(params.to_raw().get(), text);
    }
}
