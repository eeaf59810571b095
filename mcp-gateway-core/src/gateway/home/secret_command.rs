//! What is done with the secrets of a home, as JSON in and JSON out: one table for every language.

use std::path::PathBuf;

use serde::Deserialize;
use serde_json::json;

use super::Home;
use crate::error::{Error, ErrorKind, Result};
use crate::model::SecretValue;
use crate::protocol::RawJson;
use crate::secrets::{BrokerOptions, SecretKey, parse_expiry};

/// What records say of changes that are made by this.
const BY: &str = "library";

/// A command about the secrets of a home, as `{"command": "list", "home": "/srv/agent"}`.
///
/// The names and fields are those of the variants, in snake case. Without a home, the one that
/// [`Home::locate`] finds; `stores` are asked before the home's own.
#[derive(Deserialize)]
#[serde(tag = "command", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum SecretCommand {
    /// What the stores name: a list of [`SecretStatus`](super::SecretStatus).
    List {
        /// The folder that holds the state.
        #[serde(default)]
        home: Option<PathBuf>,
        /// Stores in the forms of [`secrets::open`](crate::secrets::open).
        #[serde(default)]
        stores: Vec<String>,
    },
    /// Keeps a secret: `{}`.
    Set {
        /// The folder that holds the state.
        #[serde(default)]
        home: Option<PathBuf>,
        /// Stores in the forms of [`secrets::open`](crate::secrets::open).
        #[serde(default)]
        stores: Vec<String>,
        /// Its key.
        key: String,
        /// Its value.
        value: String,
        /// How long it is good, such as `90d`, or until when, such as `2027-01-31`.
        #[serde(default)]
        expires: Option<String>,
    },
    /// Forgets a secret: `{}`.
    Remove {
        /// The folder that holds the state.
        #[serde(default)]
        home: Option<PathBuf>,
        /// Stores in the forms of [`secrets::open`](crate::secrets::open).
        #[serde(default)]
        stores: Vec<String>,
        /// Its key.
        key: String,
    },
    /// Encrypts the home's own store anew: `{"store"}`.
    Rotate {
        /// The folder that holds the state.
        #[serde(default)]
        home: Option<PathBuf>,
        /// The new passphrase, of a store that has one.
        #[serde(default)]
        passphrase: Option<String>,
    },
}

impl std::fmt::Debug for SecretCommand {
    /// Leaves everything out: some of it is secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretCommand")
    }
}

impl SecretCommand {
    /// Carries out a command, in a thread of its own while the calling thread waits.
    ///
    /// # Errors
    /// `InvalidInput` when it is none, and what it runs into.
    pub fn run(command: &str) -> Result<RawJson> {
        let command: Self = serde_json::from_str(command).map_err(|cause| {
            // What was written may be secret, and the reader's words could repeat it.
            let place = format!("column {}", cause.column());
            Error::new(ErrorKind::InvalidInput, "this is no command about secrets").with_context("at", place)
        })?;
        let work = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime
                .map_err(|cause| Error::new(ErrorKind::Io, "cannot start what works on secrets").with_source(cause))?;
            let done = runtime.block_on(command.carry_out());
            runtime.shutdown_background();
            done
        };
        // The calling thread may belong to a runtime of the host, which must not be entered again.
        let done = std::thread::spawn(work).join();
        done.unwrap_or_else(|_| Err(Error::new(ErrorKind::Internal, "work on secrets broke off")))
    }

    async fn carry_out(self) -> Result<RawJson> {
        match self {
            Self::List { home, stores } => RawJson::from_value(&at(home)?.list_secrets(&stores).await?),
            Self::Set { home, stores, key, value, expires } => {
                let (key, value) = (SecretKey::parse(&key)?, SecretValue::new(value));
                let until = expires.as_deref().map(parse_expiry).transpose()?;
                at(home)?.set_secret(&stores, &key, value, until, BY).await?;
                RawJson::from_value(&json!({}))
            }
            Self::Remove { home, stores, key } => {
                at(home)?.remove_secret(&stores, &SecretKey::parse(&key)?, BY).await?;
                RawJson::from_value(&json!({}))
            }
            Self::Rotate { home, passphrase } => {
                if passphrase.is_some() && BrokerOptions::from_env().passphrase.is_none() {
                    return Err(Error::new(
                        ErrorKind::InvalidInput,
                        "the store is opened by a key and not a passphrase",
                    )
                    .with_hint(
                        "leave the passphrase out, or set `MCP_GATEWAY_SECRETS_PASSPHRASE` to the present one",
                    ));
                }
                let store = at(home)?.rotate_secrets(passphrase.map(SecretValue::new), BY).await?;
                RawJson::from_value(&json!({"store": store}))
            }
        }
    }
}

