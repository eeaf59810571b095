//! The headers by which HTTP requests of the stateless era can be routed without reading their bodies.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::protocol::{ProtocolVersion, RawJson, RawObject, RpcError, code, http::header, may_hold};

/// What a value that is no plain header text is wrapped into.
const WRAP: (&str, &str) = ("=?base64?", "?=");

/// The key of a schema that makes a parameter a header.
const ANNOTATION: &str = "x-mcp-header";

/// The deepest schema and the most headers that are looked at.
const MAX_DEPTH: usize = 16;
const MAX_PARAMETERS: usize = 32;

/// The headers of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Routing {
    /// The version that the request is written in.
    pub version: ProtocolVersion,
    /// The method.
    pub method: String,
    /// What it is about: a tool, a prompt, a resource, a task.
    pub name: Option<String>,
    /// Arguments that are headers too, by the part of the header's name after `Mcp-Param-`.
    pub parameters: Vec<(String, String)>,
}

/// The headers of a request by which it was routed, as they came.
#[derive(Clone, Debug, Default)]
pub struct RoutingHeaders(Vec<(String, Option<String>)>);

impl RoutingHeaders {
    /// Takes what concerns routing of all headers; the value is `None` for one that is no visible text.
    pub fn of<'a>(headers: impl IntoIterator<Item = (&'a str, Option<&'a str>)>) -> Self {
        let routing = headers
            .into_iter()
            .filter(|(name, _)| name.get(..4).is_some_and(|begin| begin.eq_ignore_ascii_case("mcp-")));
        Self(routing.map(|(name, value)| (name.to_ascii_lowercase(), value.map(str::to_owned))).collect())
    }

    fn all(&self, name: &str) -> Vec<Option<&str>> {
        let same = self.0.iter().filter(|(sent, _)| sent == name);
        same.map(|(_, value)| value.as_deref()).collect()
    }
}

impl Routing {
    /// The headers of a request; `schema` is the input schema of the tool that it calls.
    pub fn of(version: ProtocolVersion, method: &str, params: &RawObject, schema: Option<&RawJson>) -> Self {
        let parameters = schema.map(|schema| values(&annotated(schema), params)).unwrap_or_default();
        let parameters = parameters.into_iter().filter_map(|(name, value)| Some((name, text_of(&value?)?))).collect();
        Self { version, method: method.to_owned(), name: name_of(method, params), parameters }
    }

    /// The headers, as they are sent.
    pub fn headers(&self) -> Vec<(String, String)> {
        let mut headers = vec![
            (header::PROTOCOL_VERSION.to_owned(), self.version.as_str().to_owned()),
            (header::METHOD.to_owned(), self.method.clone()),
        ];
        headers.extend(self.name.as_deref().map(|name| (header::NAME.to_owned(), encode(name))));
        let parameters = self.parameters.iter();
        headers.extend(parameters.map(|(name, value)| (format!("{}{name}", header::PARAM_PREFIX), encode(value))));
        headers
    }

    /// Checks that headers say what the body says.
    ///
    /// # Errors
    /// `-32020` when one is missing, stands twice, or says something else.
    pub fn check(
        headers: &RoutingHeaders,
        method: &str,
        params: &RawObject,
        schema: Option<&RawJson>,
    ) -> Result<(), RpcError> {
        expect(headers, header::METHOD, Some(method))?;
        if let Some(name) = name_of(method, params) {
            expect(headers, header::NAME, Some(&name))?;
        }
        let Some(schema) = schema else { return Ok(()) };
        for (name, value) in values(&annotated(schema), params) {
            let (name, wanted) = (name.to_ascii_lowercase(), value.as_ref().and_then(text_of));
            let same = if value.is_some_and(|value| value.is_number()) { is_same_number } else { is_same_text };
            expect_as(headers, &format!("{}{name}", header::PARAM_PREFIX), wanted.as_deref(), same)?;
        }
        Ok(())
    }

