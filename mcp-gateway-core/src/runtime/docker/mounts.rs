//! What of the host a container gets to see: volumes by name, and folders that pass the rules.

use std::path::{Path, PathBuf};

use bollard::models::{Mount as EngineMount, MountBindOptions, MountBindOptionsPropagationEnum, MountType};

use crate::error::{Error, ErrorKind, Result};
use crate::runtime::{ContainerPlan, Mount, MountSource, sensitive};
use crate::util::fs;

/// The longest name of a volume.
const MAX_VOLUME_NAME: usize = 128;

/// Checks the mounts of a plan and puts them as the engine wants them: as values of their own, never as `a:b:c` text.
///
/// # Behavior
/// - A bind is resolved first; the resolved path is what is checked and mounted. It is read-only unless the plan allows
///   writing to exactly that path, and mounts beneath it are left out.
///
/// # Errors
/// `NotFound` for a bind without a source, `Denied` for one that exposes what no server may see, `Unsupported` for any
/// bind when the engine is on another machine, `InvalidInput` for a name or target that cannot be right.
pub(super) fn engine_mounts(plan: &ContainerPlan, protected: &[PathBuf], local: bool) -> Result<Vec<EngineMount>> {
    plan.mounts
        .iter()
        .map(|mount| {
            let target = check_target(&mount.target)?;
            match &mount.source {
                MountSource::Volume(name) => volume(name, target, mount),
                MountSource::Bind(source) if local => bind(source, target, mount, plan, protected),
                MountSource::Bind(source) => Err(Error::new(
                    ErrorKind::Unsupported,
                    "a path of this machine cannot be mounted by an engine on another one",
                )
                .with_context("path", source.display())
                .with_hint("use a named volume")),
            }
        })
        .collect()
}

fn volume(name: &str, target: &str, mount: &Mount) -> Result<EngineMount> {
    let valid = name.len() <= MAX_VOLUME_NAME
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
    if !valid {
        return Err(Error::new(ErrorKind::InvalidInput, format!("`{}` is not a volume name", name.escape_debug()))
            .with_hint("a volume name has letters, digits, `.`, `_` and `-`; a path of the host starts with `/`"));
    }
    Ok(EngineMount {
        typ: Some(MountType::VOLUME),
        source: Some(name.to_owned()),
        target: Some(target.to_owned()),
        read_only: Some(mount.read_only),
        ..EngineMount::default()
    })
}

fn bind(
    source: &Path,
    target: &str,
    mount: &Mount,
    plan: &ContainerPlan,
    protected: &[PathBuf],
) -> Result<EngineMount> {
    if !source.is_absolute() {
        return Err(Error::new(ErrorKind::InvalidInput, format!("`{}` is not an absolute path", source.display()))
            .with_hint("write the whole path of what is to be mounted"));
    }
    let resolved = sensitive::check_exposed(source).map_err(|error| {
        if error.kind() == ErrorKind::NotFound {
            error.with_hint("a path to be mounted must be there before the server starts")
        } else {
            error
        }
    })?;
    for secret in protected {
        let secret = fs::canonicalize(secret).unwrap_or_else(|_| secret.clone());
        if sensitive::overlap(&resolved, &secret) {
            return Err(sensitive::denied(source, &secret));
        }
    }
    let text = resolved
        .to_str()
        .ok_or_else(|| Error::new(ErrorKind::InvalidInput, format!("`{}` is not valid Unicode", resolved.display())))?;
    let writable = plan.writable.iter().any(|path| fs::canonicalize(path).is_ok_and(|path| path == resolved));
    Ok(EngineMount {
        typ: Some(MountType::BIND),
        source: Some(text.to_owned()),
        target: Some(target.to_owned()),
        read_only: Some(mount.read_only || !writable),
        bind_options: Some(MountBindOptions {
            propagation: Some(MountBindOptionsPropagationEnum::RPRIVATE),
            // What is mounted beneath would stay writable on engines before 25, and was not looked at.
            non_recursive: Some(true),
            ..MountBindOptions::default()
        }),
        ..EngineMount::default()
    })
}

/// A path of this machine that the gateway has made and a container may read.
#[cfg(target_os = "linux")]
pub(super) fn shown(path: &Path, inside: &str) -> Result<EngineMount> {
    let source = path.to_str().ok_or_else(|| {
        Error::new(ErrorKind::InvalidInput, format!("`{}` is not valid Unicode", path.display()))
            .with_hint("move the gateway's home to a path of plain letters")
    })?;
    Ok(EngineMount {
        typ: Some(MountType::BIND),
        source: Some(source.to_owned()),
        target: Some(inside.to_owned()),
        read_only: Some(true),
        bind_options: Some(MountBindOptions {
            propagation: Some(MountBindOptionsPropagationEnum::RPRIVATE),
            ..MountBindOptions::default()
        }),
        ..EngineMount::default()
    })
}

