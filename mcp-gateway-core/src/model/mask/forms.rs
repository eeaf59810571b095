//! The forms that a value can take on its way through texts: escaped, encoded, wrapped once more.

use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

/// Shorter lines of a value of several lines stand in ordinary text by chance.
const SHORTEST_LINE: usize = 16;

/// How deep JSON may stand in texts of JSON.
const DEPTH: usize = 3;

/// The digits of both ways to write hexadecimal numbers.
const DIGITS: [&[u8; 16]; 2] = [b"0123456789abcdef", b"0123456789ABCDEF"];

/// One form of a value.
pub(super) struct Form {
    pub(super) text: Zeroizing<String>,
    /// Whether it can stand inside a text of JSON; with quotes or line ends it can only stand outside.
    pub(super) in_json: bool,
}

/// Every form of a value that is looked for.
pub(super) fn forms(value: &str) -> Vec<Form> {
    let mut forms = Forms::default();
    forms.add(Zeroizing::new(value.to_owned()));
    forms.add(Zeroizing::new(html(value)));
    let mut escaped = Zeroizing::new(value.to_owned());
    for _ in 0..DEPTH {
        escaped = json(&escaped);
        forms.add(escaped.clone());
    }
    for digits in DIGITS {
        // The outermost escapes are undone before anything is looked for; these stand one level deeper, or in plain text.
        for is_kept in [char::is_ascii as fn(&char) -> bool, is_safe_in_html, |_: &char| false] {
            let mut escaped = escape(value, digits, is_kept);
            for _ in 0..DEPTH {
                let deeper = json(&escaped);
                forms.add(std::mem::replace(&mut escaped, deeper));
            }
        }
        forms.add(Zeroizing::new(value.bytes().flat_map(|byte| hex(byte, digits)).collect()));
        // What is left as it is by: nobody, RFC 3986, browsers for parts, browsers for whole addresses, paths.
        for kept in [None, Some(""), Some("!*'()"), Some("!*'();/?:@&=+$,#[]"), Some("/")] {
            forms.add(percent(value, digits, kept));
        }
        forms.add(Zeroizing::new(percent(value, digits, Some("* ")).replace(' ', "+")));
    }
    for before in 0..3 {
        let standard = base64_middle(value, before, &STANDARD_NO_PAD);
        DIGITS.iter().for_each(|digits| forms.add(percent(&standard, digits, Some(""))));
        forms.add(standard);
        forms.add(base64_middle(value, before, &URL_SAFE_NO_PAD));
    }
    if value.trim_end().contains('\n') {
        // Whoever prints a key file does it line by line.
        let lines = value.lines().map(str::trim).filter(|line| line.len() >= SHORTEST_LINE && !line.starts_with('-'));
        lines.for_each(|line| forms.add(Zeroizing::new(line.to_owned())));
    }
    forms.0
}

#[derive(Default)]
struct Forms(Vec<Form>);

impl Forms {
    fn add(&mut self, text: Zeroizing<String>) {
        if !text.is_empty() && !self.0.iter().any(|form| form.text == text) {
            let quoted = Zeroizing::new(format!("\"{}\"", *text));
            let in_json = serde_json::from_str::<serde::de::IgnoredAny>(&quoted).is_ok();
            self.0.push(Form { text, in_json });
        }
    }
}

/// What a JSON text of this text has between its quotes.
fn json(text: &str) -> Zeroizing<String> {
    let quoted = Zeroizing::new(serde_json::Value::from(text).to_string());
    Zeroizing::new(quoted[1..quoted.len() - 1].to_owned())
}

/// The same with everything as `\u….` that is not kept.
fn escape(text: &str, digits: &[u8; 16], is_kept: fn(&char) -> bool) -> Zeroizing<String> {
    let mut out = Zeroizing::new(String::with_capacity(text.len() * 6));
    for c in text.chars() {
        if is_kept(&c) {
            out.push_str(&json(c.encode_utf8(&mut [0; 4])));
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            out.push_str("\\u");
            let [high, low] = unit.to_be_bytes();
            out.extend(hex(high, digits).into_iter().chain(hex(low, digits)));
        }
    }
    out
}

fn is_safe_in_html(c: &char) -> bool {
    c.is_ascii() && !"<>&'=+".contains(*c)
}

fn html(text: &str) -> String {
    let amp = Zeroizing::new(text.replace('&', "&amp;"));
    amp.replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

fn hex(byte: u8, digits: &[u8; 16]) -> [char; 2] {
    [byte >> 4, byte & 15].map(|nibble| char::from(digits[usize::from(nibble)]))
}

/// The text with every byte as `%XX`, or with letters, digits, `-._~` and what else is kept as they are.
fn percent(text: &str, digits: &[u8; 16], kept: Option<&str>) -> Zeroizing<String> {
    let mut out = Zeroizing::new(String::with_capacity(text.len() * 3));
    for byte in text.bytes() {
        let is_plain = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if kept.is_some_and(|kept| is_plain || kept.as_bytes().contains(&byte)) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.extend(hex(byte, digits));
        }
    }
    out
}

/// The digits of base64 that the value alone decides, where so many bytes stand before it.
fn base64_middle(value: &str, before: usize, engine: &impl base64::Engine) -> Zeroizing<String> {
    let mut bytes = Zeroizing::new(vec![0; before]);
    bytes.extend_from_slice(value.as_bytes());
    let digits = Zeroizing::new(engine.encode(&*bytes));
    let decided = (before * 8).div_ceil(6)..bytes.len() * 8 / 6;
    Zeroizing::new(digits[decided].to_owned())
}
