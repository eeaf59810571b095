//! Audit files as files: verified, exported and reported on without a gateway, on a copy as well.

mod source;
mod verify;
#[cfg(test)]
mod tests;

use std::path::Path;

use crate::error::Result;

pub use verify::{TrailFault, Verification, VerifyOptions};

/// Checks an audit file, or a copy of it: a SQLite file, with the closed files that lie beside it, or one file of records
/// in JSON lines, such as a closed one or an export of all records.
///
/// # Behavior
/// - Finds every edit, deletion and change of order of records, a checkpoint that does not hold, a beginning without
///   the checkpoint of what came before, and an end before `options.noted`.
/// - Without `options.key`, a checkpoint holds when it is signed by the key that it names.
/// - What is wrong is in the report; an error says that there is nothing that could be checked.
///
/// # Errors
/// `NotFound`, `InvalidConfig` when it is no audit file, `Io`.
pub fn verify(path: &Path, options: &VerifyOptions) -> Result<Verification> {
    verify::run(path, options)
}
