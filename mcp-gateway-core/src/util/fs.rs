//! Files, with errors that name the path, atomic replacement and a lock against concurrent writers.
#![expect(clippy::disallowed_methods, reason = "the one place that touches files directly")]

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind, Result};

/// The largest configuration file that is read: 64 MiB.
pub const MAX_FILE_BYTES: u64 = 64 * 1024 * 1024;

/// How long a writer waits for another one to finish.
const LOCK_WAIT: Duration = Duration::from_secs(10);
const LOCK_POLL: Duration = Duration::from_millis(10);

/// Reads a text file of at most [`MAX_FILE_BYTES`].
///
/// # Errors
/// `NotFound` when there is no such file, `TooLarge` over the limit, `InvalidConfig` when it is not UTF-8, `Io` otherwise.
pub fn read_to_string(path: &Path) -> Result<String> {
    let file = File::open(path).map_err(|cause| io_error("read", path, cause))?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(|cause| io_error("read", path, cause))?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(Error::new(ErrorKind::TooLarge, "file is larger than 64 MiB").with_context("file", path.display()));
    }
    String::from_utf8(bytes).map_err(|cause| {
        Error::new(ErrorKind::InvalidConfig, "file is not valid UTF-8")
            .with_context("file", path.display())
            .with_source(cause)
    })
}

/// Reads a text file, or `None` where there is none.
///
/// # Errors
/// As [`read_to_string`], but a missing file is no error.
pub fn read_optional(path: &Path) -> Result<Option<String>> {
    match read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Reads a file of at most `limit` bytes, or `None` where there is none; the content is copied into one buffer only.
///
/// # Errors
/// `TooLarge` over the limit, `Io` otherwise.
pub fn read_bytes(path: &Path, limit: u64) -> Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(io_error("read", path, cause)),
    };
    let length = file.metadata().map_err(|cause| io_error("read", path, cause))?.len();
    let mut bytes = Vec::with_capacity(usize::try_from(length.min(limit)).unwrap_or(0) + 1);
    file.take(limit + 1).read_to_end(&mut bytes).map_err(|cause| io_error("read", path, cause))?;
    if bytes.len() as u64 > limit {
        return Err(Error::new(ErrorKind::TooLarge, format!("file is larger than {limit} bytes"))
            .with_context("file", path.display()));
    }
    Ok(Some(bytes))
}

/// Whether a file can be read by more than its owner; `false` where there is none or the system has no such modes.
pub fn is_open_to_others(path: &Path) -> bool {
    #[cfg(unix)]
    return fs::metadata(path).is_ok_and(|found| std::os::unix::fs::MetadataExt::mode(&found) & 0o077 != 0);
    #[cfg(not(unix))]
    return false;
}

/// Makes an empty file, readable and writable by its owner only, unless there is one.
///
/// # Errors
/// `Io`, naming the path.
pub fn create_private(path: &Path) -> Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        create_dir_all(folder)?;
    }
    match write_new(path, b"") {
        Err(cause) if cause.kind() != io::ErrorKind::AlreadyExists => Err(io_error("create", path, cause)),
        _ => Ok(()),
    }
}

/// A file that lines are appended to, each by one write, so that several writers do not mix them.
#[derive(Debug)]
pub struct AppendFile {
    file: File,
    path: PathBuf,
}

impl AppendFile {
    /// Opens a file, or makes one that its owner only may read and write.
    ///
    /// # Errors
    /// `Io`, naming the path.
    pub fn open(path: &Path) -> Result<Self> {
        let mut options = OpenOptions::new();
        options.append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path).map_err(|cause| io_error("open", path, cause))?;
        Ok(Self { file, path: path.to_owned() })
    }

    /// Appends a line.
    ///
    /// # Errors
    /// `Io`, naming the path.
    pub fn append_line(&mut self, line: &[u8]) -> Result<()> {
        self.file.write_all(&[line, b"\n"].concat()).map_err(|cause| io_error("write", &self.path, cause))
    }
}