    /// Checks that the version in the header is the one in the body.
    ///
    /// # Errors
    /// `-32020` when it is missing or another.
    pub fn check_version(headers: &RoutingHeaders, version: &str) -> Result<(), RpcError> {
        expect(headers, header::PROTOCOL_VERSION, Some(version))
    }
}

/// The paths of the parameters of a tool that are headers too, with the headers' names.
///
/// # Errors
/// Why the annotations cannot be used; a client has to leave such a tool alone.
pub fn header_parameters(schema: &RawJson) -> Result<Vec<(Vec<String>, String)>, String> {
    if !may_hold(schema.get(), ANNOTATION) {
        return Ok(Vec::new());
    }
    let schema: Value = schema.read().map_err(|_| "schema cannot be read".to_owned())?;
    let mut found = Vec::new();
    let mut seen = 0;
    if let Some(root) = schema.as_object() {
        collect(root, &mut Vec::new(), &mut found)?;
        count(&schema, 0, &mut seen)?;
    }
    if seen != found.len() {
        return Err(format!("`{ANNOTATION}` stands where no parameter of the tool is"));
    }
    for (at, (_, name)) in found.iter().enumerate() {
        if found[..at].iter().any(|(_, other): &(_, String)| other.eq_ignore_ascii_case(name)) {
            return Err(format!("header `{name}` is named twice"));
        }
    }
    if found.len() > MAX_PARAMETERS {
        return Err(format!("more than {MAX_PARAMETERS} parameters are headers"));
    }
    Ok(found)
}

/// Annotations that cannot be used make no headers.
fn annotated(schema: &RawJson) -> Vec<(Vec<String>, String)> {
    header_parameters(schema).unwrap_or_default()
}

fn collect(
    schema: &Map<String, Value>,
    path: &mut Vec<String>,
    found: &mut Vec<(Vec<String>, String)>,
) -> Result<(), String> {
    if path.len() > MAX_DEPTH {
        return Err("schema is too deep".to_owned());
    }
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return Ok(()) };
    for (key, property) in properties {
        let Some(property) = property.as_object() else { continue };
        path.push(key.clone());
        if let Some(annotation) = property.get(ANNOTATION) {
            let name = annotation.as_str().filter(|name| is_token(name));
            let name = name.ok_or_else(|| format!("header of `{}` has no usable name", path.join(".")))?;
            let kind = property.get("type").and_then(Value::as_str);
            if !matches!(kind, Some("string" | "integer" | "boolean")) {
                return Err(format!(
                    "`{}` is no text, whole number or boolean, so it cannot be a header",
                    path.join(".")
                ));
            }
            found.push((path.clone(), name.to_owned()));
        }
        collect(property, path, found)?;
        path.pop();
    }
    Ok(())
}

/// Counts the annotations of a schema wherever they stand; values that are no schemas may hold the word.
fn count(value: &Value, depth: usize, seen: &mut usize) -> Result<(), String> {
    if depth > 4 * MAX_DEPTH {
        return Err("schema is too deep".to_owned());
    }
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                match key.as_str() {
                    ANNOTATION => *seen += 1,
                    "default" | "const" | "enum" | "examples" => {}
                    "properties" | "$defs" | "definitions" | "patternProperties" | "dependentSchemas" => {
                        for schema in value.as_object().into_iter().flat_map(Map::values) {
                            count(schema, depth + 1, seen)?;
                        }
                    }
                    _ => count(value, depth + 1, seen)?,
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                count(item, depth + 1, seen)?;
            }
        }
        _ => {}
    }
    Ok(())
}

/// The values of the parameters that are headers; `None` for one that is absent, null, or of a kind that no header has.
fn values(annotated: &[(Vec<String>, String)], params: &RawObject) -> Vec<(String, Option<Value>)> {
    if annotated.is_empty() {
        return Vec::new();
    }
    let arguments: Value = params.get("arguments").and_then(|arguments| arguments.read().ok()).unwrap_or_default();
    let value = |path: &[String]| {
        let value = path.iter().try_fold(&arguments, |value, key| value.get(key))?;
        matches!(value, Value::String(_) | Value::Bool(_) | Value::Number(_)).then(|| value.clone())
    };
    annotated.iter().map(|(path, name)| (name.clone(), value(path))).collect()
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Number(number) => Some(plain(number)),
        _ => None,
    }
}

