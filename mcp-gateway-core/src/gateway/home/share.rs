//! Profiles that others share, catalogs, and clients, as JSON in and JSON out: one table for every language.

use std::path::PathBuf;

use serde::Deserialize;
use serde_json::json;

use super::{CatalogVerb, ClientOptions, DockerOptions, Home, ImportOptions};
use crate::error::{Error, ErrorKind, Result};
use crate::model::ProfileName;
use crate::profile::{Profile as _, ProfileTemplate, parse_duration};
use crate::protocol::RawJson;
use crate::util::fs;

/// A command about the profiles and catalogs of a home or about clients, as `{"command": "export_profile", "profile": "dev"}`.
///
/// The names and fields are those of the variants, in snake case; `home` is the folder of the state, where that is not the
/// usual one.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum ShareCommand {
    /// Exports a profile, into a file where one is named: `{"digest", "text", "secrets"}`.
    ExportProfile {
        /// The home.
        #[serde(default)]
        home: Option<PathBuf>,
        /// The profile.
        profile: ProfileName,
        /// The file to be written.
        #[serde(default)]
        file: Option<PathBuf>,
    },
    /// Takes a profile over from a file: an [`Imported`](super::Imported).
    ImportProfile {
        /// The home.
        #[serde(default)]
        home: Option<PathBuf>,
        /// The file.
        file: PathBuf,
        /// How.
        #[serde(default)]
        options: ImportOptions,
    },
    /// Puts a profile into a registry: a [`Pushed`](super::Pushed).
    PushProfile {
        /// The home.
        #[serde(default)]
        home: Option<PathBuf>,
        /// The profile.
        profile: ProfileName,
        /// Where to.
        reference: String,
    },
    /// Takes a profile over from a registry: an [`Imported`](super::Imported).
    PullProfile {
        /// The home.
        #[serde(default)]
        home: Option<PathBuf>,
        /// Where from.
        reference: String,
        /// How.
        #[serde(default)]
        options: ImportOptions,
    },
    /// Compares two profiles: a [`ProfileDiff`](crate::profile::ProfileDiff).
    DiffProfiles {
        /// The home.
        #[serde(default)]
        home: Option<PathBuf>,
        /// A profile, a file, or a reference of a registry.
        first: String,
        /// Another one.
        second: String,
    },
    /// The profiles to begin with: `[{"name", "text", "profile"}]`.
    Templates,
    /// Creates a profile from a template: the profile.
    CreateProfile {
        /// The home.
        #[serde(default)]
        home: Option<PathBuf>,
        /// The profile's name.
        profile: ProfileName,
        /// The template's name.
        template: String,
    },
    /// Does something with catalogs, or says what scopes say: a [`CatalogVerb`].
    Catalog {
        /// The home.
        #[serde(default)]
        home: Option<PathBuf>,
        /// What.
        verb: CatalogVerb,
    },
    /// Removes images, packages and their volumes that no server was run from for so long, or only names them: a list of
    /// [`UsedImage`](super::UsedImage).
    PruneUnused {
        /// The home.
        #[serde(default)]
        home: Option<PathBuf>,
        /// For how long, such as `7d`.
        unused: String,
        /// Whether nothing is removed.
        #[serde(default)]
        dry_run: bool,
    },
    /// Every client that is known: a list of [`ClientStatus`](super::ClientStatus).
    Clients {
        /// The home.
        #[serde(default)]
        home: Option<PathBuf>,
        /// A project's folder, whose configuration is listed, too.
        #[serde(default)]
        folder: Option<PathBuf>,
    },
    /// Writes the gateway into a client's configuration: a [`ClientChange`](super::ClientChange).
    ConnectClient {
        /// The home.
        #[serde(default)]
        home: Option<PathBuf>,
        /// The client.
        client: String,
        /// How.
        #[serde(default)]
        options: ClientOptions,
    },
    /// Takes the gateway out of a client's configuration: a [`ClientChange`](super::ClientChange).
    DisconnectClient {
        /// The home.
        #[serde(default)]
        home: Option<PathBuf>,
        /// The client.
        client: String,
        /// How.
        #[serde(default)]
        options: ClientOptions,
    },
}

