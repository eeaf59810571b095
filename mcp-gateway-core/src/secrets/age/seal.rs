//! Encryption and decryption of the file, and its key file.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use age::secrecy::{ExposeSecret as _, SecretString};
use age::{Decryptor, Encryptor, Identity, Recipient, scrypt, x25519};
use zeroize::Zeroizing;

use super::AgeBrokerConfig;
use super::error::AgeError;
use crate::error::{Error, ErrorKind, Result};
use crate::model::SecretValue;
use crate::secrets::file::Seal;
use crate::util::fs::{self, FileLock};

/// The most work that a file may ask for before its passphrase is known to be wrong: about 1 GiB and 8 seconds.
const MAX_WORK_FACTOR: u8 = 20;
/// The largest key file: a few lines.
const MAX_KEY_FILE: u64 = 64 * 1024;
const KEY_MARK: &str = "AGE-SECRET-KEY-1";

#[derive(Debug)]
pub(super) struct AgeSeal {
    with: Opener,
    work_factor: Option<u8>,
}

#[derive(Debug)]
enum Opener {
    Passphrase(SecretValue),
    KeyFile(PathBuf),
}

impl AgeSeal {
    pub(super) fn new(config: AgeBrokerConfig) -> Result<Self> {
        if config.work_factor.is_some_and(|factor| !(1..=MAX_WORK_FACTOR).contains(&factor)) {
            return Err(Error::new(ErrorKind::InvalidInput, "work factor is not within 1 to 20"));
        }
        let with = match (config.passphrase, config.identity) {
            (Some(passphrase), _) if passphrase.is_empty() => {
                return Err(Error::new(ErrorKind::InvalidInput, "the passphrase is empty"));
            }
            (Some(passphrase), _) => Opener::Passphrase(passphrase),
            (None, Some(identity)) => Opener::KeyFile(identity),
            (None, None) => {
                let mut beside = config.path.into_os_string();
                beside.push(".key");
                Opener::KeyFile(beside.into())
            }
        };
        Ok(Self { with, work_factor: config.work_factor })
    }

    /// Encrypts the file to a new key, or with a new passphrase; whenever this is cut off, what is there opens the file.
    pub(super) fn rotate(&self, path: &Path, text: &str, passphrase: Option<&SecretValue>) -> Result<()> {
        match (&self.with, passphrase) {
            (Opener::KeyFile(_), Some(_)) => {
                Err(Error::new(ErrorKind::InvalidInput, "the file is encrypted to a key file, not with a passphrase"))
            }
            (Opener::Passphrase(_), None) => {
                Err(Error::new(ErrorKind::InvalidInput, "the file needs a new passphrase to be encrypted with"))
            }
            (Opener::Passphrase(_), Some(new)) if new.is_empty() => {
                Err(Error::new(ErrorKind::InvalidInput, "the new passphrase is empty"))
            }
            (Opener::Passphrase(_), Some(new)) => fs::write_atomic(path, &encrypt(path, text, &self.recipient(new))?),
            (Opener::KeyFile(file), None) => {
                let _lock = FileLock::acquire(file)?;
                let old = fs::read_bytes(file, MAX_KEY_FILE)?.ok_or_else(|| AgeError::NoKeyFile.at(file))?;
                let (old, new) = (Zeroizing::new(old), x25519::Identity::generate());
                let lines = key_lines(&new);
                // Until the file is encrypted to the new key, the old one has to be there too.
                let mut both = Zeroizing::new(Vec::with_capacity(lines.len() + old.len()));
                both.extend_from_slice(lines.as_bytes());
                both.extend_from_slice(&old);
                fs::write_atomic(file, &both)?;
                fs::write_atomic(path, &encrypt(path, text, &new.to_public())?)?;
                fs::write_atomic(file, lines.as_bytes())
            }
        }
    }

    fn recipient(&self, passphrase: &SecretValue) -> scrypt::Recipient {
        let mut recipient = scrypt::Recipient::new(SecretString::from(passphrase.expose()));
        if let Some(factor) = self.work_factor {
            recipient.set_work_factor(factor);
        }
        recipient
    }

