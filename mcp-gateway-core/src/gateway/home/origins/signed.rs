//! Signatures of registered catalogs: making them, and holding catalogs to them.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::not_own;
use super::record::OriginRecord;
use crate::catalog::{CatalogKey, CatalogOrigin, CatalogPublicKey, CatalogSignature, FileCatalog};
use crate::error::{Error, ErrorKind, Result};
use crate::gateway::home::Home;
use crate::util::fs;
use crate::util::oci::digest_of;

/// By whom a registered catalog must be signed, and what was last taken over from there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct CatalogSigned {
    /// The key of its signer, as [`CatalogPublicKey`] is written.
    pub key: String,
    /// What its signer calls it.
    pub name: String,
    /// Its version; an older one is refused.
    pub version: u64,
    /// When it was signed, RFC 3339.
    pub time: String,
    /// The digest of what it says.
    pub digest: String,
}

/// A signature that was written beside a catalog.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct WrittenSignature {
    /// Its file.
    pub file: PathBuf,
    /// The signature.
    #[serde(flatten)]
    pub signature: CatalogSignature,
}

impl Home {
    /// Signs a catalog's file, or a catalog of the home's own, and writes the signature beside it (`FILE.sig`).
    ///
    /// Without a name it is that of the file or the catalog; without a version, the time is one.
    ///
    /// # Errors
    /// `NotFound`; `InvalidInput` for a folder and for a catalog that comes from elsewhere; `InvalidConfig` when it is no
    /// catalog; `Io`.
    pub async fn sign_catalog(
        &self,
        catalog: &str,
        key: &CatalogKey,
        name: Option<&str>,
        version: Option<u64>,
    ) -> Result<WrittenSignature> {
        let path = Path::new(catalog);
        let is_path = fs::exists(path) || path.components().count() > 1 || path.extension().is_some();
        let path = if is_path { path.to_owned() } else { self.own_catalog(catalog)? };
        if path.is_dir() {
            return Err(Error::new(ErrorKind::InvalidInput, "a folder cannot be signed")
                .with_context("path", path.display())
                .with_hint("make one file of it: `mcp-gateway catalog import FOLDER`, then `catalog export`"));
        }
        FileCatalog::load(&path).await?;
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let signature = CatalogSignature::sign(key, name.unwrap_or(stem), &fs::read_to_string(&path)?, version)?;
        let mut file = path.into_os_string();
        file.push(".sig");
        let file = PathBuf::from(file);
        fs::write_atomic(&file, signature.to_text()?.as_bytes())?;
        Ok(WrittenSignature { file, signature })
    }

    /// The file of a catalog that is the home's own.
    fn own_catalog(&self, name: &str) -> Result<PathBuf> {
        let path = self.registered_catalog(name)?.path;
        if self.read_origin(name)?.is_none_or(|record| record.origin != "own") {
            return Err(not_own(name));
        }
        Ok(path)
    }

    /// The signature of a registered catalog: one that was made here, or that came with its copy.
    pub(in crate::gateway::home) fn catalog_signature(&self, name: &str) -> PathBuf {
        self.catalogs().join(format!("{name}.yaml.sig"))
    }

    /// The signature that goes along with a catalog's text, if it has one, and why that of a copy does not.
    ///
    /// # Errors
    /// `Conflict` when the catalog is the home's own and was edited since it was signed.
    pub(super) fn signature_of(&self, name: &str, text: &str) -> Result<Going> {
        let Some(written) = fs::read_optional(&self.catalog_signature(name))? else { return Ok(Going::default()) };
        let signature = of_text(text, &written);
        if let Some(record) = self.read_origin(name)?.filter(|record| record.origin != "own") {
            // Its signer is elsewhere: what was changed here goes on without, and is not held up.
            let signature = signature.ok().filter(|_| digest_of(text.as_bytes()) == record.copy);
            let note = signature.is_none().then(|| {
                "it is not as it was signed where it came from, so it goes on without its signature".to_owned()
            });
            return Ok(Going { signature, note });
        }
        let signature = signature.map_err(|error| match error.kind() {
            ErrorKind::Denied => {
                Error::new(ErrorKind::Conflict, format!("catalog `{name}` was changed after it was signed"))
                    .with_hint(format!("sign it again: `mcp-gateway catalog sign {name} --key FILE`"))
                    .with_source(error)
            }
            _ => error,
        })?;
        Ok(Going { signature: Some(signature), note: None })
    }