impl ShareCommand {
    /// Carries out a command that is written as JSON, in the calling thread, which waits.
    ///
    /// # Errors
    /// `InvalidInput` for a text that is no command; what the command says.
    pub fn run(text: &str) -> Result<RawJson> {
        let command: Self = serde_json::from_str(text).map_err(|cause| {
            Error::new(ErrorKind::InvalidInput, format!("not a command about profiles, catalogs and clients: {cause}"))
                .with_operation("ShareCommand::run")
        })?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|cause| {
            Error::new(ErrorKind::Internal, "cannot start a thread of the gateway").with_source(cause)
        })?;
        runtime.block_on(command.carry_out())
    }

    async fn carry_out(self) -> Result<RawJson> {
        let docker = DockerOptions::default();
        match self {
            Self::ExportProfile { home, profile, file } => {
                let bundle = at(home)?.export_profile(&profile).await?;
                let text = bundle.to_text()?;
                if let Some(file) = file {
                    fs::write_atomic(&file, text.as_bytes())?;
                }
                RawJson::from_value(&json!({"digest": bundle.digest()?, "text": text, "secrets": bundle.secrets}))
            }
            Self::ImportProfile { home, file, options } => {
                let text = fs::read_to_string(&file)?;
                RawJson::from_value(&at(home)?.import_profile(&file.display().to_string(), &text, options).await?)
            }
            Self::PushProfile { home, profile, reference } => {
                RawJson::from_value(&at(home)?.push_profile(&profile, &reference, &docker).await?)
            }
            Self::PullProfile { home, reference, options } => {
                RawJson::from_value(&at(home)?.pull_profile(&reference, options, &docker).await?)
            }
            Self::DiffProfiles { home, first, second } => {
                RawJson::from_value(&at(home)?.diff_profiles(&first, &second, &docker).await?)
            }
            Self::Templates => {
                let row = |template: ProfileTemplate| {
                    let text = template.text(&template.spec.name);
                    json!({"name": template.name, "text": text, "profile": template.spec})
                };
                RawJson::from_value(&ProfileTemplate::all()?.into_iter().map(row).collect::<Vec<_>>())
            }
            Self::CreateProfile { home, profile, template } => {
                let (home, text) = (at(home)?, ProfileTemplate::find(&template)?.text(&profile));
                let spec = home.profiles().create_from(&text).await?.spec().await?;
                home.record_change(None, Some(&spec)).await?;
                RawJson::from_value(&spec)
            }
            Self::Catalog { home, verb } => verb.carry_out(&at(home)?).await,
            Self::PruneUnused { home, unused, dry_run } => {
                let (home, unused) = (at(home)?, parse_duration(&unused)?);
                let used =
                    if dry_run { home.prunable(unused).await? } else { home.prune_unused(unused, &docker).await? };
                RawJson::from_value(&used)
            }
            Self::Clients { home, folder } => RawJson::from_value(&at(home)?.clients()?.list(folder.as_deref())),
            Self::ConnectClient { home, client, options } => {
                RawJson::from_value(&at(home)?.clients()?.connect(&client, options).await?)
            }
            Self::DisconnectClient { home, client, options } => {
                RawJson::from_value(&at(home)?.clients()?.disconnect(&client, options).await?)
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

    #[test]
    fn commands_are_carried_out_and_the_unknown_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let run = |command: serde_json::Value| {
            let mut command = command;
            command["home"] = json!(folder.path());
            ShareCommand::run(&command.to_string())
        };
        run(json!({"command": "create_profile", "profile": "lab", "template": "empty"})).unwrap();
        let exported: serde_json::Value =
            run(json!({"command": "export_profile", "profile": "lab"})).unwrap().read().unwrap();
        let file = folder.path().join("lab.json");
        fs::write_atomic(&file, exported["text"].as_str().unwrap().as_bytes()).unwrap();
        let options = json!({"name": "copy", "digest": exported["digest"]});
        let imported: serde_json::Value =
            run(json!({"command": "import_profile", "file": file, "options": options})).unwrap().read().unwrap();
        assert_eq!(imported["profile"], "copy");
        let diff: serde_json::Value =
            run(json!({"command": "diff_profiles", "first": "lab", "second": "copy"})).unwrap().read().unwrap();
        assert_eq!(diff, json!({"profile": [], "pins": []}));
        let catalog = folder.path().join("team.yaml");
        fs::write_atomic(&catalog, b"registry: {a: {type: server, title: A, image: mcp/a}}\n").unwrap();
        let verb = |verb| run(json!({"command": "catalog", "verb": verb})).map(|done| done.read().unwrap());
        let added: serde_json::Value = verb(json!({"add": {"name": "team", "origin": catalog}})).unwrap();
        assert_eq!((&added["change"], &added["servers"]), (&json!("added"), &json!(1)));
        assert_eq!(verb(json!({"list": {}})).unwrap()[0]["name"], "team");
        let scope = json!({"check_scope": {"server": "a", "profile": "lab"}});
        assert_eq!(verb(scope).unwrap()["admitted"], true);
        let refused = verb(json!({"approve": {"name": "team", "server": "a", "by": "ann"}})).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidInput, "a copy is not approved");
        assert!(verb(json!({"add": {"name": "x", "origin": "/nowhere", "options": {"verifyKey": "x"}}})).is_err());
        assert_eq!(verb(json!({"sync": {"names": []}})).unwrap()[0]["change"], "unchanged");
        assert_eq!(verb(json!({"remove": {"name": "team"}})).unwrap()["change"], "removed");
        assert_eq!(run(json!({"command": "prune_unused", "unused": "7d"})).unwrap().get(), "[]");
        assert!(ShareCommand::run(r#"{"command": "templates"}"#).unwrap().get().contains("read-only"));
        let kind = |command| run(command).unwrap_err().kind();
        assert_eq!(kind(json!({"command": "delete_everything"})), ErrorKind::InvalidInput);
        assert_eq!(kind(json!({"command": "prune_unused", "unused": "long"})), ErrorKind::InvalidInput);
        assert_eq!(
            kind(json!({"command": "export_profile", "profile": "lab", "secrets": true})),
            ErrorKind::InvalidInput
        );
        assert_eq!(kind(json!({"command": "export_profile", "profile": "bal"})), ErrorKind::NotFound);
    }
}
