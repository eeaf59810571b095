//! What a mask finds, and what it leaves alone.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn mask(values: &[&str]) -> Mask {
    let values: Vec<SecretValue> = values.iter().map(|value| SecretValue::new(*value)).collect();
    Mask::new(&values)
}

fn cut_json(mask: &Mask, json: &str) -> Option<String> {
    let plain = plain_json(json);
    let json = plain.as_deref().unwrap_or(json);
    replaced(json, &mask.find(json, true))
}

/// A value of every kind of character.
const AWKWARD: &str = "p\"a\\ss/w+ö<r>&d=😀'%";

fn percent(text: &str, keep: impl Fn(u8) -> bool) -> String {
    text.bytes().map(|b| if keep(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

#[test]
fn every_form_is_cut_out_of_plain_text() {
    let mask = mask(&[AWKWARD, "hunter2-hunter2"]);
    let mut forms = Vec::new();
    for value in [AWKWARD, "hunter2-hunter2"] {
        let quoted = serde_json::to_string(value).unwrap();
        let twice = serde_json::to_string(&quoted).unwrap();
        forms.extend([value.to_owned(), quoted, twice.clone(), serde_json::to_string(&twice).unwrap()]);
        forms.extend([hex::encode(value), hex::encode_upper(value)]);
        forms.push(percent(value, |b| b.is_ascii_alphanumeric() || b"-._~".contains(&b)));
        forms.push(percent(value, |b| b.is_ascii_alphanumeric() || b"-._~".contains(&b)).to_lowercase());
        forms.push(percent(value, |_| false));
        for around in ["", "a", "ab", "abc:"] {
            forms.push(STANDARD.encode(format!("{around}{value}{around}")));
            forms.push(URL_SAFE.encode(format!("{around}{value}")));
        }
    }
    for form in forms {
        let cut = mask.cut(&format!("before {form} after"));
        let cut = cut.unwrap_or_else(|| panic!("not found: {form}"));
        assert!(cut.starts_with("before ") && cut.ends_with(" after") && cut.contains(MASK), "{form}: {cut}");
        assert!(cut.len() < "before ".len() + 24 + " after".len(), "{form}: {cut}");
    }
}

#[test]
fn json_stays_json_and_says_nothing_else() {
    let mask = mask(&[AWKWARD, "nabcdef", "abcdef\\"]);
    for value in [json!({"a": AWKWARD}), json!([AWKWARD, format!("<{AWKWARD}>")]), json!({AWKWARD: 1})] {
        let cut = cut_json(&mask, &value.to_string()).unwrap();
        let read: Value = serde_json::from_str(&cut).unwrap();
        assert!(read.to_string().contains(MASK) && !cut.contains("ss/w"), "{cut}");
    }
    // The `n` belongs to the line end, and the backslash to the quote.
    assert_eq!(cut_json(&mask, r#"{"a":"\nabcdef"}"#), None);
    assert_eq!(cut_json(&mask, r#"{"a":"abcdef\"x"}"#), None);
    assert_eq!(cut_json(&mask, r#"{"a":"abcdef\\x"}"#).unwrap(), r#"{"a":"***x"}"#);
    assert_eq!(cut_json(&mask, r#"{"a":"\\nabcdef"}"#).unwrap(), r#"{"a":"\\***"}"#);
}

#[test]
fn values_that_overlap_are_cut_out_whole() {
    let mask = mask(&["abcdef", "defghi", "bcdefghijk", "xxxxxx"]);
    assert_eq!(mask.cut("-abcdefghi-").unwrap(), "-***-");
    assert_eq!(mask.cut("-abcdefghijkl").unwrap(), "-***l");
    assert_eq!(mask.cut("abcdefabcdef").unwrap(), "******");
    assert_eq!(mask.cut("xxxxxxxxx").unwrap(), "***");
    assert_eq!(mask.cut("nothing here"), None);
}

#[test]
fn short_values_are_left_alone_and_lines_of_long_ones_are_not() {
    let key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\nAQEFAASCBKcwggSjAgEAAoIB\n-----END KEY-----\n";
    let mask = mask(&["ab", "      ", key]);
    assert_eq!(mask.cut("ab 12"), None);
    assert_eq!(mask.cut("stderr: MIIEvQIBADANBgkqhkiG9w0B").unwrap(), "stderr: ***");
    assert_eq!(mask.cut("-----BEGIN KEY-----"), None);
    assert_eq!(mask.cut(key.trim()).unwrap(), MASK);
    assert!(format!("{mask:?}").len() < 60);
}

fn escape_some(text: &str, which: &[bool]) -> String {
    let mut out = String::new();
    for (index, c) in text.chars().enumerate() {
        match which.get(index % which.len().max(1)) {
            Some(true) => c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}"))),
            _ if c == '/' => out.push_str("\\/"),
            _ => out.push_str(serde_json::to_string(&c).unwrap().trim_matches('"').replace("\\\\\"", "\\\"").as_str()),
        }
    }
    out
}

proptest! {
    #[test]
    fn no_choice_of_escapes_hides_a_value(which in prop::collection::vec(any::<bool>(), 1..20)) {
        let value = "s3cr/t-ö😀-value";
        let json = format!("{{\"a\":\"x{}y\"}}", escape_some(value, &which));
        prop_assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), json!({"a": format!("x{value}y")}));
        prop_assert_eq!(cut_json(&mask(&[value]), &json).unwrap(), r#"{"a":"x***y"}"#);
    }

    #[test]
    fn whatever_a_value_is_it_does_not_come_through(value in "\\PC{6,20}", before in "\\PC{0,8}", after in "\\PC{0,8}") {
        let mask = mask(&[&value]);
        let text = format!("{before}{value}{after}");
        prop_assert!(mask.cut(&text).is_some());
        let cut = cut_json(&mask, &json!({"t": text}).to_string());
        let cut: Value = serde_json::from_str(&cut.unwrap()).unwrap();
        let shown = cut["t"].as_str().unwrap();
        prop_assert!(!shown.contains(&value) || MASK.contains(&value), "{}", shown);
    }
}
