//! What people read on standard error: errors, warnings and next steps.

use std::fmt::Display;
use std::io::{self, IsTerminal as _, Write as _};

use crate::error::Error;
use crate::util::env_vars;

/// A label of a line, with its colour on a terminal.
#[derive(Clone, Copy, Debug)]
enum Label {
    Error,
    Warning,
    Hint,
    Note,
}

impl Label {
    const fn text(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Hint => "hint",
            Self::Note => "note",
        }
    }

    const fn colour(self) -> &'static str {
        match self {
            Self::Error => "\x1b[1;31m",
            Self::Warning => "\x1b[1;33m",
            Self::Hint => "\x1b[1;36m",
            Self::Note => "\x1b[1m",
        }
    }
}

/// Shows a failure and what to do about it.
pub(crate) fn error(error: &Error) {
    line(Label::Error, &error.report());
    hints(error);
}

/// Shows something that the person should know.
pub(crate) fn warning(text: impl Display) {
    line(Label::Warning, &text.to_string());
}

/// Shows a next step.
pub(crate) fn hint(text: impl Display) {
    line(Label::Hint, &text.to_string());
}

/// Shows what was done.
pub(crate) fn note(text: impl Display) {
    line(Label::Note, &text.to_string());
}

/// Whether standard error takes colours.
pub(crate) fn is_colourful() -> bool {
    io::stderr().is_terminal()
        && env_vars::get("NO_COLOR").is_none()
        && env_vars::get("TERM").is_none_or(|terminal| terminal != "dumb")
}

/// Text without what could steer a terminal; catalogs and servers choose much of what is shown.
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && !matches!(c, '\n' | '\t') { '\u{fffd}' } else { c }).collect()
}

fn hints(error: &Error) {
    for text in error.hints() {
        line(Label::Hint, text);
    }
}

fn line(label: Label, text: &str) {
    let text = plain(text);
    let mut stderr = io::stderr().lock();
    // Nobody is left to be told when standard error is gone.
    let _ = if is_colourful() {
        writeln!(stderr, "{}{}:\x1b[0m {text}", label.colour(), label.text())
    } else {
        writeln!(stderr, "{}: {text}", label.text())
    };
}