/// Which file stands at a path: another one after a replacement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileIdentity(u64, u64);

/// Which file stands at the path; `None` where there is none or the system cannot say.
pub fn identity(path: &Path) -> Option<FileIdentity> {
    #[cfg(unix)]
    return fs::metadata(path).ok().map(|found| {
        use std::os::unix::fs::MetadataExt as _;
        FileIdentity(found.dev(), found.ino())
    });
    #[cfg(not(unix))]
    return None;
}

/// Replaces a file as one step: readers see the old content or the new, never a part.
///
/// # Behavior
/// - Writes a temporary file beside the target, flushes it to disk, then renames it.
/// - The file is readable and writable by its owner only.
///
/// # Errors
/// `Io`, naming the path; the old content is then untouched.
pub fn write_atomic(path: &Path, content: &[u8]) -> Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    create_dir_all(folder)?;
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("file");
    let temporary = folder.join(format!(".{name}.{}.tmp", crate::util::random::hex(6)?));
    let written = write_new(&temporary, content).and_then(|()| fs::rename(&temporary, path));
    if let Err(cause) = written {
        // The temporary file is of no use to anyone; the first error is the one to report.
        let _ = fs::remove_file(&temporary);
        return Err(io_error("write", path, cause));
    }
    sync_folder(folder);
    Ok(())
}

fn write_new(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = private().write(true).create_new(true).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// Options that make a file readable and writable by its owner only.
fn private() -> OpenOptions {
    let options = OpenOptions::new();
    #[cfg(unix)]
    let options = {
        let mut options = options;
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options
    };
    options
}

/// A file that takes its place as one step once all of it is written; dropped before that, it is gone.
#[derive(Debug)]
pub struct AtomicFile {
    path: PathBuf,
    temporary: PathBuf,
    file: Option<io::BufWriter<File>>,
}

impl AtomicFile {
    /// Begins a file, readable and writable by its owner only.
    ///
    /// # Errors
    /// `Io`, naming the path.
    pub fn begin(path: &Path) -> Result<Self> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        create_dir_all(folder)?;
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("file");
        let temporary = folder.join(format!(".{name}.{}.tmp", crate::util::random::hex(6)?));
        let file = private().write(true).create_new(true).open(&temporary);
        let file = file.map_err(|cause| io_error("write", path, cause))?;
        Ok(Self { path: path.to_owned(), temporary, file: Some(io::BufWriter::new(file)) })
    }

    /// Puts the file into its place, in place of one that is there.
    ///
    /// # Errors
    /// `Io`, naming the path.
    pub fn finish(mut self) -> Result<()> {
        let Some(file) = self.file.take() else { return Ok(()) };
        let placed = file.into_inner().map_err(io::IntoInnerError::into_error).and_then(|file| {
            file.sync_all()?;
            fs::rename(&self.temporary, &self.path)
        });
        if let Err(cause) = placed {
            // Of no use to anyone; the first error is the one to report.
            let _ = fs::remove_file(&self.temporary);
            return Err(io_error("write", &self.path, cause));
        }
        sync_folder(self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")));
        Ok(())
    }
}

impl io::Write for AtomicFile {
    fn write(&mut self, content: &[u8]) -> io::Result<usize> {
        self.file.as_mut().map_or(Ok(content.len()), |file| file.write(content))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), io::Write::flush)
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        if self.file.take().is_some() {
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

/// Adds to the end of a file, on disk when it returns; makes it, for its owner only, where there is none.
///
/// # Errors
/// `TooLarge` when the file would grow over `limit` bytes, `Io` otherwise.
pub fn append(path: &Path, content: &[u8], limit: u64) -> Result<()> {
    let failed = |cause| io_error("write", path, cause);
    let mut file = private().append(true).create(true).open(path).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    if length.saturating_add(content.len() as u64) > limit {
        return Err(Error::new(ErrorKind::TooLarge, format!("file would be larger than {limit} bytes"))
            .with_context("file", path.display()));
    }
    file.write_all(content).and_then(|()| file.sync_data()).map_err(failed)
}

/// Opens a file to be read from its beginning.
///
/// # Errors
/// `NotFound` or `Io`, naming the path.
pub fn reader(path: &Path) -> Result<io::BufReader<File>> {
    File::open(path).map(io::BufReader::new).map_err(|cause| io_error("read", path, cause))
}

/// Makes the rename itself durable; some file systems cannot, which costs durability and not atomicity.
fn sync_folder(folder: &Path) {
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
}

/// Creates a folder and its parents, readable by the owner only where it is new.
///
/// # Errors
/// `Io`, naming the path.
pub fn create_dir_all(path: &Path) -> Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|cause| io_error("create", path, cause))
}