    /// The key that everything is encrypted to; made when neither it nor the encrypted file is there yet.
    fn key_for_writing(path: &Path, is_new: bool) -> Result<x25519::Identity> {
        let _lock = FileLock::acquire(path)?;
        match read_keys(path)? {
            Some(keys) => keys.into_iter().next().ok_or_else(|| AgeError::BadKeyFile.at(path)),
            None if is_new => {
                let key = x25519::Identity::generate();
                fs::write_atomic(path, key_lines(&key).as_bytes())?;
                tracing::info!(file = %path.display(), "generated the key file of the encrypted secrets; back it up");
                Ok(key)
            }
            None => Err(AgeError::NoKeyFile.at(path)),
        }
    }
}

impl Seal for AgeSeal {
    fn open(&self, path: &Path, bytes: Vec<u8>) -> Result<Zeroizing<String>> {
        let decryptor = Decryptor::new_buffered(bytes.as_slice()).map_err(|_| AgeError::Damaged.at(path))?;
        let by_passphrase = decryptor.is_scrypt();
        let identities: Vec<Box<dyn Identity>> = match &self.with {
            Opener::Passphrase(_) if !by_passphrase => return Err(AgeError::NeedsKey.at(path)),
            Opener::KeyFile(_) if by_passphrase => return Err(AgeError::NeedsPassphrase.at(path)),
            Opener::Passphrase(passphrase) => {
                let mut identity = scrypt::Identity::new(SecretString::from(passphrase.expose()));
                identity.set_max_work_factor(MAX_WORK_FACTOR);
                vec![Box::new(identity)]
            }
            Opener::KeyFile(file) => {
                let keys = read_keys(file)?.ok_or_else(|| AgeError::NoKeyFile.at(file))?;
                keys.into_iter().map(|key| Box::new(key) as Box<dyn Identity>).collect()
            }
        };
        let mut text = Zeroizing::new(String::with_capacity(bytes.len()));
        decryptor
            .decrypt(identities.iter().map(AsRef::as_ref))
            .map_err(|cause| AgeError::of(&cause, by_passphrase).at(path))?
            .read_to_string(&mut text)
            .map_err(|_| AgeError::Damaged.at(path))?;
        Ok(text)
    }

    fn seal(&self, path: &Path, text: &str, is_new: bool) -> Result<Vec<u8>> {
        let recipient: Box<dyn Recipient> = match &self.with {
            Opener::Passphrase(passphrase) => Box::new(self.recipient(passphrase)),
            Opener::KeyFile(file) => Box::new(Self::key_for_writing(file, is_new)?.to_public()),
        };
        encrypt(path, text, recipient.as_ref())
    }
}

fn encrypt(path: &Path, text: &str, recipient: &dyn Recipient) -> Result<Vec<u8>> {
    let encryptor = Encryptor::with_recipients(std::iter::once(recipient)).map_err(|_| AgeError::Encrypt.at(path))?;
    let mut bytes = Vec::with_capacity(text.len() + 1024);
    encryptor
        .wrap_output(&mut bytes)
        .and_then(|mut writer| {
            writer.write_all(text.as_bytes())?;
            writer.finish()
        })
        .map_err(|_| AgeError::Encrypt.at(path))?;
    Ok(bytes)
}

/// A key as it stands in a key file.
fn key_lines(key: &x25519::Identity) -> Zeroizing<String> {
    let text = key.to_string();
    Zeroizing::new(format!("# public key: {}\n{}\n", key.to_public(), text.expose_secret()))
}

/// The keys of a key file, or `None` where there is none.
fn read_keys(path: &Path) -> Result<Option<Vec<x25519::Identity>>> {
    let Some(bytes) = fs::read_bytes(path, MAX_KEY_FILE)? else { return Ok(None) };
    let bytes = Zeroizing::new(bytes);
    if fs::is_open_to_others(path) {
        tracing::warn!(file = %path.display(), "key file can be read by others; run `chmod 600` on it");
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| AgeError::BadKeyFile.at(path))?;
    let keys: Vec<x25519::Identity> = text
        .lines()
        .map(str::trim)
        .filter(|line| line.starts_with(KEY_MARK))
        .filter_map(|line| line.parse().ok())
        .collect();
    if keys.is_empty() { Err(AgeError::BadKeyFile.at(path)) } else { Ok(Some(keys)) }
}
