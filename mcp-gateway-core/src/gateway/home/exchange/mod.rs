//! Profiles that go to other homes and come from them, as files and through registries.

mod left;
mod registry;
#[cfg(test)]
mod tests;

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::Home;
use super::options::DockerOptions;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Digest, ProfileName, ServerName};
use crate::profile::{NeededSecret, Profile as _, ProfileBundle, ProfileDiff, ProfileLock, ProfileSpec};
use crate::util::fs;

pub use registry::Pushed;

/// How a profile is taken over; everything has a default.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ImportOptions {
    /// The name that it gets, in the place of its own.
    pub name: Option<ProfileName>,
    /// Whether a profile of that name is replaced.
    pub replace: bool,
    /// Whether what the other home's operator has approved counts here.
    pub trust_approvals: bool,
    /// The digest that the bundle must have, as whoever exported it says.
    pub digest: Option<Digest>,
}

/// A profile that was taken over, and what is left to do.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Imported {
    /// The profile.
    pub profile: ProfileName,
    /// The digest of its bundle; a profile alone has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// Where it was pulled from, with the digest that the registry has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Its servers, with their pins.
    pub servers: Vec<ImportedServer>,
    /// The secrets that it needs.
    pub secrets: Vec<ImportedSecret>,
    /// What a person should know.
    pub warnings: Vec<String>,
}

/// A server of a profile that was taken over.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ImportedServer {
    /// Its name.
    pub server: ServerName,
    /// Whether its pin counts here.
    pub pin: PinState,
    /// The digest that is pinned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// How many tools are recorded.
    pub tools: usize,
}

/// Whether a pin from another home counts in this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum PinState {
    /// The catalogs here say the same about the server.
    Pinned,
    /// Nothing was pinned there.
    Unpinned,
    /// The catalogs here say something else about it, which makes the pin void.
    OtherEntry,
    /// The catalogs here do not have it.
    Missing,
}

/// A secret of a profile that was taken over.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ImportedSecret {
    /// What is needed.
    #[serde(flatten)]
    pub secret: NeededSecret,
    /// Whether it is stored here already.
    pub set: bool,
    /// The command that stores it.
    pub command: String,
}

impl Home {
    /// A profile for another home: what it says, what is pinned, and which secrets it needs, without their values.
    ///
    /// # Errors
    /// `NotFound`; `InvalidConfig` when a file is broken or there is no catalog that says what servers need; `Denied` when
    /// the profile says something that looks like a token.
    pub async fn export_profile(&self, name: &ProfileName) -> Result<ProfileBundle> {
        let profile = self.profiles().open(name).await?;
        let (spec, lock) = (profile.spec().await?, profile.lock().await?);
        let secrets = self.needed_secrets(&spec).await?;
        ProfileBundle::new(spec, lock, secrets)
    }

    /// Takes a profile over; `file` names the text, a bundle or a profile alone, in messages.
    ///
    /// # Behavior
    /// - What is pinned in a bundle is pinned here: the same digests, the same surfaces, the same names.
    /// - What an operator approved elsewhere does not count unless the options say so.
    ///
    /// # Errors
    /// As [`ProfileBundle::parse`]; `Denied` when the bundle has another digest than the options say; `AlreadyExists`
    /// unless it may be replaced; `Io`.
    pub async fn import_profile(&self, file: &str, text: &str, options: ImportOptions) -> Result<Imported> {
        if !ProfileBundle::is_bundle(text) {
            return self.import_alone(file, text, options).await;
        }
        let bundle = ProfileBundle::parse(file, text)?;
        self.take_over(file, bundle, options).await
    }

    /// What differs between two profiles, each a profile of the home, a file, or a reference of a registry.
    ///
    /// # Errors
    /// What reading them says.
    pub async fn diff_profiles(&self, first: &str, second: &str, docker: &DockerOptions) -> Result<ProfileDiff> {
        let first = self.bundle_of(first, docker).await?;
        let second = self.bundle_of(second, docker).await?;
        Ok(ProfileDiff::between(&first, &second))
    }

    async fn bundle_of(&self, text: &str, docker: &DockerOptions) -> Result<ProfileBundle> {
        let path = Path::new(text);
        let is_profile = self.profiles().list().await?.iter().any(|name| name.as_str() == text);
        if !is_profile && fs::exists(path) {
            let content = fs::read_to_string(path)?;
            if ProfileBundle::is_bundle(&content) {
                return ProfileBundle::parse(text, &content);
            }
            return ProfileBundle::new(ProfileSpec::parse(text, &content)?, ProfileLock::default(), Vec::new());
        }
        if text.contains('/') && !text.starts_with(['/', '.']) {
            return self.fetch_profile(text, docker).await.map(|(bundle, _)| bundle);
        }
        let profile = self.profiles().open(&ProfileName::new(text)?).await?;
        ProfileBundle::new(profile.spec().await?, profile.lock().await?, Vec::new())
    }

    async fn import_alone(&self, file: &str, text: &str, options: ImportOptions) -> Result<Imported> {
        let spec = ProfileSpec::parse(file, text)?;
        if options.digest.is_some() {
            return Err(Error::new(ErrorKind::Denied, "a profile alone has no digest").with_context("file", file));
        }
        let bundle = ProfileBundle::new(spec, ProfileLock::default(), Vec::new())?;
        let mut imported = self.take_over(file, bundle, options).await?;
        imported.digest = None;
        Ok(imported)
    }

    async fn take_over(&self, file: &str, bundle: ProfileBundle, options: ImportOptions) -> Result<Imported> {
        let digest = bundle.digest()?;
        if let Some(wanted) = options.digest.as_ref().filter(|wanted| **wanted != digest) {
            return Err(Error::new(ErrorKind::Denied, "the bundle is not the one that was asked for")
                .with_context("file", file)
                .with_context("digest", &digest)
                .with_context("wanted", wanted));
        }
        let approved = bundle.lock.servers.values().any(|server| server.approved.is_some());
        let bundle = bundle.for_import(options.name, options.trust_approvals);
        let store = self.profiles();
        let before = match store.open(&bundle.profile.name).await {
            Ok(profile) => profile.spec().await.ok(),
            Err(_) => None,
        };
        let lock = bundle.lock.clone();
        let profile = if options.replace {
            store.replace(bundle.profile.clone()).await?
        } else {
            store.create(bundle.profile.clone()).await.map_err(|error| match error.kind() {
                ErrorKind::AlreadyExists => error.with_hint("give `--replace`, or another name with `--as`"),
                _ => error,
            })?
        };
        profile
            .update_lock(Box::new(move |pins| {
                *pins = lock;
                Ok(())
            }))
            .await?;
        self.record_change(before.as_ref(), Some(&bundle.profile)).await?;
        let mut imported = self.report(bundle, digest).await;
        if approved && !options.trust_approvals {
            imported.warnings.push(
                "what the other home's operator approved does not count here: look with `mcp-gateway server approve SERVER \
                 --show`, and approve it"
                    .to_owned(),
            );
        }
        Ok(imported)
    }
}