/// Removes a file; a file that is not there is no error.
///
/// # Errors
/// `Io`, naming the path.
pub fn remove_file(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(io_error("remove", path, cause)),
        _ => Ok(()),
    }
}

/// The files of a folder with one of the extensions, in name order; no folder, no files.
///
/// # Errors
/// `Io`, naming the path.
pub fn list(folder: &Path, extensions: &[&str]) -> Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(cause) => return Err(io_error("list", folder, cause)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(|cause| io_error("list", folder, cause))?.path();
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        if extensions.contains(&extension) && path.is_file() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Whether something exists at the path.
pub fn exists(path: &Path) -> bool {
    path.exists()
}

/// Resolves symbolic links and `..`.
///
/// # Errors
/// `NotFound` or `Io`, naming the path.
pub fn canonicalize(path: &Path) -> Result<PathBuf> {
    fs::canonicalize(path).map_err(|cause| io_error("resolve", path, cause))
}

/// Holds the exclusive right to change a file, between processes and threads, until dropped.
#[derive(Debug)]
pub struct FileLock {
    _file: File,
}

impl FileLock {
    /// Locks `path` for writing by a lock file beside it, waiting up to ten seconds.
    ///
    /// # Errors
    /// `Conflict` when another writer holds it for longer, `Io` otherwise.
    pub fn acquire(path: &Path) -> Result<Self> {
        let mut lock = path.as_os_str().to_owned();
        lock.push(".lck");
        let lock = PathBuf::from(lock);
        if let Some(folder) = lock.parent() {
            create_dir_all(folder)?;
        }
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&lock)
            .map_err(|cause| io_error("lock", &lock, cause))?;
        let until = Instant::now() + LOCK_WAIT;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::WouldBlock) if Instant::now() < until => std::thread::sleep(LOCK_POLL),
                Err(TryLockError::WouldBlock) => {
                    return Err(Error::new(ErrorKind::Conflict, "another process is changing this file")
                        .with_context("file", path.display()));
                }
                Err(TryLockError::Error(cause)) => return Err(io_error("lock", &lock, cause)),
            }
        }
    }
}

/// An error of file work, with the path and what was tried.
pub fn io_error(action: &str, path: &Path, cause: io::Error) -> Error {
    let kind = if cause.kind() == io::ErrorKind::NotFound { ErrorKind::NotFound } else { ErrorKind::Io };
    Error::new(kind, format!("cannot {action} file")).with_context("file", path.display()).with_source(cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_a_file_whole_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/profile.yaml");
        write_atomic(&path, b"one").unwrap();
        write_atomic(&path, b"two").unwrap();
        assert_eq!(read_to_string(&path).unwrap(), "two");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = read_to_string(Path::new("/no/such/file")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.to_string().contains("/no/such/file"));
    }

    #[test]
    fn a_lock_excludes_other_holders() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.yaml");
        let counter = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let _lock = FileLock::acquire(&path).unwrap();
                    let before = counter.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                    assert_eq!(before, 0);
                    std::thread::yield_now();
                    counter.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
                });
            }
        });
    }
}
