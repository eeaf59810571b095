//! Secrets that a child reads from files: in its own file system where it has one, otherwise in a folder in memory that its
//! rules let it read and those of no other child do.

use std::path::Path;

use super::sandbox::{Kernel, Seen};
use crate::error::{Error, ErrorKind, Result};
use crate::model::SecretValue;
use crate::runtime::secret_files::{self, INSIDE, Readers, SecretFiles};
use crate::runtime::{GatewayInstance, SecretFile};

/// The files of one child, and where it finds them.
#[derive(Debug)]
pub(super) struct Handed<'a> {
    secrets: &'a [SecretFile],
    /// `None` where the child has a file system of its own, or no files.
    folder: Option<SecretFiles>,
}

impl<'a> Handed<'a> {
    /// Makes the files that are not made with the child's file system.
    ///
    /// # Errors
    /// `InvalidConfig` for a name that is none, `Unsupported` where other children could read them; as [`SecretFiles::write`].
    pub(super) fn new(secrets: &'a [SecretFile], kernel: &Kernel, instance: &GatewayInstance) -> Result<Self> {
        secret_files::check(secrets)?;
        if secrets.is_empty() || kernel.contains() {
            return Ok(Self { secrets, folder: None });
        }
        if !kernel.isolates_files() {
            let message =
                "the server cannot be given its secrets in files: this machine does not keep other servers from them";
            return Err(Error::new(ErrorKind::Unsupported, message).with_hint(
                "install bubblewrap or use a container engine; `delivery: env` in the profile does without",
            ));
        }
        Ok(Self { secrets, folder: Some(SecretFiles::write(instance, secrets, Readers::Owner)?) })
    }

    /// The variables that tell the child where they are.
    pub(super) fn environment(&self) -> Vec<(String, SecretValue)> {
        let folder = self.folder.as_ref().map_or(Path::new(INSIDE), SecretFiles::path);
        let told = secret_files::environment(self.secrets, folder);
        told.map(|(name, path)| (name, SecretValue::new(path))).collect()
    }

    /// What the child may read because of them.
    pub(super) fn seen(&self) -> Option<Seen> {
        self.folder.as_ref().map(|folder| Seen::own(folder.path()))
    }

    /// What goes with the child.
    pub(super) fn into_files(self) -> Option<SecretFiles> {
        self.folder
    }
}
