//! Until when a secret is good: kept beside it, in whatever store it is in.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{SecretBroker, SecretKey};
use crate::error::{Error, ErrorKind, Result};
use crate::model::SecretValue;
use crate::util::clock;

/// What stands after the name of a secret under which its expiry is kept.
const SUFFIX: &str = ".expires";

/// The key under which the expiry of another is kept.
fn key_of(key: &SecretKey) -> Result<SecretKey> {
    let mut expiry = SecretKey::new(format!("{}{SUFFIX}", key.name))?;
    expiry.profile.clone_from(&key.profile);
    expiry.server.clone_from(&key.server);
    Ok(expiry)
}

/// The text form of the key under which the expiry of another is kept.
#[cfg(feature = "gateway-home")]
pub(crate) fn expiry_key(key: &SecretKey) -> String {
    format!("{key}{SUFFIX}")
}

impl SecretKey {
    /// Whether an expiry is kept here and no secret.
    pub fn is_expiry(&self) -> bool {
        self.name.ends_with(SUFFIX)
    }
}

/// Keeps a value until a time in milliseconds since the Unix epoch, or for good.
///
/// # Errors
/// As [`SecretBroker::set`]; `InvalidInput` for a key whose name an expiry has.
pub async fn keep(broker: &dyn SecretBroker, key: &SecretKey, value: SecretValue, until: Option<i64>) -> Result<()> {
    if key.is_expiry() {
        return Err(Error::new(ErrorKind::InvalidInput, format!("`{key}` is kept for the expiry of a secret"))
            .with_operation("secrets::keep")
            .with_hint("give the secret a name that does not end in `.expires`"));
    }
    match until {
        Some(until) => {
            // First, so that there is never a value that is good for longer than it should be.
            broker.set(&key_of(key)?, SecretValue::new(clock::rfc3339(until))).await?;
            broker.set(key, value).await
        }
        None => {
            broker.set(key, value).await?;
            forget_expiry(broker, key).await
        }
    }
}

/// Forgets a secret and its expiry.
///
/// # Errors
/// As [`SecretBroker::delete`].
pub async fn forget(broker: &dyn SecretBroker, key: &SecretKey) -> Result<()> {
    broker.delete(key).await?;
    forget_expiry(broker, key).await
}

async fn forget_expiry(broker: &dyn SecretBroker, key: &SecretKey) -> Result<()> {
    let Ok(expiry) = key_of(key) else { return Ok(()) };
    match broker.get(&expiry).await? {
        Some(_) => broker.delete(&expiry).await,
        None => Ok(()),
    }
}

/// Until when a secret is good, in milliseconds since the Unix epoch; `None` is for good.
///
/// Only of a store that names its keys: one that does not may answer anything to a name that it does not know.
///
/// # Errors
/// As [`SecretBroker::get`]; `InvalidConfig` when what is kept there is no time.
pub async fn expiry(broker: &dyn SecretBroker, key: &SecretKey) -> Result<Option<i64>> {
    // A name that is too long for an expiry has none.
    let Ok(kept) = key_of(key) else { return Ok(None) };
    if !broker.list().await?.contains(&kept) {
        return Ok(None);
    }
    let Some(text) = broker.get(&kept).await? else { return Ok(None) };
    let until = humantime::parse_rfc3339_weak(text.expose().trim()).map_err(|_| {
        Error::new(ErrorKind::InvalidConfig, format!("what is kept under `{kept}` is not a time"))
            .with_operation("secrets::expiry")
            .with_hint(format!("set the secret again with `mcp-gateway secret set {key}`"))
    })?;
    Ok(Some(millis(until)))
}

/// Refuses a secret that is no longer good.
///
/// # Errors
/// `MissingSecret`, with the command that sets it again; otherwise as [`expiry`].
pub(crate) async fn refuse_expired(broker: &dyn SecretBroker, key: &SecretKey) -> Result<()> {
    match expiry(broker, key).await? {
        Some(until) if until <= clock::now_millis() => {
            Err(Error::new(ErrorKind::MissingSecret, format!("secret `{key}` has expired"))
                .with_context("expired", clock::rfc3339(until))
                .with_hint(format!(
                    "make a new one where it comes from, then `mcp-gateway secret set {key} --expires 90d`"
                )))
        }
        _ => Ok(()),
    }
}

