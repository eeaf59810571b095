//! Files of other programs: read as they are, and replaced so that they keep their place, their mode and their owner.
#![expect(clippy::disallowed_methods, reason = "`util::fs` makes private files in the place of links")]

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use super::fs::{MAX_FILE_BYTES, io_error};
use super::random;
use crate::error::{Error, ErrorKind, Result};

/// Reads a text file, or `None` where there is none.
///
/// # Errors
/// `TooLarge`, `InvalidConfig` when it is not UTF-8, `Io`.
pub(crate) fn read(path: &Path) -> Result<Option<String>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(io_error("read", path, cause)),
    };
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(|cause| io_error("read", path, cause))?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(Error::new(ErrorKind::TooLarge, "file is larger than 64 MiB").with_context("file", path.display()));
    }
    let text = String::from_utf8(bytes).map_err(|cause| {
        Error::new(ErrorKind::InvalidConfig, "file is not valid UTF-8")
            .with_context("file", path.display())
            .with_source(cause)
    })?;
    Ok(Some(text))
}

/// Replaces a file as one step, if it still is what was read; `None` stands for a file that is not there.
///
/// # Behavior
/// - Mode and owner stay; a link stays, and the file that it leads to is replaced.
/// - A new file has the mode that this process gives to files.
/// - `after: None` removes the file.
///
/// # Errors
/// `Conflict` when the file was changed meanwhile; `Io`. The file is then as it was.
pub(crate) fn replace(path: &Path, before: Option<&str>, after: Option<&str>) -> Result<()> {
    let target = if path.is_symlink() || path.exists() {
        // A link that leads nowhere is none that may be replaced.
        fs::canonicalize(path).map_err(|cause| io_error("find", path, cause))?
    } else {
        path.to_owned()
    };
    let Some(after) = after else {
        check(&target, before)?;
        return fs::remove_file(&target).map_err(|cause| io_error("remove", path, cause));
    };
    let temporary = beside(&target)?;
    let placed = write_like(&temporary, &target, after.as_bytes())
        .map_err(|cause| io_error("write", path, cause))
        .and_then(|()| check(&target, before))
        .and_then(|()| fs::rename(&temporary, &target).map_err(|cause| io_error("write", path, cause)));
    if placed.is_err() {
        // Of no use to anyone; the first error is the one to report.
        let _ = fs::remove_file(&temporary);
    }
    placed
}

/// Copies a file to a name that is not taken yet, with its mode: `settings.json.bak`, `settings.json.bak2`.
///
/// # Errors
/// `Io`; `AlreadyExists` when every name is taken.
pub(crate) fn back_up(path: &Path) -> Result<PathBuf> {
    for number in 1..100 {
        let mut name = path.as_os_str().to_owned();
        name.push(if number == 1 { ".bak".to_owned() } else { format!(".bak{number}") });
        let copy = PathBuf::from(name);
        if copy.symlink_metadata().is_err() {
            let content = fs::read(path).map_err(|cause| io_error("read", path, cause))?;
            write_like(&copy, path, &content).map_err(|cause| io_error("write", &copy, cause))?;
            return Ok(copy);
        }
    }
    Err(Error::new(ErrorKind::AlreadyExists, "there are too many backups").with_context("file", path.display()))
}

fn check(target: &Path, before: Option<&str>) -> Result<()> {
    if read(target)?.as_deref() == before {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Conflict, "another program changed this file meanwhile")
        .with_context("file", target.display())
        .with_hint("run the command again; close the program first if it goes on writing")
        .retry_later())
}

fn beside(target: &Path) -> Result<PathBuf> {
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(|cause| io_error("create", folder, cause))?;
    let name = target.file_name().and_then(|name| name.to_str()).unwrap_or("file");
    Ok(folder.join(format!(".{name}.{}.tmp", random::hex(6)?)))
}

/// Writes a new file with the mode and the owner of another one, where there is one.
fn write_like(new: &Path, other: &Path, content: &[u8]) -> io::Result<()> {
    let other = fs::metadata(other).ok();
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if other.is_some() {
        // Private until it has its mode: what is in it may be secret.
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    }
    let mut file = options.open(new)?;
    #[cfg(unix)]
    if let Some(other) = &other {
        use std::os::unix::fs::MetadataExt as _;
        let own = file.metadata()?;
        if (own.uid(), own.gid()) != (other.uid(), other.gid()) {
            std::os::unix::fs::fchown(&file, Some(other.uid()), Some(other.gid()))?;
        }
    }
    if let Some(other) = &other {
        file.set_permissions(other.permissions())?;
    }
    file.write_all(content)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_file_keeps_its_mode_and_its_link() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real.json"), folder.path().join("link.json"));
        fs::write(&real, "old").unwrap();
        fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink("real.json", &link).unwrap();
        replace(&link, Some("old"), Some("new")).unwrap();
        assert_eq!(fs::read_to_string(&real).unwrap(), "new");
        assert!(link.is_symlink());
        assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is left beside it");
        fs::remove_file(&real).unwrap();
        assert_eq!(replace(&link, None, Some("new")).unwrap_err().kind(), ErrorKind::NotFound);
        assert!(link.is_symlink() && !real.exists());
    }

    #[test]
    fn what_somebody_else_wrote_meanwhile_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        fs::write(&path, "theirs").unwrap();
        assert_eq!(replace(&path, Some("mine"), Some("new")).unwrap_err().kind(), ErrorKind::Conflict);
        assert_eq!(replace(&path, None, Some("new")).unwrap_err().kind(), ErrorKind::Conflict);
        assert_eq!(replace(&path, Some("mine"), None).unwrap_err().kind(), ErrorKind::Conflict);
        assert_eq!(read(&path).unwrap().unwrap(), "theirs");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn backups_do_not_replace_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        fs::write(&path, "one").unwrap();
        assert!(back_up(&path).unwrap().ends_with("a.json.bak"));
        assert!(back_up(&path).unwrap().ends_with("a.json.bak2"));
    }
}
