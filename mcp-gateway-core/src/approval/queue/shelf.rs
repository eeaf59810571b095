//! Where questions, answers and grants lie: in memory or in a folder, each authenticated.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use hmac::{Hmac, Mac};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind, Result};
use crate::util::fs::{self, FileLock};
use crate::util::mac::mac;
use crate::util::random;

/// The largest thing that is kept, in bytes.
const MAX_BYTES: u64 = 4 * 1024 * 1024;
const KEY_BYTES: usize = 32;

/// What is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    Question,
    Answer,
    Grant,
}

impl Part {
    const fn extension(self) -> &'static str {
        match self {
            Self::Question => "question",
            Self::Answer => "answer",
            Self::Grant => "grant",
        }
    }
}

/// What is written: a text and the proof that somebody with the key wrote it, as this part.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sealed {
    body: String,
    mac: String,
}

pub(super) struct Shelf {
    key: Zeroizing<Vec<u8>>,
    place: Place,
}

enum Place {
    Memory(Mutex<BTreeMap<(Part, String), String>>),
    Folder(PathBuf),
}

impl fmt::Debug for Shelf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Memory(_) => f.write_str("Shelf"),
            Place::Folder(folder) => f.debug_tuple("Shelf").field(folder).finish(),
        }
    }
}

impl Shelf {
    pub(super) fn in_memory() -> Result<Self> {
        Ok(Self { key: Zeroizing::new(random::hex(KEY_BYTES)?.into_bytes()), place: Place::Memory(Mutex::default()) })
    }

    pub(super) fn open(folder: PathBuf) -> Result<Self> {
        fs::create_dir_all(&folder)?;
        let path = folder.join("key");
        let key = {
            // Of two that make a key at once, one must win before the other reads.
            let _lock = FileLock::acquire(&path)?;
            match fs::read_optional(&path)?.map(Zeroizing::new) {
                Some(key) => key,
                None => {
                    let key = Zeroizing::new(random::hex(KEY_BYTES)?);
                    fs::write_atomic(&path, key.as_bytes())?;
                    key
                }
            }
        };
        let wrong = |why: &'static str| {
            Error::new(ErrorKind::InvalidConfig, why).with_context("file", path.display()).with_hint(
                "remove it: the next gateway makes another, and every pending approval and grant is void then",
            )
        };
        if key.len() != 2 * KEY_BYTES || !key.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(wrong("this is not a key of approvals"));
        }
        if fs::is_open_to_others(&path) {
            return Err(wrong("the key of approvals can be read by others, who could approve everything with it"));
        }
        Ok(Self { key: Zeroizing::new(key.as_bytes().to_vec()), place: Place::Folder(folder) })
    }

    /// Keeps others from answering meanwhile.
    pub(super) fn lock(&self) -> Result<Option<FileLock>> {
        match &self.place {
            Place::Memory(_) => Ok(None),
            Place::Folder(folder) => FileLock::acquire(&folder.join("answers")).map(Some),
        }
    }

    pub(super) fn put(&self, part: Part, id: &str, value: &impl Serialize) -> Result<()> {
        let unwritable = |cause| Error::new(ErrorKind::Internal, "an approval has no JSON form").with_source(cause);
        let body = serde_json::to_string(value).map_err(unwritable)?;
        let mac = hex::encode(self.mac(part, id, &body).finalize().into_bytes());
        let text = serde_json::to_string(&Sealed { body, mac }).map_err(unwritable)?;
        match &self.place {
            Place::Memory(kept) => {
                kept.lock().unwrap_or_else(PoisonError::into_inner).insert((part, id.to_owned()), text);
                Ok(())
            }
            Place::Folder(folder) => fs::write_atomic(&path(folder, part, id)?, text.as_bytes()),
        }
    }

    /// What is kept; `None` where there is nothing.
    pub(super) fn get<T: DeserializeOwned>(&self, part: Part, id: &str) -> Result<Option<T>> {
        let text = match &self.place {
            Place::Memory(kept) => {
                kept.lock().unwrap_or_else(PoisonError::into_inner).get(&(part, id.to_owned())).cloned()
            }
            Place::Folder(folder) => match path(folder, part, id) {
                Ok(path) => fs::read_bytes(&path, MAX_BYTES)?.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
                // What cannot be the name of anything is the name of nothing.
                Err(_) => None,
            },
        };
        let Some(text) = text else { return Ok(None) };
        let foreign = || {
            Error::new(ErrorKind::Denied, "an approval was not written with this home's key, so it counts for nothing")
                .with_context("approval", id)
        };
        let sealed: Sealed = serde_json::from_str(&text).map_err(|_| foreign())?;
        let mac = hex::decode(&sealed.mac).map_err(|_| foreign())?;
        self.mac(part, id, &sealed.body).verify_slice(&mac).map_err(|_| foreign())?;
        serde_json::from_str(&sealed.body).map(Some).map_err(|cause| foreign().with_source(cause))
    }

    pub(super) fn has(&self, part: Part, id: &str) -> bool {
        match &self.place {
            Place::Memory(kept) => {
                kept.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&(part, id.to_owned()))
            }
            Place::Folder(folder) => path(folder, part, id).is_ok_and(|path| fs::exists(&path)),
        }
    }

    pub(super) fn remove(&self, part: Part, id: &str) -> Result<()> {
        match &self.place {
            Place::Memory(kept) => {
                kept.lock().unwrap_or_else(PoisonError::into_inner).remove(&(part, id.to_owned()));
                Ok(())
            }
            Place::Folder(folder) => fs::remove_file(&path(folder, part, id)?),
        }
    }

    pub(super) fn ids(&self, part: Part) -> Result<Vec<String>> {
        match &self.place {
            Place::Memory(kept) => {
                let kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                Ok(kept.keys().filter(|(kind, _)| *kind == part).map(|(_, id)| id.clone()).collect())
            }
            Place::Folder(folder) => {
                let files = fs::list(folder, &[part.extension()])?;
                Ok(files.iter().filter_map(|file| Some(file.file_stem()?.to_str()?.to_owned())).collect())
            }
        }
    }

    fn mac(&self, part: Part, id: &str, body: &str) -> Hmac<Sha256> {
        let texts = [part.extension(), id, body];
        let lengths = texts.map(|text| (text.len() as u64).to_be_bytes());
        mac(&self.key, lengths.iter().zip(texts).flat_map(|(length, text)| [length.as_slice(), text.as_bytes()]))
    }
}

/// The file of something; ids are hex, so that none of them leads elsewhere.
fn path(folder: &Path, part: Part, id: &str) -> Result<PathBuf> {
    if id.is_empty() || id.len() > 64 || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(Error::new(ErrorKind::NotFound, format!("`{id}` is not the id of an approval"))
            .with_hint("list what is pending: `mcp-gateway approvals ls`"));
    }
    Ok(folder.join(format!("{id}.{}", part.extension())))
}