/// A number as text; one without a fraction as a whole number, however it was written.
fn plain(number: &serde_json::Number) -> String {
    match number.as_f64() {
        Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < 9_007_199_254_740_992.0 => {
            format!("{float:.0}")
        }
        _ => number.to_string(),
    }
}

fn name_of(method: &str, params: &RawObject) -> Option<String> {
    match method {
        "tools/call" | "prompts/get" => params.text("name"),
        "resources/read" => params.text("uri"),
        "tasks/get" | "tasks/update" | "tasks/cancel" => params.text("taskId"),
        _ => None,
    }
}

fn expect(headers: &RoutingHeaders, name: &str, wanted: Option<&str>) -> Result<(), RpcError> {
    expect_as(headers, name, wanted, is_same_text)
}

fn expect_as(
    headers: &RoutingHeaders,
    name: &str,
    wanted: Option<&str>,
    same: impl Fn(&str, &str) -> bool,
) -> Result<(), RpcError> {
    let mismatch = |why: &str| Err(RpcError::new(code::HEADER_MISMATCH, format!("header `{name}` {why}")));
    match (headers.all(name).as_slice(), wanted) {
        ([], None) => Ok(()),
        ([], Some(_)) => mismatch("is missing"),
        ([_], None) => mismatch("stands for a value that the body does not have"),
        ([value], Some(wanted)) => match value.and_then(decode) {
            Some(value) if same(&value, wanted) => Ok(()),
            Some(_) => mismatch("says something else than the body"),
            None => mismatch("cannot be read"),
        },
        _ => mismatch("stands more than once"),
    }
}

/// `42` and `42.0` are the same number, and two texts.
fn is_same_number(one: &str, other: &str) -> bool {
    let number = |text: &str| text.parse::<serde_json::Number>().ok().map(|number| plain(&number));
    one == other || number(one).is_some_and(|one| number(other) == Some(one))
}

fn is_same_text(one: &str, other: &str) -> bool {
    one == other
}

fn encode(value: &str) -> String {
    let is_plain = value.bytes().all(|byte| (0x20..0x7f).contains(&byte))
        && value.trim() == value
        && !(value.starts_with(WRAP.0) && value.ends_with(WRAP.1));
    if is_plain { value.to_owned() } else { format!("{}{}{}", WRAP.0, STANDARD.encode(value), WRAP.1) }
}

fn decode(value: &str) -> Option<String> {
    let value = value.trim_matches([' ', '\t']);
    match value.strip_prefix(WRAP.0).and_then(|value| value.strip_suffix(WRAP.1)) {
        Some(wrapped) => String::from_utf8(STANDARD.decode(wrapped).ok()?).ok(),
        None => Some(value.to_owned()),
    }
}

