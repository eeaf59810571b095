//! Paths of the host that no server gets to see, whatever catalog or profile say.

use std::path::{Component, Path, PathBuf};

use crate::error::{Error, ErrorKind, Result};
use crate::util::{env_vars, fs};

/// Folders of the system: neither they, nor anything in them, nor anything that holds them.
const SYSTEM: &[&str] = &[
    "/boot",
    "/dev",
    "/etc",
    "/proc",
    "/run",
    "/sys",
    "/var/backups",
    "/var/lib/containerd",
    "/var/lib/containers",
    "/var/lib/docker",
    "/var/lib/kubelet",
    "/var/run",
    "/var/spool/cron",
    "/Library/Keychains",
    "/System",
    "C:\\ProgramData",
    "C:\\Windows",
];

/// Files and folders that hold credentials or command an engine, wherever they are; each is one path component or several.
const CREDENTIALS: &[&str] = &[
    ".aws",
    ".azure",
    ".config/containers",
    ".config/gcloud",
    ".config/gh",
    ".docker",
    ".git-credentials",
    ".gnupg",
    ".kube",
    ".local/share/keyrings",
    ".mcp-gateway",
    ".mozilla",
    ".netrc",
    ".npmrc",
    ".password-store",
    ".pgpass",
    ".pypirc",
    ".ssh",
    ".terraform.d",
    ".vault-token",
    "Library/Keychains",
    "buildkitd.sock",
    "containerd.sock",
    "crio.sock",
    "docker.sock",
    "docker_engine",
    "podman.sock",
];

/// The folders that hold the homes of people.
const HOMES: &[&str] = &["/home", "/Users", "C:\\Users"];

/// The home of the system's administrator.
const ADMINISTRATOR: &str = "/root";

/// Resolves a path that a server is to see, and refuses it when that would show the server what it must never have.
///
/// # Behavior
/// - Symbolic links and `..` are resolved first; the answer is the path to use from here on.
/// - Refused is a sensitive path, what lies in it, and a folder that holds one.
///
/// # Errors
/// `NotFound` when there is nothing at the path, `Denied` when it exposes something sensitive.
pub(crate) fn check_exposed(path: &Path) -> Result<PathBuf> {
    let resolved = fs::canonicalize(path)?;
    match exposed(&resolved, env_vars::get("HOME").map(PathBuf::from).as_deref()) {
        None => Ok(resolved),
        Some(secret) => Err(denied(path, &secret)),
    }
}

/// Whether one of two resolved paths is the other or holds it.
pub(crate) fn overlap(one: &Path, other: &Path) -> bool {
    one.starts_with(other) || other.starts_with(one)
}

/// The refusal of a path, naming what it would expose.
pub(crate) fn denied(path: &Path, secret: &Path) -> Error {
    Error::new(ErrorKind::Denied, format!("`{}` would expose `{}` to a server", path.display(), secret.display()))
        .with_hint("give the server a folder of its own, which holds nothing but what it works on")
}

/// What a resolved path would expose.
fn exposed(path: &Path, home: Option<&Path>) -> Option<PathBuf> {
    let resolve = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let home = home.map(resolve);
    for system in SYSTEM {
        // Both forms: on some systems these are links themselves.
        let system = Path::new(system);
        if overlap(path, system) || overlap(path, &resolve(system)) {
            return Some(system.to_owned());
        }
    }
    if let Some(within) = CREDENTIALS.iter().find(|name| passes_through(path, Path::new(name))) {
        return Some(PathBuf::from(within));
    }
    if HOMES.iter().any(|homes| Path::new(homes).starts_with(path)) {
        return Some(path.join("*"));
    }
    // An engine that runs as root would read there for a user who cannot.
    if overlap(path, Path::new(ADMINISTRATOR)) && home.as_deref() != Some(Path::new(ADMINISTRATOR)) {
        return Some(PathBuf::from(ADMINISTRATOR));
    }
    let held_home = home.filter(|home| home.starts_with(path));
    [path.to_owned()]
        .into_iter()
        .chain(held_home)
        .flat_map(|folder| CREDENTIALS.iter().map(move |name| folder.join(name)))
        .find(|candidate| fs::exists(candidate))
}

/// Whether the components of `name` occur in `path`, one after the other.
fn passes_through(path: &Path, name: &Path) -> bool {
    let path: Vec<Component<'_>> = path.components().collect();
    let name: Vec<Component<'_>> = name.components().collect();
    path.windows(name.len()).any(|window| window == name)
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    fn refused(path: &str) -> bool {
        exposed(Path::new(path), Some(Path::new("/home/ann"))).is_some()
    }

    #[test]
    fn what_holds_or_lies_in_a_sensitive_path_is_refused() {
        for path in [
            "/",
            "/etc",
            "/etc/ssl",
            "/proc/self",
            "/dev/sda",
            "/sys",
            "/boot",
            "/run/user/1000",
            "/var",
            "/var/run/x",
            "/var/lib",
            "/var/lib/docker/volumes",
            "/home",
            "/root",
            "/root/work",
            "/home/bob/.ssh",
            "/home/bob/.ssh/id_rsa",
            "/home/bob/.config/gcloud/x",
            "/srv/x/.aws",
            "/srv/docker.sock",
            "/home/bob/.netrc",
        ] {
            assert!(refused(path), "{path}");
        }
        for path in ["/srv/data", "/home/bob/work", "/home/bob/.config/app", "/var/lib/app", "/var/data", "/opt/etc"] {
            assert!(!refused(path), "{path}");
        }
    }

    #[test]
    fn a_home_is_refused_while_it_holds_credentials() {
        let folder = tempfile::tempdir().unwrap();
        let home = fs::canonicalize(folder.path()).unwrap().join("ann");
        fs::create_dir_all(&home.join("work")).unwrap();
        assert_eq!(exposed(&home, Some(&home)), None);
        fs::create_dir_all(&home.join(".config/gcloud")).unwrap();
        assert_eq!(exposed(&home, None), Some(home.join(".config/gcloud")));
        assert_eq!(exposed(folder.path(), Some(&home)), Some(home.join(".config/gcloud")));
        assert_eq!(exposed(&home.join("work"), Some(&home)), None);
    }

    #[test]
    fn links_are_resolved_before_the_look() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("harmless");
        std::os::unix::fs::symlink("/etc", &link).unwrap();
        let error = check_exposed(&link.join("../etc/ssl/..")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Denied);
        assert!(error.to_string().contains("`/etc`"), "{error}");
        assert_eq!(check_exposed(&folder.path().join("absent")).unwrap_err().kind(), ErrorKind::NotFound);
    }
}
