//! What a crash has left at the end of the write-ahead log: SQLite leaves it out without a word.

use std::path::Path;

use crate::error::Result;
use crate::util::fs;

/// The largest log that is looked at; one of this size is no sign of a crash.
const MAX_LOG: u64 = 256 * 1024 * 1024;
const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;
/// What a log begins with; its last bit says in which order the words of its sums are.
const MAGIC: u32 = 0x377f_0682;

/// An end that belongs to no finished step; none of it was acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Torn {
    /// Its bytes.
    pub(crate) bytes: u64,
    /// How many whole pages it has.
    pub(crate) frames: u64,
}

/// Looks at the log of an audit file that nobody writes to just now.
pub(crate) fn look(database: &Path) -> Result<Option<Torn>> {
    let mut path = database.as_os_str().to_owned();
    path.push("-wal");
    match fs::read_bytes(Path::new(&path), MAX_LOG) {
        Ok(bytes) => Ok(bytes.and_then(|bytes| scan(&bytes))),
        Err(error) if error.kind() == crate::ErrorKind::TooLarge => Ok(None),
        Err(error) => Err(error),
    }
}

/// The end of a log behind its last finished step, as far as it was written in the log's present round.
fn scan(log: &[u8]) -> Option<Torn> {
    let word = |at: usize| log.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map(u32::from_be_bytes);
    let magic = word(0)?;
    if magic & !1 != MAGIC {
        return None;
    }
    let is_big = magic & 1 == 1;
    let page = usize::try_from(word(8)?).ok().filter(|page| (512..=65_536).contains(page))?;
    let mut sum = checksum(is_big, log.get(..24)?, (0, 0));
    let salts = log.get(16..24)?;
    let mut finished = HEADER;
    let mut at = HEADER;
    let mut frames = 0;
    // Older frames of an earlier round have other salts: they are leftovers of a log that was begun anew.
    while let Some(header) = log.get(at..at + FRAME_HEADER)
        && header.get(8..16) == Some(salts)
    {
        let Some(content) = log.get(at + FRAME_HEADER..at + FRAME_HEADER + page) else {
            return Some(Torn { bytes: (log.len() - finished) as u64, frames });
        };
        sum = checksum(is_big, content, checksum(is_big, header.get(..8)?, sum));
        at += FRAME_HEADER + page;
        if word(at - page - 8)? != sum.0 || word(at - page - 4)? != sum.1 {
            return Some(Torn { bytes: (at - finished) as u64, frames });
        }
        frames += 1;
        if word(at - page - FRAME_HEADER + 4)? != 0 {
            (finished, frames) = (at, 0);
        }
    }
    (at > finished).then(|| Torn { bytes: (at - finished) as u64, frames })
}

/// The running sums of SQLite's file format, section 4.2.
fn checksum(is_big: bool, bytes: &[u8], start: (u32, u32)) -> (u32, u32) {
    let read = |bytes: &[u8]| {
        let bytes = [bytes[0], bytes[1], bytes[2], bytes[3]];
        if is_big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
    };
    bytes.chunks_exact(8).fold(start, |(one, two), pair| {
        let one = one.wrapping_add(read(&pair[..4])).wrapping_add(two);
        let two = two.wrapping_add(read(&pair[4..])).wrapping_add(one);
        (one, two)
    })
}