/// Whether a text can be part of a header's name (RFC 9110, section 5.6.2).
fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 128
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sent(headers: &[(String, String)]) -> RoutingHeaders {
        RoutingHeaders::of(headers.iter().map(|(name, value)| (name.as_str(), Some(value.as_str()))))
    }

    fn schema(properties: Value) -> RawJson {
        RawJson::from_value(&json!({"type": "object", "properties": properties})).unwrap()
    }

    fn params(name: &str, arguments: Value) -> RawObject {
        RawJson::from_value(&json!({"name": name, "arguments": arguments})).unwrap().object().unwrap()
    }

    #[test]
    fn what_is_sent_is_what_is_expected() {
        let schema = schema(json!({
            "region": {"type": "string", "x-mcp-header": "Region"},
            "deep": {"type": "object", "properties": {"n": {"type": "integer", "x-mcp-header": "N"}}},
            "absent": {"type": "boolean", "x-mcp-header": "Absent"},
        }));
        for name in ["plain", "zwölf", " padded ", "=?base64?x?=", ""] {
            let params = params(name, json!({"region": name, "deep": {"n": 42}, "absent": null}));
            let routing = Routing::of(ProtocolVersion::V20260728, "tools/call", &params, Some(&schema));
            let mut headers = routing.headers();
            assert!(headers.iter().all(|(_, value)| value.is_ascii()));
            Routing::check(&sent(&headers), "tools/call", &params, Some(&schema)).unwrap();
            Routing::check_version(&sent(&headers), "2026-07-28").unwrap();
            headers.push(("Mcp-Param-Absent".to_owned(), "true".to_owned()));
            let error = Routing::check(&sent(&headers), "tools/call", &params, Some(&schema)).unwrap_err();
            assert_eq!(error.code, code::HEADER_MISMATCH);
        }
    }

    #[test]
    fn headers_that_say_something_else_are_refused() {
        let params = params("x", json!({}));
        let check = |headers: &[(&str, &str)]| {
            let headers = RoutingHeaders::of(headers.iter().map(|(name, value)| (*name, Some(*value))));
            Routing::check(&headers, "tools/call", &params, None).map_err(|error| error.code)
        };
        assert_eq!(check(&[("mcp-method", "tools/call"), ("mcp-name", "x")]), Ok(()));
        for headers in [
            &[("mcp-method", "tools/call")][..],
            &[("mcp-name", "x")],
            &[("mcp-method", "tools/call"), ("mcp-name", "y")],
            &[("mcp-method", "Tools/Call"), ("mcp-name", "x")],
            &[("mcp-method", "tools/call"), ("mcp-name", "x"), ("mcp-name", "x")],
            &[("mcp-method", "tools/call"), ("mcp-name", "=?base64?%?=")],
        ] {
            assert_eq!(check(headers), Err(code::HEADER_MISMATCH), "{headers:?}");
        }
    }

    #[test]
    fn numbers_are_compared_as_numbers() {
        let schema = schema(json!({"n": {"type": "integer", "x-mcp-header": "N"}}));
        let params = params("x", json!({"n": 42.0}));
        let mut headers = Routing::of(ProtocolVersion::LATEST, "tools/call", &params, Some(&schema)).headers();
        assert_eq!(headers.last().unwrap().1, "42");
        headers.last_mut().unwrap().1 = "42.0".to_owned();
        Routing::check(&sent(&headers), "tools/call", &params, Some(&schema)).unwrap();
    }

    #[test]
    fn texts_that_look_like_numbers_are_compared_as_texts() {
        let schema = schema(json!({"n": {"type": "string", "x-mcp-header": "N"}}));
        let params = params("100", json!({"n": "42"}));
        let check = |name: &str, n: &str| {
            let headers = [("mcp-method", "tools/call"), ("mcp-name", name), ("mcp-param-n", n)];
            let headers = RoutingHeaders::of(headers.map(|(name, value)| (name, Some(value))));
            Routing::check(&headers, "tools/call", &params, Some(&schema))
        };
        check("100", "42").unwrap();
        assert!(check("1e2", "42").is_err());
        assert!(check("100", "42.0").is_err());
    }

    #[test]
    fn annotations_that_cannot_be_used_are_found() {
        let wrong = |properties: Value| header_parameters(&schema(properties)).is_err();
        assert!(wrong(json!({"a": {"type": "string", "x-mcp-header": ""}})));
        assert!(wrong(json!({"a": {"type": "string", "x-mcp-header": "a b"}})));
        assert!(wrong(json!({"a": {"type": "array", "x-mcp-header": "A"}})));
        assert!(wrong(
            json!({"a": {"type": "string", "x-mcp-header": "A"}, "b": {"type": "string", "x-mcp-header": "a"}})
        ));
        assert!(wrong(json!({"a": {"type": "array", "items": {"type": "string", "x-mcp-header": "A"}}})));
        assert!(!wrong(json!({"a": {"type": "string", "default": {"x-mcp-header": "A"}}})));
        assert!(!wrong(json!({"x-mcp-header": {"type": "string"}})));
    }
}
