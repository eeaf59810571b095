//! One field of a form: what may be filled in, and what a person types for it.

use serde_json::{Map, Number, Value};

use crate::cli::report::plain;

/// A field of a form.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) is_required: bool,
    title: String,
    description: String,
    kind: Kind,
    schema: Value,
}

#[derive(Debug)]
enum Kind {
    Text,
    Number { is_integer: bool },
    Boolean,
    One(Vec<Choice>),
    Several(Vec<Choice>),
}

#[derive(Debug)]
struct Choice {
    value: String,
    title: String,
}

/// The fields of a form, in its order.
pub(super) fn all(schema: &Value) -> Vec<Field> {
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let fields = schema["properties"].as_object().into_iter().flatten();
    fields.map(|(name, schema)| Field::new(name, schema, required.contains(&name.as_str()))).collect()
}

impl Field {
    fn new(name: &str, schema: &Value, is_required: bool) -> Self {
        let text = |key: &str| schema[key].as_str().map(flat).filter(|text| !text.is_empty());
        let kind = match schema["type"].as_str() {
            Some("boolean") => Kind::Boolean,
            Some("number") => Kind::Number { is_integer: false },
            Some("integer") => Kind::Number { is_integer: true },
            Some("array") => Kind::Several(choices(&schema["items"])),
            _ => match choices(schema) {
                choices if choices.is_empty() => Kind::Text,
                choices => Kind::One(choices),
            },
        };
        Self {
            name: name.to_owned(),
            is_required,
            title: text("title").unwrap_or_else(|| flat(name)),
            description: text("description").unwrap_or_default(),
            kind,
            schema: schema.clone(),
        }
    }

    /// The line that asks for it.
    pub(super) fn prompt(&self) -> String {
        let mut line = self.title.clone();
        if !self.description.is_empty() {
            line += &format!(" - {}", self.description);
        }
        let choices = match &self.kind {
            Kind::One(choices) | Kind::Several(choices) => choices
                .iter()
                .map(|choice| flat(if choice.title.is_empty() { &choice.value } else { &choice.title }))
                .collect::<Vec<_>>()
                .join(", "),
            Kind::Boolean => "yes, no".to_owned(),
            Kind::Text | Kind::Number { .. } => String::new(),
        };
        if !choices.is_empty() {
            line += &format!(" [{choices}]");
        }
        let several = if matches!(self.kind, Kind::Several(_)) { "several, with commas between; " } else { "" };
        let empty = match self.default() {
            Some(default) => format!("default {}", flat(&shown(&default))),
            None if self.is_required => "required".to_owned(),
            None => "may be left out".to_owned(),
        };
        line + &format!(" ({several}{empty}): ")
    }

    /// The value of what a person typed; none for an empty line where there may be none.
    ///
    /// # Errors
    /// What is wanted instead.
    pub(super) fn typed(&self, line: &str) -> Result<Option<Value>, String> {
        let line = line.trim();
        if line.is_empty() {
            return match self.default() {
                None if self.is_required => Err(self.wanted()),
                default => Ok(default),
            };
        }
        let value = match &self.kind {
            Kind::Text => Some(Value::from(line)),
            Kind::Number { .. } => line.parse::<Number>().ok().map(Value::Number),
            Kind::Boolean => match line.to_lowercase().as_str() {
                "y" | "yes" | "true" => Some(Value::Bool(true)),
                "n" | "no" | "false" => Some(Value::Bool(false)),
                _ => None,
            },
            Kind::One(choices) => chosen(choices, line),
            Kind::Several(choices) => line.split(',').map(|word| chosen(choices, word.trim())).collect(),
        };
        value.filter(|value| self.takes(value)).map(Some).ok_or_else(|| self.wanted())
    }

    /// The value that was prepared for it, else its default.
    ///
    /// # Errors
    /// What is wanted instead of what was prepared.
    pub(super) fn given(&self, answers: Option<&Map<String, Value>>) -> Result<Option<Value>, String> {
        match answers.and_then(|answers| answers.get(&self.name)) {
            None => Ok(self.default()),
            Some(value) if self.takes(value) => Ok(Some(value.clone())),
            Some(_) => Err(self.wanted()),
        }
    }

    fn default(&self) -> Option<Value> {
        self.schema.get("default").filter(|default| self.takes(default)).cloned()
    }

    fn takes(&self, value: &Value) -> bool {
        match &self.kind {
            Kind::Text => value.as_str().is_some_and(|text| self.is_within("Length", text.chars().count() as f64)),
            Kind::Number { is_integer } => value
                .as_f64()
                .is_some_and(|number| (!is_integer || number.fract() == 0.0) && self.is_within("imum", number)),
            Kind::Boolean => value.is_boolean(),
            Kind::One(choices) => choices.iter().any(|choice| *value == choice.value),
            Kind::Several(choices) => value.as_array().is_some_and(|values| {
                self.is_within("Items", values.len() as f64)
                    && values.iter().all(|value| choices.iter().any(|choice| *value == choice.value))
            }),
        }
    }

    /// Whether a measure is between the `min…` and the `max…` of the schema.
    fn is_within(&self, measure: &str, is: f64) -> bool {
        let bound = |end: &str| self.schema[format!("{end}{measure}")].as_f64();
        bound("min").is_none_or(|least| is >= least) && bound("max").is_none_or(|most| is <= most)
    }

