//! The headers that are written for a request are accepted for it, and no others that say something else.
//!
//! Input: a JSON object with the `method`, the `params`, the `schema` of the tool, and `headers` as pairs.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mcp_gateway_core::protocol::stateless::{Routing, RoutingHeaders, header_parameters};
use mcp_gateway_core::protocol::{ProtocolVersion, RawJson};

fuzz_target!(|text: &str| {
    let Ok(input) = RawJson::parse(text).and_then(|raw| raw.object()) else { return };
    let Some(params) = input.get("params").and_then(|params| params.object().ok()) else { return };
    let (method, schema) = (input.text("method").unwrap_or_else(|| "tools/call".to_owned()), input.get("schema"));

    let routing = Routing::of(ProtocolVersion::LATEST, &method, &params, schema);
    let headers = routing.headers();
    for (name, value) in &headers {
        let is_token = |byte: u8| byte.is_ascii_graphic() && !b"\"(),/:;<=>?@[\\]{}".contains(&byte);
        assert!(name.bytes().all(is_token), "header {name:?}");
        let is_plain = value.bytes().all(|byte| (0x20..0x7f).contains(&byte)) && value.trim() == value;
        assert!(is_plain || value == &method, "value {value:?}");
    }
    let sent = RoutingHeaders::of(headers.iter().map(|(name, value)| (name.as_str(), Some(value.as_str()))));
    // A method stands in its header as it is, which is text that a header can hold where the method is served.
    if method.trim_matches([' ', '\t']) == method && !method.starts_with("=?base64?") {
        Routing::check(&sent, &method, &params, schema).expect("the headers that were written");
        Routing::check_version(&sent, ProtocolVersion::LATEST.as_str()).expect("the version that was written");
    }
    if let Some(Ok(found)) = schema.map(header_parameters) {
        assert!(found.len() <= 32 && routing.parameters.len() <= found.len());
    }

    let Some(pairs) = input.get("headers").and_then(|pairs| pairs.read::<Vec<(String, Option<String>)>>().ok()) else {
        return;
    };
    let came = RoutingHeaders::of(pairs.iter().map(|(name, value)| (name.as_str(), value.as_deref())));
    if Routing::check(&came, &method, &params, schema).is_ok() {
        says(&pairs, "mcp-method", &method);
        if let Some(name) = &routing.name {
            says(&pairs, "mcp-name", name);
        }
    }
});

/// Exactly one header says this, plainly or wrapped.
fn says(pairs: &[(String, Option<String>)], name: &str, value: &str) {
    let sent: Vec<_> = pairs.iter().filter(|(sent, _)| sent.eq_ignore_ascii_case(name)).collect();
    let [(_, Some(sent))] = sent.as_slice() else { panic!("`{name}` was accepted as {sent:?}") };
    let sent = sent.trim_matches([' ', '\t']);
    assert!(sent == value || sent.starts_with("=?base64?"), "`{name}: {sent}` was accepted for `{value}`");
}
