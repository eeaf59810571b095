//! Greetings, meta data and rounds are read as every reader of JSON would read them, and survive being written.
//!
//! Input: a JSON text, which is taken for the result or the parameters of everything in turn.

#![no_main]

mod common;

use common::tree::Tree;
use libfuzzer_sys::fuzz_target;
use mcp_gateway_core::protocol::stateless::{
    Discovered, InputRequired, InputResponses, RequestMeta, complete, for_session_era,
};
use mcp_gateway_core::protocol::tasks::TaskState;
use mcp_gateway_core::protocol::{Era, ProtocolVersion, RawJson, RawObject, RequestKind, Response, ServerHello};

fuzz_target!(|text: &str| {
    versions(text);
    let Ok(json) = RawJson::parse(text) else { return };
    parts(&json);
    greetings(&json);
    results(&json);
    if let Ok(params) = json.object() {
        meta(params.clone());
        responses(params);
    }
});

fn versions(text: &str) {
    let negotiated = ProtocolVersion::negotiate(text);
    assert_eq!(negotiated.era(), Era::Session);
    match ProtocolVersion::from_date(text) {
        Some(version) => assert_eq!(version.as_str(), text),
        None => assert_eq!(negotiated, ProtocolVersion::LATEST_WITH_HANDSHAKE),
    }
    let newest = ProtocolVersion::newest_stateless(text.split(','));
    assert!(newest.is_none_or(|version| version.era() == Era::Stateless && text.contains(version.as_str())));
}

/// Values are cut into the parts that a reader finds in them.
fn parts(json: &RawJson) {
    let same = |ours: &RawJson, theirs: &Tree| {
        assert_eq!(Tree::read(ours.get()), *theirs);
        parts(ours);
    };
    match Tree::read(json.get()) {
        Tree::Object(members) => {
            let is_twice = |at: usize| members[..at].iter().any(|(key, _)| *key == members[at].0);
            let Ok(object) = json.object() else {
                return assert!((0..members.len()).any(is_twice), "an object cannot be read");
            };
            assert_eq!(object.iter().count(), members.len());
            for ((our_key, ours), (key, theirs)) in object.iter().zip(&members) {
                assert_eq!(our_key, key);
                same(ours, theirs);
            }
        }
        Tree::Array(trees) => {
            let items = json.items().expect("a list");
            assert_eq!(items.len(), trees.len());
            items.iter().zip(&trees).for_each(|(ours, theirs)| same(ours, theirs));
        }
        Tree::Text(_) | Tree::Plain(_) => assert!(json.object().is_err()),
    }
}

fn greetings(json: &RawJson) {
    if let Ok(hello) = ServerHello::from_result(json) {
        assert_eq!(hello.version().map(ProtocolVersion::era), Some(Era::Session));
        let written = hello.to_result().expect("a greeting has a JSON form");
        assert_eq!(ServerHello::from_result(&written).expect("a greeting that was written"), hello);
    }
    if let Ok(discovered) = Discovered::read(json) {
        let version = discovered.version();
        let hello = discovered.clone().into_hello();
        assert_eq!(hello.is_ok(), version.is_some());
        if let (Ok(hello), Some(version)) = (hello, version) {
            assert_eq!(version.era(), Era::Stateless);
            assert!(discovered.supported_versions.contains(&hello.protocol_version));
            // The two greetings never pass for one another.
            let written = hello.to_result().expect("a greeting has a JSON form");
            assert!(ServerHello::from_result(&written).is_err());
        }
    }
}

fn results(json: &RawJson) {
    let tree = Tree::read(json.get());
    let asks = tree.all("resultType").any(|kind| kind.is_text("input_required"));
    match InputRequired::read(json) {
        Ok(Some(asked)) => {
            assert!(asks);
            assert!(asked.requests.len() <= 32 && (asked.state.is_some() || !asked.requests.is_empty()));
            let written = asked.to_result().expect("questions have a JSON form");
            let again = InputRequired::read(&written).expect("questions that were written").expect("questions");
            assert_eq!((&again.requests, &again.state), (&asked.requests, &asked.state));
        }
        Ok(None) => assert!(!asks, "a result that asks for more passes for another"),
        Err(_) => assert!(asks || json.object().is_err()),
    }
    let is_error = Tree::Plain("true".to_owned());
    let failed = tree.all("isError").eq([&is_error]);
    assert_eq!(Response::new(json.clone()).is_tool_error(), failed);

    // What follows is read by nobody as one thing where a key stands twice.
    if json.object().is_err() {
        return;
    }
    let is_task = tree.all("resultType").any(|kind| kind.is_text("task"));
    let has = |key: &str| tree.all(key).any(|value| matches!(value, Tree::Text(_)));
    assert_eq!(TaskState::begun(json, Era::Stateless).is_some(), is_task && has("taskId") && has("status"));

    let completed = Tree::read(complete(RequestKind::ListTools, json.clone()).get());
    let older = Tree::read(for_session_era(json.clone()).get());
    for key in ["resultType", "ttlMs", "cacheScope"] {
        assert_eq!(completed.all(key).count(), 1, "`{key}` in {completed:?}");
        assert!(tree.all(key).all(|value| completed.all(key).eq([value])));
        assert_eq!(older.all(key).count(), 0, "`{key}` in the session era");
    }
}

fn meta(mut params: RawObject) {
    let rest = others(&params, "_meta");
    let was_in = RequestMeta::is_in(&params);
    let Ok(meta) = RequestMeta::take(&mut params) else { return };
    assert!(was_in && !RequestMeta::is_in(&params));
    assert_eq!(meta.version.era(), Era::Stateless);
    assert_eq!(others(&params, "_meta"), rest);
    let taken = params.to_raw();
    meta.stamp(&mut params);
    assert_eq!(RequestMeta::take(&mut params).expect("meta data that was written"), meta);
    assert_eq!(Tree::read(params.to_raw().get()), Tree::read(taken.get()));
}

fn responses(mut params: RawObject) {
    let Ok(responses) = InputResponses::take(&mut params) else { return };
    assert!(!InputResponses::is_in(&params));
    let taken = params.to_raw();
    responses.put(&mut params).expect("answers have a JSON form");
    let again = InputResponses::take(&mut params).expect("answers that were written");
    assert_eq!((&again.answers, &again.state), (&responses.answers, &responses.state));
    assert_eq!(params.to_raw(), taken);
}

fn others(params: &RawObject, member: &str) -> Vec<(String, RawJson)> {
    params.iter().filter(|(key, _)| *key != member).map(|(key, value)| (key.to_owned(), value.clone())).collect()
}