    fn wanted(&self) -> String {
        let (what, measure) = match &self.kind {
            Kind::Text => ("a text", "Length"),
            Kind::Number { is_integer: true } => ("a whole number", "imum"),
            Kind::Number { is_integer: false } => ("a number", "imum"),
            Kind::Boolean => ("yes or no", ""),
            Kind::One(_) => ("one of its choices", ""),
            Kind::Several(_) => ("some of its choices", "Items"),
        };
        let bound = |end: &str| self.schema.get(format!("{end}{measure}")).filter(|bound| bound.is_number());
        let of = match measure {
            "Length" => " characters",
            "Items" => " choices",
            _ => "",
        };
        match (bound("min"), bound("max")) {
            (None, None) => what.to_owned(),
            (Some(least), None) => format!("{what}, {least}{of} or more"),
            (None, Some(most)) => format!("{what}, {most}{of} or less"),
            (Some(least), Some(most)) => format!("{what}, {least} to {most}{of}"),
        }
    }
}

/// The choices of a schema, in each of the ways to write them.
fn choices(schema: &Value) -> Vec<Choice> {
    let listed = |key: &str| schema[key].as_array().into_iter().flatten();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let named = listed("oneOf").chain(listed("anyOf")).map(|choice| (&choice["const"], text(&choice["title"])));
    let titles = |at: usize| schema["enumNames"].get(at).map(text).unwrap_or_default();
    let plainly = listed("enum").enumerate().map(|(at, value)| (value, titles(at)));
    let all = named.chain(plainly).filter(|(value, _)| value.is_string());
    all.map(|(value, title)| Choice { value: text(value), title }).collect()
}

fn chosen(choices: &[Choice], word: &str) -> Option<Value> {
    let by = |of: fn(&Choice) -> &str| choices.iter().find(|choice| of(choice).eq_ignore_ascii_case(word));
    let exact = choices.iter().find(|choice| choice.value == word);
    exact
        .or_else(|| by(|choice| &choice.title))
        .or_else(|| by(|choice| &choice.value))
        .map(|choice| choice.value.as_str().into())
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Array(values) => values.iter().map(shown).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// A server's words on one line, without what could steer a terminal.
fn flat(text: &str) -> String {
    plain(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn one(schema: Value) -> Field {
        Field::new("it", &schema, true)
    }

    #[test]
    fn what_is_typed_becomes_what_the_form_wants() {
        let typed = |schema: Value, line: &str| one(schema).typed(line);
        assert_eq!(typed(json!({"type": "string"}), " Ada \n"), Ok(Some(json!("Ada"))));
        assert_eq!(typed(json!({"type": "integer"}), "12"), Ok(Some(json!(12))));
        assert_eq!(typed(json!({"type": "number"}), "1.5"), Ok(Some(json!(1.5))));
        assert_eq!(typed(json!({"type": "boolean"}), "Yes"), Ok(Some(json!(true))));
        assert_eq!(typed(json!({"type": "boolean", "default": false}), ""), Ok(Some(json!(false))));
        assert_eq!(
            typed(json!({"type": "string", "enum": ["a", "b"], "enumNames": ["Anna", "Bert"]}), "bert"),
            Ok(Some(json!("b")))
        );
        assert_eq!(
            typed(json!({"type": "string", "oneOf": [{"const": "a", "title": "Anna"}]}), "a"),
            Ok(Some(json!("a")))
        );
        let several =
            json!({"type": "array", "items": {"anyOf": [{"const": "a", "title": "A"}, {"const": "b", "title": "B"}]}});
        assert_eq!(typed(several, "b, A"), Ok(Some(json!(["b", "a"]))));
    }

    #[test]
    fn what_does_not_fit_is_told() {
        let wanted = |schema: Value, line: &str| one(schema).typed(line).unwrap_err();
        assert_eq!(wanted(json!({"type": "string", "minLength": 2, "maxLength": 3}), "a"), "a text, 2 to 3 characters");
        assert_eq!(wanted(json!({"type": "integer", "minimum": 1}), "0"), "a whole number, 1 or more");
        assert_eq!(wanted(json!({"type": "number", "maximum": 9}), "x"), "a number, 9 or less");
        assert_eq!(wanted(json!({"type": "boolean"}), ""), "yes or no");
        assert_eq!(wanted(json!({"type": "string", "enum": ["a"]}), "c"), "one of its choices");
        assert_eq!(Field::new("it", &json!({"type": "string"}), false).typed("").unwrap(), None);
    }

    #[test]
    fn a_prompt_says_what_is_wanted_and_cannot_steer_the_terminal() {
        let size = json!({"type": "string", "title": "Size", "description": "of\n the\u{1b}[2J box", "enum": ["s", "m"], "default": "m"});
        assert_eq!(one(size).prompt(), "Size - of the\u{fffd}[2J box [s, m] (default m): ");
        assert_eq!(one(json!({"type": "string"})).prompt(), "it (required): ");
        let tags = Field::new("tags", &json!({"type": "array", "items": {"enum": ["a", "b"]}}), false);
        assert_eq!(tags.prompt(), "tags [a, b] (several, with commas between; may be left out): ");
    }
}
