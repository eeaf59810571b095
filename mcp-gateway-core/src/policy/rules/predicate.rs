//! Predicates over argument values, ready to be evaluated.

use serde_json::{Number, Value};

use crate::model::Predicate;
use crate::util::pattern::Pattern;

/// A predicate with its globs compiled.
#[derive(Debug)]
pub(super) struct Demand {
    of: Predicate,
    glob: Option<Pattern>,
    any_item: Option<Box<Self>>,
    not: Option<Box<Self>>,
}

impl Demand {
    pub(super) fn new(of: &Predicate) -> Self {
        let inner = |predicate: &Option<Box<Predicate>>| predicate.as_deref().map(|inner| Box::new(Self::new(inner)));
        Self {
            glob: of.glob.as_deref().map(Pattern::new),
            any_item: inner(&of.any_item),
            not: inner(&of.not),
            of: of.clone(),
        }
    }

    /// Whether it holds; `None` is a value that is not there.
    pub(super) fn holds(&self, value: Option<&Value>) -> bool {
        let of = &self.of;
        if of.exists.is_some_and(|exists| exists != value.is_some()) {
            return false;
        }
        if self.not.as_ref().is_some_and(|not| not.holds(value)) {
            return false;
        }
        let Some(value) = value else { return !self.wants_value() };
        let number = |test: &dyn Fn(f64) -> bool| value.as_f64().is_some_and(test);
        let length = |test: &dyn Fn(usize) -> bool| length(value).is_some_and(test);
        of.equals.as_ref().is_none_or(|wanted| same(wanted, value))
            && of.one_of.as_ref().is_none_or(|wanted| wanted.iter().any(|wanted| same(wanted, value)))
            && self.glob.as_ref().is_none_or(|glob| value.as_str().is_some_and(|text| glob.matches(text)))
            && of.above.is_none_or(|bound| number(&|number| number > bound))
            && of.below.is_none_or(|bound| number(&|number| number < bound))
            && of.at_least.is_none_or(|bound| number(&|number| number >= bound))
            && of.at_most.is_none_or(|bound| number(&|number| number <= bound))
            && of.min_length.is_none_or(|bound| length(&|length| length >= bound))
            && of.max_length.is_none_or(|bound| length(&|length| length <= bound))
            && self.any_item.as_ref().is_none_or(|demand| {
                value.as_array().is_some_and(|items| items.iter().any(|item| demand.holds(Some(item))))
            })
    }

    /// Whether something is demanded that only a value can fulfil.
    fn wants_value(&self) -> bool {
        let Predicate { equals, one_of, above, below, at_least, at_most, min_length, max_length, .. } = &self.of;
        equals.is_some()
            || one_of.is_some()
            || self.glob.is_some()
            || self.any_item.is_some()
            || [above, below, at_least, at_most].iter().any(|bound| bound.is_some())
            || min_length.is_some()
            || max_length.is_some()
    }
}

fn length(value: &Value) -> Option<usize> {
    match value {
        Value::String(text) => Some(text.chars().count()),
        Value::Array(items) => Some(items.len()),
        Value::Object(members) => Some(members.len()),
        _ => None,
    }
}

/// Whether two values are the same; `1` and `1.0` are.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            one == other || (is_float(one) || is_float(other)) && one.as_f64() == other.as_f64()
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(key, value)| other.get(key).is_some_and(|other| same(value, other)))
        }
        _ => one == other,
    }
}

fn is_float(number: &Number) -> bool {
    number.is_f64()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn holds(predicate: Value, value: Option<Value>) -> bool {
        Demand::new(&serde_json::from_value(predicate).unwrap()).holds(value.as_ref())
    }

    #[test]
    fn every_predicate_holds_and_fails() {
        let cases = [
            (json!({"equals": 1}), json!(1.0), json!("1")),
            (json!({"equals": {"a": [1, null]}}), json!({"a": [1.0, null]}), json!({"a": [1]})),
            (
                json!({"equals": 9_007_199_254_740_993_u64}),
                json!(9_007_199_254_740_993_u64),
                json!(9_007_199_254_740_992_u64),
            ),
            (json!({"in": ["main", "master"]}), json!("main"), json!("dev")),
            (json!({"glob": "/srv/*"}), json!("/srv/x"), json!("/etc/srv/x")),
            (json!({"glob": "1*"}), json!("12"), json!(12)),
            (json!({"above": 10}), json!(10.5), json!(10)),
            (json!({"below": 10}), json!(-1), json!("9")),
            (json!({"atLeast": 10}), json!(10), json!(9.99)),
            (json!({"atMost": 10}), json!(10), json!(null)),
            (json!({"minLength": 2}), json!("äö"), json!("ä")),
            (json!({"maxLength": 1}), json!(["x"]), json!(["x", "y"])),
            (json!({"anyItem": {"glob": "*.env"}}), json!(["a", "b.env"]), json!(["a"])),
            (json!({"not": {"equals": "x"}}), json!("y"), json!("x")),
            (json!({"atLeast": 1, "atMost": 3}), json!(2), json!(4)),
        ];
        for (predicate, good, bad) in cases {
            assert!(holds(predicate.clone(), Some(good.clone())), "{predicate} of {good}");
            assert!(!holds(predicate.clone(), Some(bad.clone())), "{predicate} of {bad}");
        }
    }

    #[test]
    fn what_is_not_there_fulfils_only_that() {
        for predicate in [json!({"in": [null]}), json!({"glob": "*"}), json!({"maxLength": 5}), json!({"exists": true})]
        {
            assert!(!holds(predicate.clone(), None), "{predicate}");
        }
        assert!(holds(json!({"exists": false}), None) && !holds(json!({"exists": false}), Some(Value::Null)));
        assert!(holds(json!({"exists": true}), Some(Value::Null)));
        assert!(holds(json!({"not": {"equals": "x"}}), None));
    }
}
