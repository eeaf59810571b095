//! How people are asked.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::parse_duration;
use crate::error::{Error, ErrorKind, Result};

const WAIT: Duration = Duration::from_secs(2 * 60);
const GOOD_FOR: Duration = Duration::from_secs(10 * 60);
const REMEMBER: Duration = Duration::from_secs(8 * 60 * 60);

/// The longest time that a question waits or that a yes is remembered.
const LONGEST: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// How people are asked about what policy lets through with a confirmation only.
///
/// ```yaml
/// approval:
///   wait: 5m
///   pending: return
///   trustedClients: [ops-console]
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ApprovalSpec {
    /// What a call does while its question lies in the operators' queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending: Option<PendingWord>,
    /// How long a call waits for an operator, such as `2m`, which is the default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait: Option<String>,
    /// With `pending: return`, how long a question and the answer to it are good, such as `10m`, which is the default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub good_for: Option<String>,
    /// How long a yes for more than one request holds at most, such as `8h`, which is the default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remember: Option<String>,
    /// Principals whose clients show hard confirmations to a person who may give them: an agent is none of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub trusted_clients: Vec<String>,
    /// A program elsewhere that is asked in the place of the queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook: Option<WebhookSpec>,
}

/// A program elsewhere that is asked by a signed POST.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct WebhookSpec {
    /// Its address.
    pub url: String,
    /// The key of the secret that both sign with, `whsec_…`; never its value.
    pub secret: String,
    /// Whether the address may be private, or without TLS.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_private: bool,
}

/// What a call does while its question lies in the operators' queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum PendingWord {
    /// It waits for the answer.
    #[default]
    Wait,
    /// It ends, and says how it is approved; the same call again uses the approval.
    Return,
}

impl ApprovalSpec {
    /// Whether nothing is written.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// How long a call waits for an operator.
    ///
    /// # Errors
    /// `InvalidInput` for a time that is none, or too long.
    pub fn wait(&self) -> Result<Duration> {
        time(self.wait.as_deref(), WAIT)
    }

    /// How long a question that nobody waits for is good.
    ///
    /// # Errors
    /// As [`wait`](Self::wait).
    pub fn good_for(&self) -> Result<Duration> {
        time(self.good_for.as_deref(), GOOD_FOR)
    }

    /// How long a yes for more than one request holds at most.
    ///
    /// # Errors
    /// As [`wait`](Self::wait).
    pub fn remember(&self) -> Result<Duration> {
        time(self.remember.as_deref(), REMEMBER)
    }
}

fn time(text: Option<&str>, default: Duration) -> Result<Duration> {
    let Some(text) = text else { return Ok(default) };
    let time = parse_duration(text)?;
    if time.is_zero() || time > LONGEST {
        return Err(Error::new(ErrorKind::InvalidInput, format!("`{text}` is no time at all, or more than 30 days")));
    }
    Ok(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_bounded() {
        let spec = |wait: &str| ApprovalSpec { wait: Some(wait.to_owned()), ..ApprovalSpec::default() };
        assert_eq!(ApprovalSpec::default().wait().unwrap(), WAIT);
        assert_eq!(spec("5m").wait().unwrap(), Duration::from_secs(300));
        for wrong in ["0s", "31d", "soon", ""] {
            assert_eq!(spec(wrong).wait().unwrap_err().kind(), ErrorKind::InvalidInput, "{wrong}");
        }
    }
}
