//! What an encrypted file is and what opens it.

use std::path::PathBuf;

use crate::model::SecretValue;

/// An encrypted file and what opens it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AgeBrokerConfig {
    /// The encrypted file.
    pub path: PathBuf,
    /// The passphrase; `None` uses the key file.
    pub passphrase: Option<SecretValue>,
    /// The key file; `None` is the encrypted file's path with `.key` after it.
    pub identity: Option<PathBuf>,
    /// How slow a passphrase is to check, as the logarithm of scrypt's cost; `None` takes about a second.
    pub work_factor: Option<u8>,
}

impl AgeBrokerConfig {
    /// An encrypted file that a key file beside it opens.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), passphrase: None, identity: None, work_factor: None }
    }

    /// Opens the file with a passphrase.
    #[must_use]
    pub fn with_passphrase(mut self, passphrase: SecretValue) -> Self {
        self.passphrase = Some(passphrase);
        self
    }

    /// Opens the file with this key file.
    #[must_use]
    pub fn with_identity(mut self, identity: impl Into<PathBuf>) -> Self {
        self.identity = Some(identity.into());
        self
    }

    /// Sets how slow the passphrase is to check: 1 to 20; each step doubles it. Low values are for tests only.
    #[must_use]
    pub fn with_work_factor(mut self, work_factor: u8) -> Self {
        self.work_factor = Some(work_factor);
        self
    }
}
