//! Records for other programs: JSON lines, CSV, OpenTelemetry.

use std::io::Write;
use std::str::FromStr;

use super::otlp;
use crate::audit::sqlite::segment::line;
use crate::audit::{AuditRecord, KeptRecord};
use crate::error::{Error, ErrorKind, Result};
use crate::util::clock;

/// The form of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExportFormat {
    /// One record on each line, with its hash; all records together can be verified again.
    Jsonl,
    /// A table with a header, for spreadsheets.
    Csv,
    /// OpenTelemetry's log records in OTLP's JSON form, one batch on each line.
    Otlp,
}

impl FromStr for ExportFormat {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "jsonl" => Ok(Self::Jsonl),
            "csv" => Ok(Self::Csv),
            "otlp" => Ok(Self::Otlp),
            _ => Err(Error::new(ErrorKind::InvalidInput, format!("`{text}` is no form of an export"))
                .with_hint("write `jsonl`, `csv` or `otlp`")),
        }
    }
}

/// How many log records are one batch.
const BATCH: usize = 500;

const COLUMNS: [&str; 20] = [
    "sequence",
    "time",
    "profile",
    "principal",
    "session",
    "action",
    "server",
    "name",
    "outcome",
    "effect",
    "rule",
    "reason",
    "error",
    "durationMicros",
    "instance",
    "argumentsHash",
    "resultHash",
    "traceparent",
    "detail",
    "hash",
];

/// Writes records, one after the other.
pub(super) struct Exporter<'a> {
    format: ExportFormat,
    out: &'a mut (dyn Write + Send),
    batch: Vec<serde_json::Value>,
    profile: Option<String>,
    count: u64,
}

impl<'a> Exporter<'a> {
    pub(super) fn begin(format: ExportFormat, out: &'a mut (dyn Write + Send)) -> Result<Self> {
        let mut exporter = Self { format, out, batch: Vec::new(), profile: None, count: 0 };
        if format == ExportFormat::Csv {
            exporter.row(COLUMNS.map(str::to_owned).as_slice())?;
        }
        Ok(exporter)
    }

    pub(super) fn record(&mut self, record: &AuditRecord) -> Result<()> {
        self.count += 1;
        match self.format {
            ExportFormat::Jsonl => {
                let line = line(&KeptRecord::of(record))?;
                self.text(&line)
            }
            ExportFormat::Csv => self.row(&cells(record)),
            ExportFormat::Otlp => {
                self.profile.get_or_insert_with(|| record.event.profile.to_string());
                self.batch.push(otlp::log_record(record));
                if self.batch.len() < BATCH { Ok(()) } else { self.flush() }
            }
        }
    }

    /// Writes what is left and says how many records were written.
    pub(super) fn finish(mut self) -> Result<u64> {
        self.flush()?;
        self.out.flush().map_err(failed)?;
        Ok(self.count)
    }

    fn flush(&mut self) -> Result<()> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let batch = std::mem::take(&mut self.batch);
        let text = otlp::batch(self.profile.as_deref().unwrap_or_default(), batch).to_string();
        self.text(&text)
    }

    fn row(&mut self, cells: &[String]) -> Result<()> {
        let row = cells.iter().map(|cell| csv(cell)).collect::<Vec<_>>().join(",");
        self.out.write_all(row.as_bytes()).and_then(|()| self.out.write_all(b"\r\n")).map_err(failed)
    }

    fn text(&mut self, line: &str) -> Result<()> {
        self.out.write_all(line.as_bytes()).and_then(|()| self.out.write_all(b"\n")).map_err(failed)
    }
}

fn failed(cause: std::io::Error) -> Error {
    Error::new(ErrorKind::Io, "the export cannot be written").with_source(cause)
}

fn cells(record: &AuditRecord) -> [String; 20] {
    let event = &record.event;
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let decision = event.decision.as_ref();
    [
        record.sequence.to_string(),
        clock::rfc3339(event.time),
        event.profile.to_string(),
        event.principal.clone(),
        event.session.as_ref().map(ToString::to_string).unwrap_or_default(),
        event.action.clone(),
        event.server.as_ref().map(ToString::to_string).unwrap_or_default(),
        text(&event.name),
        event.outcome.as_str().to_owned(),
        decision.map(|decision| decision.effect.as_str().to_owned()).unwrap_or_default(),
        decision.map(|decision| decision.rule.clone()).unwrap_or_default(),
        decision.map(|decision| decision.reason.clone()).unwrap_or_default(),
        text(&event.error),
        event.duration_micros.to_string(),
        event.instance.as_ref().map(ToString::to_string).unwrap_or_default(),
        text(&event.arguments_hash),
        text(&event.result_hash),
        text(&event.traceparent),
        event.detail.as_ref().map(ToString::to_string).unwrap_or_default(),
        record.hash.clone(),
    ]
}

/// A cell of RFC 4180; one that a spreadsheet would take for a formula begins with an apostrophe.
pub(super) fn csv(text: &str) -> String {
    let guard = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    if guard.is_empty() && !text.contains(['"', ',', '\n', '\r']) {
        return text.to_owned();
    }
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}
