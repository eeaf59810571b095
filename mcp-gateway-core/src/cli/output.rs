//! What programs and people read on standard output.

use std::io::{self, IsTerminal as _, Write as _};

use clap::ValueEnum;
use comfy_table::{Table, presets};
use serde::Serialize;

use super::report::plain;
use crate::error::{Error, ErrorKind, Result};

/// The longest text in a cell of a table.
const MAX_CELL: usize = 64;

/// The form of the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Tables and YAML, for people
    #[default]
    Table,
    /// JSON, for programs
    Json,
}

/// The flag that chooses the form of the output.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct FormatArgs {
    /// The form of the output
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
}

impl FormatArgs {
    pub(crate) fn open(self) -> Output {
        Output::new(self.format)
    }
}

/// Standard output.
///
/// A reader that goes away, as `head` does, is no error: what follows is dropped.
#[derive(Debug)]
pub(crate) struct Output {
    format: Format,
    closed: bool,
}

impl Output {
    pub(crate) fn new(format: Format) -> Self {
        Self { format, closed: false }
    }

    /// Output of a command that knows one form only.
    pub(crate) fn text() -> Self {
        Self::new(Format::Table)
    }

    pub(crate) fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// Whether the reader has gone away.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Writes text as it is, but without what could steer the terminal that it goes to.
    pub(crate) fn write(&mut self, text: &str) -> Result<()> {
        if io::stdout().is_terminal() { self.bytes(plain(text).as_bytes()) } else { self.bytes(text.as_bytes()) }
    }

    /// Writes a line.
    pub(crate) fn line(&mut self, text: &str) -> Result<()> {
        self.write(&format!("{text}\n"))
    }

    /// Writes a value as JSON over several lines.
    pub(crate) fn json(&mut self, value: &impl Serialize) -> Result<()> {
        let text = serde_json::to_string_pretty(value).map_err(rendering)?;
        self.line(&text)
    }

    /// Writes a value as JSON on one line.
    pub(crate) fn json_line(&mut self, value: &impl Serialize) -> Result<()> {
        let text = serde_json::to_string(value).map_err(rendering)?;
        self.line(&text)
    }

    /// Writes one thing: as JSON, or as YAML for people.
    pub(crate) fn document(&mut self, value: &impl Serialize) -> Result<()> {
        if self.is_json() {
            return self.json(value);
        }
        let text = serde_saphyr::to_string(value).map_err(rendering)?;
        self.write(&text)
    }

    /// Writes things: as a JSON list, or as a table with a row for each.
    pub(crate) fn rows<T: Serialize>(
        &mut self,
        items: &[T],
        header: &[&str],
        row: impl Fn(&T) -> Vec<String>,
    ) -> Result<()> {
        if self.is_json() {
            return self.json(&items);
        }
        self.table(header, items.iter().map(row))
    }

    /// Writes a table; without rows, nothing.
    pub(crate) fn table(&mut self, header: &[&str], rows: impl Iterator<Item = Vec<String>>) -> Result<()> {
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_header(header.iter().copied());
        for row in rows {
            table.add_row(row.iter().map(|text| cell(text)));
        }
        if table.is_empty() {
            return Ok(());
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        let text: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
        self.line(&text.join("\n"))
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        if self.closed {
            return Ok(());
        }
        let mut stdout = io::stdout().lock();
        match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
            Err(cause) if cause.kind() == io::ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(())
            }
            Err(cause) => Err(Error::new(ErrorKind::Io, "cannot write to standard output").with_source(cause)),
            Ok(()) => Ok(()),
        }
    }
}

/// What is for a file as much as for a reader: as it is.
impl io::Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes(bytes).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// One line of bounded length without control characters.
fn cell(text: &str) -> String {
    let flat: String = plain(text).split_whitespace().collect::<Vec<_>>().join(" ");
    if flat.chars().count() <= MAX_CELL {
        return flat;
    }
    flat.chars().take(MAX_CELL - 1).chain(['…']).collect()
}

fn rendering(cause: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::Internal, "cannot render the output").with_source(cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_one_short_line_that_cannot_steer_a_terminal() {
        assert_eq!(cell("a\n b\t c"), "a b c");
        assert!(!cell("x\u{1b}[2J").contains('\u{1b}'));
        assert_eq!(cell(&"ü".repeat(100)).chars().count(), MAX_CELL);
    }
}