/// Reads how long a secret is good, such as `90d`, or until when, such as `2027-01-31`.
///
/// # Errors
/// `InvalidInput` when it is neither, or not in the future.
pub fn parse_expiry(text: &str) -> Result<i64> {
    let now = clock::now_millis();
    let wrong = |why: &str| {
        Error::new(ErrorKind::InvalidInput, format!("`{text}` {why}"))
            .with_operation("secrets::parse_expiry")
            .with_hint("write how long, such as `90d` or `12h`, or until when, such as `2027-01-31`")
    };
    let until = match humantime::parse_duration(text) {
        Ok(time) => now.saturating_add(i64::try_from(time.as_millis()).unwrap_or(i64::MAX)),
        Err(_) => {
            let whole = if text.len() == "2027-01-31".len() { format!("{text}T00:00:00Z") } else { text.to_owned() };
            millis(
                humantime::parse_rfc3339_weak(&whole)
                    .map_err(|_| wrong("is neither a time such as `90d` nor a day such as `2027-01-31`"))?,
            )
        }
    };
    // The largest time that has a text form.
    const LAST: i64 = 253_402_300_799_000;
    if until > now && until <= LAST { Ok(until) } else { Err(wrong("is not a time in the future")) }
}

fn millis(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::SecretEntry;
    use crate::secrets::{EnvBroker, MemoryBroker, resolve};

    fn key(text: &str) -> SecretKey {
        SecretKey::parse(text).unwrap()
    }

    #[tokio::test]
    async fn a_secret_that_has_expired_is_not_given_to_a_server() {
        let broker = MemoryBroker::new();
        let (profile, server) = ("dev".parse().unwrap(), "keeper".parse().unwrap());
        let mut entry = SecretEntry { env: "TOKEN".to_owned(), ..SecretEntry::default() };
        let value = || SecretValue::new("hunter2-hunter2");
        for name in ["TOKEN", "dev//TOKEN", "dev/keeper/TOKEN"] {
            let key = key(name);
            keep(&broker, &key, value(), Some(clock::now_millis() + 60_000)).await.unwrap();
            assert!(resolve(&broker, &profile, &server, &entry).await.unwrap().is_some());
            keep(&broker, &key, value(), Some(1)).await.unwrap();
            for required in [None, Some(false)] {
                entry.required = required;
                let error = resolve(&broker, &profile, &server, &entry).await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::MissingSecret);
                assert!(
                    error.to_string().contains("has expired") && error.to_string().contains("1970-01-01"),
                    "{error}"
                );
                assert!(error.hints().any(|hint| hint.contains(&format!("secret set {name} "))), "{error}");
            }
            keep(&broker, &key, value(), None).await.unwrap();
            assert!(resolve(&broker, &profile, &server, &entry).await.unwrap().is_some());
            assert_eq!(expiry(&broker, &key).await.unwrap(), None);
        }
        keep(&broker, &key("TOKEN"), value(), Some(1)).await.unwrap();
        forget(&broker, &key("TOKEN")).await.unwrap();
        assert_eq!(broker.list().await.unwrap().len(), 2);
    }

    #[tokio::test]
    async fn what_is_no_time_is_a_refusal() {
        let broker = MemoryBroker::new();
        broker.set(&key("TOKEN.expires"), SecretValue::new("soon")).await.unwrap();
        assert_eq!(expiry(&broker, &key("TOKEN")).await.unwrap_err().kind(), ErrorKind::InvalidConfig);
        let refused = keep(&broker, &key("A.expires"), SecretValue::new("x"), None).await;
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(expiry(&EnvBroker::new(), &key("PATH")).await.unwrap(), None);
    }

    #[test]
    fn durations_and_dates_are_read() {
        let day = 24 * 60 * 60 * 1000;
        assert!((parse_expiry("90d").unwrap() - clock::now_millis() - 90 * day).abs() < day);
        assert_eq!(clock::rfc3339(parse_expiry("2999-01-31").unwrap()), "2999-01-31T00:00:00.000Z");
        assert_eq!(parse_expiry("2999-01-31T00:00:00Z").unwrap(), parse_expiry("2999-01-31").unwrap());
        for bad in ["", "soon", "0s", "1999-01-01", "2999-13-01", "9999999999y"] {
            assert_eq!(parse_expiry(bad).unwrap_err().kind(), ErrorKind::InvalidInput, "{bad}");
        }
    }
}