fn at(home: Option<PathBuf>) -> Result<Home> {
    home.map_or_else(Home::locate, |root| Home::at(&root))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn run(command: &Value) -> Result<Value> {
        SecretCommand::run(&command.to_string())?.read()
    }

    #[test]
    fn secrets_are_kept_listed_and_forgotten_and_that_is_recorded() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let profile = |name: &str| crate::profile::ProfileSpec::new(crate::model::ProfileName::new(name).unwrap());
        // One that no file of the home describes has a trail all the same.
        runtime.block_on(home.record_change(None, Some(&profile("coded")))).unwrap();
        for name in ["dev", "ops"] {
            runtime.block_on(home.record_change(None, Some(&profile(name)))).unwrap();
            runtime.block_on(home.profiles().create(profile(name))).unwrap();
        }
        let list = json!({"command": "list", "home": folder.path()});
        assert_eq!(run(&list).unwrap(), json!([]));
        for key in ["TOKEN", "dev/github/TOKEN"] {
            let set = json!({"command": "set", "home": folder.path(), "key": key, "value": "hunter2", "expires": "2999-01-31"});
            assert_eq!(run(&set).unwrap(), json!({}));
        }
        let found = run(&list).unwrap();
        assert_eq!((&found[0]["key"], &found[0]["expires"]), (&json!("TOKEN"), &json!("2999-01-31T00:00:00.000Z")));
        assert!(found[1]["store"].as_str().unwrap().starts_with("age:") && found[1]["lastUse"].is_null());
        run(&json!({"command": "rotate", "home": folder.path()})).unwrap();
        run(&json!({"command": "remove", "home": folder.path(), "key": "TOKEN"})).unwrap();
        let again = run(&json!({"command": "remove", "home": folder.path(), "key": "TOKEN"})).unwrap_err();
        assert_eq!(again.kind(), ErrorKind::NotFound);

        let actions = |name: &str| {
            let trail = home.audit_trail(&crate::model::ProfileName::new(name).unwrap()).unwrap();
            let records = runtime.block_on(trail.query(&crate::audit::AuditQuery::all())).unwrap();
            assert!(!serde_json::to_string(&records).unwrap().contains("hunter2"));
            let of_secrets = records.into_iter().filter(|record| record.event.action.starts_with("secret/"));
            of_secrets
                .map(|record| (record.event.action, record.event.detail.unwrap()["key"].clone()))
                .collect::<Vec<_>>()
        };
        let said = |action: &str, key: Value| (action.to_owned(), key);
        let (set, rotate, remove) = (
            said("secret/set", json!("TOKEN")),
            said("secret/rotate", Value::Null),
            said("secret/remove", json!("TOKEN")),
        );
        let own = said("secret/set", json!("dev/github/TOKEN"));
        assert_eq!(actions("dev"), [set.clone(), own, rotate.clone(), remove.clone()]);
        // A change is no use.
        let trail = home.audit_file(&crate::model::ProfileName::new("dev").unwrap());
        let report = crate::audit::report(&trail, None, &crate::audit::VerifyOptions::new()).unwrap();
        assert_eq!((report.secrets.len(), report.changes.entries.len()), (0, 5));
        for profile in ["ops", "coded"] {
            assert_eq!(actions(profile), [set.clone(), rotate.clone(), remove.clone()], "{profile}");
        }
    }

    #[test]
    fn what_is_no_command_is_not_repeated() {
        for wrong in [
            r#"{"command": "set", "key": "A", "value": {"hunter2": 1}}"#,
            r#"{"command": "hunter2"}"#,
            r#"{"command": "set", "key": "A", "value": "hunter2", "hunter2": 1}"#,
        ] {
            let error = SecretCommand::run(wrong).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(!error.report().contains("hunter2") && !format!("{error:?}").contains("hunter2"), "{error:?}");
        }
    }
}
