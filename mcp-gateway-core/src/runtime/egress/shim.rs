//! The program that stands at the entry of a container and carries its connections to the door.

use std::path::PathBuf;

use sha2::{Digest as _, Sha256};

use super::door::NAMES;
use super::folder::{self, Folder, SOCKET};
use super::hosts::HostList;
use super::inside;
use crate::error::{Error, ErrorKind, Result};

/// The program; empty where none could be built.
static PROGRAM: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/shim"));

/// Where the program and the door are inside.
pub(crate) const PROGRAM_INSIDE: &str = "/.mcp-gateway/shim";
pub(crate) const DOOR_INSIDE: &str = "/.mcp-gateway/door";

/// Where names are answered inside.
const NAMES_INSIDE: &str = "127.0.0.1:53";

/// Whether this build has the program.
pub(crate) fn is_built() -> bool {
    !PROGRAM.is_empty()
}

/// Puts the program where an engine can take it from.
///
/// # Errors
/// `Unsupported` where there is none for this system, `Io`.
pub(crate) fn install(door: &Folder) -> Result<PathBuf> {
    if !is_built() {
        return Err(Error::new(ErrorKind::Unsupported, "this build cannot keep a container to a list of hosts")
            .with_hint(
                "use a build for Linux on x86-64 or ARM 64, or give the server `network: open` or `network: none`",
            ));
    }
    let name = format!("shim-{}", hex::encode(&Sha256::digest(PROGRAM)[..8]));
    folder::install(door.path().parent().unwrap_or(door.path()), &name, PROGRAM)
}

/// The program's command line up to the command that it becomes.
pub(crate) fn command(hosts: &HostList) -> Vec<String> {
    let mut words = vec![PROGRAM_INSIDE.to_owned(), format!("{DOOR_INSIDE}/{SOCKET}")];
    words.extend(inside::places(hosts).into_iter().map(|(place, word)| format!("{place}={word}")));
    words.push(format!("{NAMES_INSIDE}={NAMES}"));
    words.push("--".to_owned());
    words
}