    /// Keeps the signature that came with a copy beside it, or none.
    pub(super) fn write_signature(&self, name: &str, signature: Option<&str>) -> Result<()> {
        match signature {
            Some(text) => fs::write_atomic(&self.catalog_signature(name), text.as_bytes()),
            None => fs::remove_file(&self.catalog_signature(name)),
        }
    }

    /// What was required of a catalog's signature until now, where one is to be replaced.
    pub(super) fn signed_until_now(&self, name: &str) -> Option<CatalogSigned> {
        self.registered_catalog(name).ok()?;
        // A record that cannot be read is what a replacement is for.
        self.read_origin(name).ok().flatten()?.signed
    }

    /// Refuses to put something that nobody has signed in the place of a catalog that must be signed.
    pub(super) fn check_unsigned(&self, name: &str) -> Result<()> {
        let Some(signed) = self.signed_until_now(name) else { return Ok(()) };
        Err(Error::new(ErrorKind::InvalidInput, format!("catalog `{name}` must be signed, and this would not be"))
            .with_context("key", signed.key)
            .with_hint(format!("remove it first: `mcp-gateway catalog rm {name}`")))
    }
}

/// What of a catalog's signature goes along with it.
#[derive(Debug, Default)]
pub(super) struct Going {
    pub(super) signature: Option<CatalogSignature>,
    /// What a person should know of one that stays behind.
    pub(super) note: Option<String>,
}

/// The signature that came with a text, if it is one of that text by the key that it names; whether that key is to be
/// trusted is for whoever requires one.
pub(super) fn of_its_own<'a>(text: &str, signature: Option<&'a str>) -> Option<&'a str> {
    signature.filter(|signature| of_text(text, signature).is_ok())
}

fn of_text(text: &str, signature: &str) -> Result<CatalogSignature> {
    let signature = CatalogSignature::parse(signature)?;
    signature.verify(text, &signature.key.parse()?)?;
    Ok(signature)
}

/// Refuses origins that have no signature.
pub(super) fn check_can_be_signed(origin: &CatalogOrigin) -> Result<()> {
    if matches!(origin, CatalogOrigin::Path(_) | CatalogOrigin::Address(_) | CatalogOrigin::Artifact(_)) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::InvalidInput, "nothing there is signed as a catalog")
        .with_context("origin", origin)
        .with_hint("files, addresses and artifacts can be; of others make a catalog of your own, and sign that"))
}

/// What is known of a catalog whose signature is the one that must be there.
///
/// # Errors
/// `Denied` when it is not, or when the catalog is older than the one that is known; `InvalidConfig` for what is none.
pub(super) fn accepted(
    text: &str,
    signature: Option<&str>,
    key: &CatalogPublicKey,
    known: Option<&CatalogSigned>,
    allow_older: bool,
) -> Result<CatalogSigned> {
    let Some(signature) = signature else {
        return Err(Error::new(ErrorKind::Denied, "the catalog is not signed")
            .with_context("key", key)
            .with_hint("whoever publishes it signs it with `mcp-gateway catalog sign`; nothing was taken over"));
    };
    let signature = CatalogSignature::parse(signature)?;
    signature.verify(text, key)?;
    let CatalogSignature { name, version, time, catalog: digest, .. } = signature;
    let signed = CatalogSigned { key: key.to_string(), name, version, time, digest };
    let Some(known) = known.filter(|known| known.key == signed.key) else { return Ok(signed) };
    if known.name != signed.name {
        return Err(Error::new(ErrorKind::Denied, format!("the signature is of the catalog `{}`", signed.name))
            .with_context("expected", &known.name)
            .with_hint("if its signer renamed it, remove it and add it again"));
    }
    let is_older = signed.version < known.version;
    if (is_older || (signed.version == known.version && signed.digest != known.digest)) && !allow_older {
        let why =
            if is_older { "the catalog is older than the one that is there" } else { "two catalogs of one version" };
        return Err(Error::new(ErrorKind::Denied, why)
            .with_context("version", signed.version)
            .with_context("known", known.version)
            .with_hint("if its signer went back on purpose, give `--allow-older`"));
    }
    Ok(signed)
}

impl OriginRecord {
    /// Adds what is known of the signature.
    pub(super) fn with_signed(mut self, signed: Option<CatalogSigned>) -> Self {
        self.signed = signed;
        self
    }
}
