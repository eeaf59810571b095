//! What can go wrong with a keyring.

use keyring_core::Error as Cause;

use crate::error::{Error, ErrorKind};

#[derive(Debug, thiserror::Error)]
pub(super) enum KeyringError {
    #[error("the keyring is locked, and was not unlocked")]
    Locked(#[source] Cause),
    #[error("the keyring holds more than one secret of this name")]
    Several,
    #[error("the keyring holds no value longer than {0}")]
    TooLong(u32),
    #[error("the keyring cannot be used")]
    Unusable(#[source] Cause),
}

impl KeyringError {
    /// What the keyring's error means. Values that it carries go no further.
    pub(super) fn of(cause: Cause) -> Self {
        match cause {
            Cause::NoStorageAccess(_) => Self::Locked(cause),
            Cause::PlatformFailure(ref inner) if inner.to_string().to_lowercase().contains("locked") => {
                Self::Locked(cause)
            }
            Cause::Ambiguous(_) => Self::Several,
            Cause::TooLong(_, most) => Self::TooLong(most),
            Cause::BadEncoding(mut bytes) | Cause::BadDataFormat(mut bytes, _) => {
                zeroize::Zeroize::zeroize(&mut bytes);
                Self::Unusable(Cause::BadStoreFormat("a value is damaged".to_owned()))
            }
            other => Self::Unusable(other),
        }
    }

    /// Whether the connection to the keyring is of no use any more.
    pub(super) fn is_broken(&self) -> bool {
        matches!(self, Self::Unusable(_))
    }
}

impl From<KeyringError> for Error {
    fn from(error: KeyringError) -> Self {
        let (kind, hint) = match &error {
            KeyringError::Locked(_) => {
                (ErrorKind::Unauthorized, "log in to the desktop or unlock the keyring, and try again")
            }
            KeyringError::Several => {
                (ErrorKind::InvalidConfig, "remove all but one of them with the keyring's own program")
            }
            KeyringError::TooLong(_) => (ErrorKind::InvalidInput, "keep it in an encrypted file, `age:PATH`"),
            KeyringError::Unusable(_) => (
                ErrorKind::Io,
                "on Linux a session bus with GNOME Keyring, KWallet or KeePassXC is needed; without one, keep secrets in an \
                 encrypted file, `age:PATH`",
            ),
        };
        Self::new(kind, error.to_string()).with_hint(hint).with_source(error)
    }
}
