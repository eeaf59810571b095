//! Rules about files, ports and signals by Landlock.

use std::os::fd::OwnedFd;
use std::path::Path;

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, CompatLevel, Compatible as _, Ruleset, RulesetAttr as _,
    RulesetCreatedAttr as _, RulesetError, Scope, path_beneath_rules,
};

use super::system::{self, Reach};
use super::{Rules, exec};
use crate::error::{Error, ErrorKind, Result};

/// What this kernel's Landlock knows; each version knows what the ones before it do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version(pub(super) u32);

impl Version {
    /// Asks the kernel.
    pub(super) fn of_kernel() -> Self {
        Self(exec::landlock_version())
    }

    /// Reading, writing and running of files.
    pub(super) fn has_files(self) -> bool {
        self.0 >= 1
    }

    /// Emptying a file that may not be written.
    pub(super) fn has_truncation(self) -> bool {
        self.0 >= 3
    }

    /// TCP ports.
    pub(super) fn has_ports(self) -> bool {
        self.0 >= 4
    }

    /// Signals to processes outside, and sockets without a path.
    pub(super) fn has_scopes(self) -> bool {
        self.0 >= 6
    }

    /// The newest rules about files that both the kernel and this crate know.
    fn files(self) -> ABI {
        match self.0 {
            0 => ABI::Unsupported,
            1 => ABI::V1,
            2 => ABI::V2,
            3 | 4 => ABI::V3,
            _ => ABI::V5,
        }
    }
}

/// The rules of one child; `None` where this kernel has none that would matter.
///
/// # Behavior
/// - Every rule that is asked for is enforced: one that the kernel does not know is an error, not left out.
/// - `files` is off where namespaces hide files already: rules about files would forbid to make those.
pub(super) fn ruleset(version: Version, rules: &Rules<'_>, files: bool) -> Result<Option<OwnedFd>> {
    let files = files && version.has_files();
    // Without a network, no port is open; in a network of its own, every one leads where it may.
    let ports = version.has_ports() && *rules.reach == Reach::Nothing;
    if !files && !ports && !version.has_scopes() {
        return Ok(None);
    }
    build(version, rules, files, ports).map_err(|cause| {
        Error::new(ErrorKind::Internal, "the sandbox's Landlock rules could not be made").with_source(cause)
    })
}

fn build(version: Version, rules: &Rules<'_>, files: bool, ports: bool) -> Result<Option<OwnedFd>, RulesetError> {
    let mut ruleset = Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
    let abi = version.files();
    if files {
        ruleset = ruleset.handle_access(AccessFs::from_all(abi))?;
    }
    if ports {
        ruleset = ruleset.handle_access(AccessNet::from_all(ABI::V4))?;
    }
    if version.has_scopes() {
        ruleset = ruleset.scope(Scope::from_all(ABI::V6))?;
    }
    let mut created = ruleset.create()?;
    if files {
        let (read, write) = (AccessFs::from_read(abi), AccessFs::from_all(abi));
        // Paths that are not there are passed over: distributions differ.
        created = created
            .add_rules(path_beneath_rules(system::paths(rules.reach), read))?
            .add_rules(path_beneath_rules(system::DEVICES, AccessFs::ReadFile))?
            .add_rules(path_beneath_rules([system::NULL], AccessFs::ReadFile | AccessFs::WriteFile))?
            .add_rules(path_beneath_rules(rules.read.iter().map(|seen| &seen.path), read))?
            .add_rules(path_beneath_rules(
                rules.write.iter().map(|seen| seen.path.as_path()).chain(own(rules)),
                write,
            ))?;
    }
    Ok(created.into())
}

fn own<'a>(rules: &Rules<'a>) -> [&'a Path; 1] {
    [rules.own]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_version_knows_what_the_ones_before_it_do() {
        assert!(!Version(0).has_files() && Version(1).has_files() && !Version(2).has_truncation());
        assert!(Version(3).has_truncation() && !Version(3).has_ports() && Version(4).has_ports());
        assert!(!Version(5).has_scopes() && Version(6).has_scopes() && Version(99).has_scopes());
        assert_eq!(Version(4).files(), ABI::V3);
        assert_eq!(Version(99).files(), ABI::V5);
    }
}
