//! What can go wrong with an encrypted file.

use std::path::Path;

use age::DecryptError;

use crate::error::{Error, ErrorKind};

#[derive(Debug, thiserror::Error)]
pub(super) enum AgeError {
    #[error("the passphrase does not open this file")]
    WrongPassphrase,
    #[error("the key file does not open this file")]
    WrongKey,
    #[error("the file is encrypted with a passphrase and none was given")]
    NeedsPassphrase,
    #[error("the file is encrypted to a key file and a passphrase was given")]
    NeedsKey,
    #[error("the file's passphrase takes too much work to check")]
    TooMuchWork,
    #[error("the file is damaged, cut off, or not an age file")]
    Damaged,
    #[error("the key file holds no `AGE-SECRET-KEY-1…` line")]
    BadKeyFile,
    #[error("the key file of this encrypted file does not exist")]
    NoKeyFile,
    #[error("the file could not be encrypted")]
    Encrypt,
}

impl AgeError {
    /// The public error, naming the file that it is about.
    pub(super) fn at(self, path: &Path) -> Error {
        let (kind, hint) = match self {
            Self::WrongPassphrase => (ErrorKind::Unauthorized, "enter the passphrase that the file was made with"),
            Self::WrongKey => (ErrorKind::Unauthorized, "name the key file that the file was made with"),
            Self::NeedsPassphrase => (ErrorKind::Unauthorized, "set `MCP_GATEWAY_SECRETS_PASSPHRASE`"),
            Self::NeedsKey => (
                ErrorKind::Unauthorized,
                "leave the passphrase out and set `MCP_GATEWAY_SECRETS_IDENTITY` to the key file",
            ),
            Self::TooMuchWork => (ErrorKind::InvalidConfig, "encrypt the file again with a lower work factor"),
            Self::Damaged => (ErrorKind::InvalidConfig, "restore it from a backup; it was not changed"),
            Self::BadKeyFile => (ErrorKind::InvalidConfig, "restore it from a backup; it was not changed"),
            Self::NoKeyFile => (ErrorKind::NotFound, "restore the key file; without it the secrets are lost"),
            Self::Encrypt => (ErrorKind::Internal, "report this as a mistake in the gateway"),
        };
        Error::new(kind, self.to_string()).with_context("file", path.display()).with_hint(hint)
    }

    /// What a failed decryption means, given how the file was to be opened.
    pub(super) fn of(cause: &DecryptError, by_passphrase: bool) -> Self {
        match cause {
            DecryptError::ExcessiveWork { .. } => Self::TooMuchWork,
            DecryptError::DecryptionFailed | DecryptError::KeyDecryptionFailed | DecryptError::NoMatchingKeys => {
                if by_passphrase {
                    Self::WrongPassphrase
                } else {
                    Self::WrongKey
                }
            }
            _ => Self::Damaged,
        }
    }
}
