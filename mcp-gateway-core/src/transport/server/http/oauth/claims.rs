//! What a token says.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Deserialize;
use serde::de::IgnoredAny;

/// The longest name of a user or client, in bytes: as long as OpenID Connect lets `sub` be.
const MAX_SUBJECT: usize = 255;

/// More seconds than anything here lasts, and few enough to count with.
const MAX_LEFT: f64 = 1e9;

/// What is looked at of a token's claims; one that stands twice makes the token unreadable.
#[derive(Debug, Deserialize)]
pub(super) struct Claims {
    pub(super) iss: String,
    aud: Words,
    exp: f64,
    nbf: Option<f64>,
    sub: Option<String>,
    client_id: Option<String>,
    scope: Option<Words>,
    /// What some authorization servers call the scopes.
    scp: Option<Words>,
    /// What ties a token to a key that its sender has to prove, which this server does not ask for.
    cnf: Option<IgnoredAny>,
}

/// One text or several.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Words {
    One(String),
    Many(Vec<String>),
}

impl Words {
    fn iter(&self) -> impl Iterator<Item = &str> {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
        .iter()
        .map(String::as_str)
    }
}

impl Claims {
    /// How long the token may be used from this time on, in milliseconds since the Unix epoch.
    ///
    /// # Errors
    /// Why it may not.
    pub(super) fn time_left(&self, now_millis: i64, leeway: Duration) -> Result<Duration, &'static str> {
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of this century are exact")]
        let (now, leeway) = (now_millis as f64 / 1000.0, leeway.as_secs_f64());
        if self.nbf.is_some_and(|nbf| now + leeway < nbf) {
            return Err("it is not valid yet");
        }
        let left = self.exp + leeway - now;
        if left > 0.0 { Ok(Duration::from_secs_f64(left.min(MAX_LEFT))) } else { Err("it has expired") }
    }

    /// Whether it is a bearer token: one that is tied to a key is of no use to whoever merely has it.
    ///
    /// # Errors
    /// That it is not.
    pub(super) fn check_bearer(&self) -> Result<(), &'static str> {
        if self.cnf.is_some() { Err("it is tied to a key of its sender") } else { Ok(()) }
    }

    /// Whether the token is for one of these audiences.
    ///
    /// # Errors
    /// That it is not.
    pub(super) fn check_audience(&self, accepted: impl Fn(&str) -> bool) -> Result<(), &'static str> {
        if self.aud.iter().any(accepted) { Ok(()) } else { Err("it is for another audience") }
    }

    /// The scopes of the token.
    pub(super) fn scopes(&self) -> BTreeSet<&str> {
        let words = self.scope.iter().chain(&self.scp).flat_map(Words::iter);
        words.flat_map(|words| words.split(' ')).filter(|scope| !scope.is_empty()).collect()
    }

    /// The user, or the client where it acts for itself.
    ///
    /// # Errors
    /// Why there is none that records could name.
    pub(super) fn subject(&self) -> Result<String, &'static str> {
        let (subject, name) = match (&self.sub, &self.client_id) {
            (Some(sub), _) => (sub, sub.clone()),
            // Told apart from a user of the same name.
            (None, Some(client)) => (client, format!("client:{client}")),
            (None, None) => return Err("it names neither user nor client"),
        };
        let is_name = !subject.trim().is_empty() && subject.len() <= MAX_SUBJECT && !subject.contains(char::is_control);
        if is_name { Ok(name) } else { Err("its subject is no name") }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn claims(more: Value) -> Claims {
        let mut all = json!({"iss": "i", "aud": "a", "exp": 100});
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(all).unwrap()
    }

    #[test]
    fn time_has_a_leeway() {
        let leeway = Duration::from_secs(5);
        let claims = claims(json!({"nbf": 50.5}));
        for (millis, left) in [(45_499, None), (45_500, Some(59_500)), (104_999, Some(1)), (105_000, None)] {
            assert_eq!(claims.time_left(millis, leeway).ok(), left.map(Duration::from_millis), "{millis}");
        }
        let for_ever = super::tests::claims(json!({"exp": 1e300}));
        assert_eq!(for_ever.time_left(0, leeway), Ok(Duration::from_secs(1_000_000_000)));
    }

    #[test]
    fn claims_that_cannot_be_right_are_not_read() {
        for wrong in [
            json!({"iss": "i", "aud": "a"}),
            json!({"iss": "i", "exp": 1}),
            json!({"aud": "a", "exp": 1}),
            json!({"iss": "i", "aud": "a", "exp": "1"}),
            json!({"iss": ["i"], "aud": "a", "exp": 1}),
            json!({"iss": "i", "aud": {"a": 1}, "exp": 1}),
            json!([]),
        ] {
            assert!(serde_json::from_value::<Claims>(wrong.clone()).is_err(), "{wrong}");
        }
        assert!(serde_json::from_str::<Claims>(r#"{"iss":"i","aud":"a","exp":1e999}"#).is_err());
    }

    #[test]
    fn audiences_and_scopes_come_in_either_form() {
        let check = |aud: Value| claims(json!({"aud": aud})).check_audience(|audience| audience == "x");
        assert!(check(json!("x")).is_ok() && check(json!(["y", "x"])).is_ok());
        assert!(check(json!("y")).is_err() && check(json!([])).is_err() && check(json!("x ")).is_err());
        let scopes = claims(json!({"scope": "b  a", "scp": ["c", "a d"]}));
        assert_eq!(Vec::from_iter(scopes.scopes()), ["a", "b", "c", "d"]);
        assert!(claims(json!({})).scopes().is_empty());
    }

    #[test]
    fn a_subject_is_a_user_or_a_client() {
        let subject = |more: Value| claims(more).subject();
        assert_eq!(subject(json!({"sub": "ann", "client_id": "app"})).unwrap(), "ann");
        assert_eq!(subject(json!({"client_id": "app"})).unwrap(), "client:app");
        let long = "x".repeat(MAX_SUBJECT + 1);
        for wrong in [json!({}), json!({"sub": ""}), json!({"sub": " "}), json!({"sub": "a\nb"}), json!({"sub": long})]
        {
            assert!(subject(wrong).is_err());
        }
    }

    #[test]
    fn a_token_that_is_tied_to_a_key_is_no_bearer_token() {
        assert!(claims(json!({})).check_bearer().is_ok());
        assert!(claims(json!({"cnf": {"jkt": "x"}})).check_bearer().is_err());
    }
}
