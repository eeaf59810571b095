//! Results as each era has them.

use serde_json::value::RawValue;

use crate::protocol::{ListKind, RawJson, RequestKind, may_hold};

pub(super) const SERVER: &str = "io.modelcontextprotocol/serverInfo";
const TYPE: &str = "resultType";

/// How long a client may keep what cannot change unseen, in milliseconds: as long as it likes to be wrong.
const TTL_MS: u64 = 0;

/// A result as a client of the stateless era gets it: with its type, and for lists and contents with how long it holds.
///
/// What is there already stays as it is; what is added goes to the front, so that large results are copied once.
pub fn complete(kind: RequestKind, result: RawJson) -> RawJson {
    let text = result.get();
    let has = |key: &str| may_hold(text, key) && has_member(text, key);
    let mut front = String::new();
    if !has(TYPE) {
        front.push_str(r#""resultType":"complete","#);
    }
    if is_cacheable(kind) {
        if !has("ttlMs") {
            front.push_str(&format!(r#""ttlMs":{TTL_MS},"#));
        }
        if !has("cacheScope") {
            front.push_str(r#""cacheScope":"private","#);
        }
    }
    let Some(rest) = text.strip_prefix('{').filter(|_| !front.is_empty()) else { return result };
    if rest.trim_start().starts_with('}') {
        front.pop();
    }
    let mut whole = String::with_capacity(text.len() + front.len());
    whole.push('{');
    whole.push_str(&front);
    whole.push_str(rest);
    // Members were put before others of a valid object.
    RawJson::parse(whole).unwrap_or(result)
}

/// A result as a client of the session era gets it: without what only the stateless era has.
pub fn for_session_era(result: RawJson) -> RawJson {
    let text = result.get();
    if ![TYPE, "ttlMs", "cacheScope", SERVER].into_iter().any(|key| may_hold(text, key)) {
        return result;
    }
    let Ok(mut object) = result.object() else { return result };
    for key in [TYPE, "ttlMs", "cacheScope"] {
        object.remove(key);
    }
    if let Some(mut meta) = object.get("_meta").and_then(|meta| meta.object().ok())
        && meta.remove(SERVER).is_some()
    {
        if meta.is_empty() {
            object.remove("_meta");
        } else {
            object.set("_meta", meta.to_raw());
        }
    }
    object.to_raw()
}

/// Lists and contents hold for a time; what a call gives does not.
fn is_cacheable(kind: RequestKind) -> bool {
    kind == RequestKind::ReadResource || ListKind::ALL.iter().any(|list| list.request() == kind)
}

/// Whether an object has a member at its top, without copying any of it.
fn has_member(text: &str, key: &str) -> bool {
    struct Seek<'k>(&'k str);
    impl<'de> serde::de::Visitor<'de> for Seek<'_> {
        type Value = bool;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
            let mut found = false;
            while let Some(key) = map.next_key::<std::borrow::Cow<'de, str>>()? {
                found |= key == self.0;
                map.next_value::<&'de RawValue>()?;
            }
            Ok(found)
        }
    }
    let mut reader = serde_json::Deserializer::from_str(text);
    serde::Deserializer::deserialize_map(&mut reader, Seek(key)).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> RawJson {
        RawJson::parse(text).unwrap()
    }

    #[test]
    fn what_is_missing_is_added_once() {
        let call = complete(RequestKind::CallTool, raw(r#"{"content":[{"text":"resultType"}]}"#));
        assert_eq!(call.get(), r#"{"resultType":"complete","content":[{"text":"resultType"}]}"#);
        assert_eq!(complete(RequestKind::CallTool, call.clone()), call);
        let escaped = raw(r#"{"result\u0054ype":"task"}"#);
        assert_eq!(complete(RequestKind::CallTool, escaped.clone()), escaped);
        assert_eq!(complete(RequestKind::Complete, raw("{ }")).get(), r#"{"resultType":"complete" }"#);
        let list = complete(RequestKind::ListTools, raw(r#"{"tools":[],"ttlMs":5}"#));
        assert_eq!(list.get(), r#"{"resultType":"complete","cacheScope":"private","tools":[],"ttlMs":5}"#);
    }

    #[test]
    fn the_session_era_sees_nothing_of_the_other() {
        let result = raw(
            r#"{"resultType":"complete","content":[],"ttlMs":1,"_meta":{"io.modelcontextprotocol/serverInfo":{},"a/b":1}}"#,
        );
        assert_eq!(for_session_era(result).get(), r#"{"content":[],"_meta":{"a/b":1}}"#);
        assert_eq!(for_session_era(raw(r#"{"ttl\u004ds":1}"#)).get(), "{}");
        let untouched = raw(r#"{"content":[ 1.0 ]}"#);
        assert_eq!(for_session_era(untouched.clone()), untouched);
    }
}