/// A target is an absolute path that stays where it says, and not the container's whole root.
fn check_target(target: &str) -> Result<&str> {
    let parts_fine = target.split('/').all(|part| part != ".." && part != ".");
    let proper = target.starts_with('/') && target.trim_end_matches('/').len() > 1 && parts_fine;
    if proper && !target.chars().any(char::is_control) {
        Ok(target)
    } else {
        Err(Error::new(ErrorKind::InvalidInput, format!("`{}` is no place for a mount", target.escape_debug()))
            .with_hint("the target is an absolute path in the container, without `..`, below its root"))
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use crate::model::ImageReference;

    fn mounted(plan: &ContainerPlan) -> Result<Vec<EngineMount>> {
        engine_mounts(plan, &[], true)
    }

    fn plan(source: MountSource, target: &str) -> ContainerPlan {
        let mut plan = ContainerPlan::new(ImageReference::parse("x").unwrap());
        plan.mounts.push(Mount::new(source, target));
        plan
    }

    #[test]
    fn a_bind_is_read_only_unless_its_resolved_path_is_allowed() {
        let folder = tempfile::tempdir().unwrap();
        let real = fs::canonicalize(folder.path()).unwrap().join("real");
        fs::create_dir_all(&real.join("below")).unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&real, &link).unwrap();
        let mut plan = plan(MountSource::Bind(link), "/data");
        let read_only = |plan: &ContainerPlan| mounted(plan).unwrap()[0].read_only;
        assert_eq!(read_only(&plan), Some(true));
        plan.writable = vec![real.join("below"), folder.path().to_owned()];
        assert_eq!(read_only(&plan), Some(true));
        plan.writable.push(real.clone());
        assert_eq!(read_only(&plan), Some(false));
        plan.mounts[0].read_only = true;
        assert_eq!(read_only(&plan), Some(true));
        let mount = &mounted(&plan).unwrap()[0];
        assert_eq!(mount.source.as_deref(), real.to_str());
        assert_eq!(mount.bind_options.as_ref().unwrap().non_recursive, Some(true));
    }

    #[test]
    fn what_no_server_may_see_is_refused_through_links_too() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("work");
        std::os::unix::fs::symlink("/var/run/docker.sock", &link).unwrap();
        for source in ["/", "/etc", "/proc", "/var/run", link.to_str().unwrap()] {
            let error = mounted(&plan(MountSource::Bind(source.into()), "/x")).unwrap_err();
            // The engine's socket need not be there.
            assert!(matches!(error.kind(), ErrorKind::Denied | ErrorKind::NotFound), "{source}: {error}");
        }
        let plan = plan(MountSource::Bind(folder.path().to_owned()), "/x");
        let home = folder.path().join("home");
        fs::create_dir_all(&home).unwrap();
        assert_eq!(engine_mounts(&plan, &[home], true).unwrap_err().kind(), ErrorKind::Denied);
        assert_eq!(engine_mounts(&plan, &[], false).unwrap_err().kind(), ErrorKind::Unsupported);
    }

    #[test]
    fn sources_and_targets_that_cannot_be_right_are_refused() {
        let bind = |path: &str| MountSource::Bind(path.into());
        let volume = |name: &str| MountSource::Volume(name.to_owned());
        for (source, target, kind) in [
            (bind("/no/such/path"), "/x", ErrorKind::NotFound),
            (bind("work"), "/x", ErrorKind::InvalidInput),
            (bind("--privileged"), "/x", ErrorKind::InvalidInput),
            (volume("-v"), "/x", ErrorKind::InvalidInput),
            (volume("../x"), "/x", ErrorKind::InvalidInput),
            (volume("a:b"), "/x", ErrorKind::InvalidInput),
            (volume(""), "/x", ErrorKind::InvalidInput),
            (volume("data"), "x", ErrorKind::InvalidInput),
            (volume("data"), "/", ErrorKind::InvalidInput),
            (volume("data"), "//", ErrorKind::InvalidInput),
            (volume("data"), "/a/../..", ErrorKind::InvalidInput),
        ] {
            let error = mounted(&plan(source.clone(), target)).unwrap_err();
            assert_eq!(error.kind(), kind, "{source:?} {target}");
            assert!(error.hints().next().is_some(), "{source:?}");
        }
        assert_eq!(mounted(&plan(volume("data"), "/data")).unwrap()[0].read_only, Some(false));
    }
}
