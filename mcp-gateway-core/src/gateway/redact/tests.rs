//! What goes through, what is cut out, and what is refused.

use serde_json::{Value, json};

use super::*;
use crate::profile::RedactionSpec;

const TOKEN: &str = "ghp_aB3cD4eF5gH6iJ7kL8mN9oP0qRsTuVwXyZ12";

fn values(values: &[&str]) -> Vec<SecretValue> {
    values.iter().map(|value| SecretValue::new(*value)).collect()
}

fn rules(arguments: RedactionMode, results: RedactionMode) -> Rules {
    let spec = RedactionSpec { arguments: Some(arguments), results: Some(results), except: Vec::new() };
    Rules::of(&RedactionSpec::default(), &spec)
}

fn plain(secrets: &[&str]) -> Redaction {
    Redaction::new(&values(secrets), &Arc::default(), Rules::default())
}

fn raw(value: &Value) -> RawJson {
    RawJson::from_value(value).unwrap()
}

fn object(value: &Value) -> RawObject {
    raw(value).object().unwrap()
}

#[test]
fn secrets_are_cut_out_in_their_json_form() {
    let redaction = plain(&["hunter2\"x", "12345678", "ab"]);
    let cut = |text: &str| redaction.json(RawJson::parse(text).unwrap()).get().to_owned();
    assert_eq!(cut(r#"{"a":"is hunter2\"x.","n":1}"#), r#"{"a":"is ***.","n":1}"#);
    assert_eq!(cut(r#"{"a":"ab"}"#), r#"{"a":"ab"}"#);
    assert_eq!(cut(r#"{"a":12345678}"#), "{}");
    let error = redaction.error(RpcError::new(1, "no 12345678"));
    assert_eq!(error.message, "no ***");
}

#[test]
fn what_another_server_was_given_does_not_come_through_either() {
    let known = Arc::new(Known::default());
    let first = Redaction::new(&values(&["first-secret-value", "short-one"]), &known, Rules::default());
    let text = "first-secret-value second-secret-value short-one".to_owned();
    assert_eq!(first.text(text.clone()), "*** second-secret-value ***");
    let second = Redaction::new(&values(&["second-secret-value"]), &known, Rules::default());
    assert_eq!(second.text(text.clone()), "*** *** short-one", "short values stand in other texts by chance");
    assert_eq!(first.text(text), "*** *** ***");
    let refused = second.arguments(object(&json!({"q": ["first-secret-value"]})), &mut Kinds::default());
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Denied);
}

#[test]
fn each_mode_does_what_it_says() {
    use RedactionMode::{Block, Off, Redact, Warn};
    let text = json!({"content": [{"type": "text", "text": format!("it is {TOKEN}.")}]});
    for mode in [Block, Redact, Warn, Off] {
        let redaction = Redaction::new(&values(&["own-secret-value"]), &Arc::default(), rules(mode, mode));
        let (mut said, mut sent) = (Kinds::default(), Kinds::default());
        let result = redaction.result(raw(&text), &mut said);
        let arguments = redaction.arguments(object(&json!({"a": {"b": TOKEN, "c": "own-secret-value"}})), &mut sent);
        assert_eq!(
            (said.to_string(), sent.to_string()),
            match mode {
                Off => (String::new(), String::new()),
                _ => ("github".to_owned(), "secret, github".to_owned()),
            }
        );
        match mode {
            Block => {
                for error in [result.unwrap_err(), arguments.unwrap_err()] {
                    assert_eq!(error.kind(), ErrorKind::Denied);
                    assert!(error.hints().next().is_some() && !error.report().contains("ghp_"), "{}", error.report());
                }
            }
            Redact => {
                assert_eq!(result.unwrap().get(), raw(&text).get().replace(TOKEN, "***"));
                assert_eq!(arguments.unwrap().to_raw().get(), r#"{"a":{"b":"***","c":"***"}}"#);
            }
            Warn | Off => {
                assert_eq!(result.unwrap().get(), raw(&text).get());
                assert!(arguments.unwrap().to_raw().get().contains("own-secret-value"));
            }
        }
        // A value that was handed out never comes back, and is never recorded, whatever the mode.
        assert_eq!(redaction.json(raw(&json!("own-secret-value"))).get(), "\"***\"");
        assert_eq!(redaction.record(&raw(&json!([TOKEN, "own-secret-value"]))).get(), r#"["***","***"]"#);
    }
}

#[test]
fn kinds_that_are_excepted_go_through() {
    let spec = RedactionSpec { except: vec!["github".to_owned()], ..RedactionSpec::default() };
    let redaction = Redaction::new(&[], &Arc::default(), Rules::of(&spec, &RedactionSpec::default()));
    assert_eq!(redaction.text(TOKEN.to_owned()), TOKEN);
    assert!(redaction.arguments(object(&json!({"a": TOKEN})), &mut Kinds::default()).is_ok());
}

#[test]
fn a_value_in_neighbouring_texts_of_a_result_is_cut_out() {
    let redaction = plain(&["hunter2-hunter2"]);
    let text = |text: &str| json!({"type": "text", "text": text, "x": 1.0});
    let texts = [text("a hunt"), json!({"type": "image", "data": ""}), text("er2-"), text(""), text("hunter2 b")];
    for key in ["content", "contents"] {
        let result = redaction.result(raw(&json!({ key: texts, "isError": false })), &mut Kinds::default()).unwrap();
        let result: Value = result.read().unwrap();
        let shown: String = result[key].as_array().unwrap().iter().filter_map(|item| item["text"].as_str()).collect();
        assert_eq!(shown, "a ********* b");
        assert_eq!((&result["isError"], &result[key][1]["type"]), (&json!(false), &json!("image")));
    }
    let fine = raw(&json!({"content": [text("hunt"), text("er")]}));
    assert_eq!(redaction.result(fine.clone(), &mut Kinds::default()).unwrap().get(), fine.get());
}

#[test]
fn a_value_in_messages_one_after_the_other_is_not_completed() {
    let redaction = plain(&["hunter2-hunter2"]);
    let carry = Carry::default();
    let part = |text: &str| {
        let part = redaction.part(raw(&json!({"level": "info", "data": text})), "data", &carry);
        part.object().unwrap().text("data").unwrap()
    };
    assert_eq!(part("token: hunter2-"), "token: hunter2-");
    assert_eq!(part("hunter2."), "***.");
    assert_eq!(part("hunter2"), "hunter2", "what was cut out once begins nothing");
    assert_eq!(part(&"x".repeat(1000)), "x".repeat(1000));
    for letter in "hunter2-hunter".chars() {
        part(&letter.to_string());
    }
    assert_eq!(part("2!"), "***!");
    assert_eq!(part("hunter2-hunter2"), "***");
    let other = redaction.part(raw(&json!({"data": {"a": "hunter2-hunter2"}})), "data", &carry);
    assert_eq!(other.get(), r#"{"data":{"a":"***"}}"#);
}

#[test]
fn a_servers_error_says_nothing_either() {
    let redaction = plain(&["hunter2-hunter2"]);
    let fine = Error::new(ErrorKind::Timeout, "too slow").with_hint("wait");
    assert_eq!(redaction.cut_out_of(fine).hints().count(), 1);
    for error in [
        Error::new(ErrorKind::StartFailed, "x").with_context("stderr", "aHVudGVyMi1odW50ZXIy"),
        Error::new(ErrorKind::StartFailed, "x").with_hint("hunter2-hunter2"),
        Error::new(ErrorKind::StartFailed, TOKEN),
    ] {
        let told = redaction.cut_out_of(error).report();
        assert!(!told.contains("hunter2") && !told.contains("aHVudGVy") && !told.contains("ghp_"), "{told}");
    }
}
