//! Exit codes: one table, documented in `docs/cli.md`.

use std::process::ExitCode;

use crate::error::ErrorKind;

/// How the command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exit(u8);

impl Exit {
    /// It did what was asked.
    pub(crate) const OK: Self = Self(0);
    /// What was checked is not as it should be.
    pub(crate) const CHECK_FAILED: Self = Self(1);
    /// The tool was called and said that it failed.
    pub(crate) const TOOL_FAILED: Self = Self(3);
    /// Interrupted by Ctrl-C, as shells count it.
    pub(crate) const INTERRUPTED: Self = Self(130);

    /// The code of a check.
    pub(crate) const fn all_well(is_well: bool) -> Self {
        if is_well { Self::OK } else { Self::CHECK_FAILED }
    }

    /// The number.
    pub(crate) const fn code(self) -> u8 {
        self.0
    }

    /// The code of a failure.
    pub(crate) const fn of(kind: ErrorKind) -> Self {
        Self(match kind {
            ErrorKind::Internal => 1,
            // The same as clap's for a command line that cannot be read.
            ErrorKind::InvalidInput => 2,
            ErrorKind::InvalidConfig => 10,
            ErrorKind::NotFound => 11,
            ErrorKind::AlreadyExists => 12,
            ErrorKind::Conflict => 13,
            ErrorKind::MissingSecret => 14,
            ErrorKind::Denied => 15,
            ErrorKind::Unauthorized => 16,
            ErrorKind::Unsupported => 17,
            ErrorKind::RuntimeUnavailable => 20,
            ErrorKind::StartFailed => 21,
            ErrorKind::ServerExited => 22,
            ErrorKind::Protocol => 23,
            ErrorKind::TooLarge => 24,
            ErrorKind::Overloaded => 25,
            ErrorKind::Timeout => 26,
            ErrorKind::Closed => 27,
            ErrorKind::Network => 28,
            ErrorKind::Io => 29,
            ErrorKind::Cancelled => Self::INTERRUPTED.0,
        })
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.0.into()
    }
}

impl From<Exit> for i32 {
    fn from(exit: Exit) -> Self {
        exit.0.into()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_kind_has_a_code_of_its_own_that_the_documentation_names() {
        let documentation = include_str!("../../../docs/cli.md");
        let mut seen = HashSet::from([Exit::OK.0, Exit::TOOL_FAILED.0]);
        for kind in ErrorKind::ALL {
            let code = Exit::of(kind).0;
            assert!(seen.insert(code), "{code} is used twice");
            let row = format!("| {code} | `{kind}` |");
            assert!(documentation.contains(&row), "docs/cli.md lacks the row `{row}`");
        }
    }
}
