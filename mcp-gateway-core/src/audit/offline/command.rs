//! What is done with audit files, as JSON in and JSON out: one table for every language.

use std::path::PathBuf;

use serde::Deserialize;
use serde_json::json;

use super::{AuditReport, ExportFormat, VerifyOptions, export, report, verify};
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::RawJson;

/// A command about an audit file, as `{"command": "verify", "file": "dev.sqlite"}`.
///
/// The names and fields are those of the variants, in snake case.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum FileCommand {
    /// Checks the file: a [`Verification`](super::Verification).
    Verify {
        /// The file.
        file: PathBuf,
        /// Whose checkpoints count.
        #[serde(default)]
        key: Option<String>,
        /// A head that was noted elsewhere, as `17:4f…`.
        #[serde(default)]
        noted: Option<String>,
    },
    /// Reports on the file: an [`AuditReport`], or a text in the form of a page or a table.
    Report {
        /// The file.
        file: PathBuf,
        /// From when on, in milliseconds since the Unix epoch.
        #[serde(default)]
        since: Option<i64>,
        /// The form.
        #[serde(default)]
        format: ReportFormat,
        /// Whose checkpoints count.
        #[serde(default)]
        key: Option<String>,
    },
    /// Writes the records into another file: `{"records"}`.
    Export {
        /// The file.
        file: PathBuf,
        /// The form: `jsonl`, `csv` or `otlp`.
        format: String,
        /// The file to be written; one that is there is replaced.
        to: PathBuf,
        /// From when on, in milliseconds since the Unix epoch.
        #[serde(default)]
        since: Option<i64>,
    },
    /// Opens the sealed payload of a record: `{"arguments", "result"}`.
    #[cfg(feature = "audit-seal")]
    Unseal {
        /// The payload, as the record has it.
        sealed: String,
        /// The file of the recipient's key.
        identity: PathBuf,
    },
}

/// The form of a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ReportFormat {
    /// A JSON object.
    #[default]
    Json,
    /// A table.
    Csv,
    /// A page.
    Html,
}

impl ReportFormat {
    /// A report in this form, as JSON: an object, or a text.
    ///
    /// # Errors
    /// `Internal` when it has no JSON form.
    pub fn render(self, report: &AuditReport) -> Result<RawJson> {
        match self {
            Self::Json => RawJson::from_value(report),
            Self::Csv => RawJson::from_value(&report.to_csv()),
            Self::Html => RawJson::from_value(&report.to_html()),
        }
    }
}

impl FileCommand {
    /// Carries out a command that is written as JSON; it reads and writes files and takes its time.
    ///
    /// # Errors
    /// `InvalidInput` for a text that is no command; what the command says.
    pub fn run(text: &str) -> Result<RawJson> {
        let command: Self = serde_json::from_str(text).map_err(|cause| {
            Error::new(ErrorKind::InvalidInput, format!("not a command about an audit file: {cause}"))
                .with_operation("FileCommand::run")
        })?;
        match command {
            Self::Verify { file, key, noted } => {
                RawJson::from_value(&verify(&file, &VerifyOptions::parse(key.as_deref(), noted.as_deref())?)?)
            }
            Self::Report { file, since, format, key } => {
                format.render(&report(&file, since, &VerifyOptions::parse(key.as_deref(), None)?)?)
            }
            Self::Export { file, format, to, since } => {
                let mut out = crate::util::fs::AtomicFile::begin(&to)?;
                let records = export(&file, format.parse::<ExportFormat>()?, since, &mut out)?;
                out.finish()?;
                RawJson::from_value(&json!({"records": records}))
            }
            #[cfg(feature = "audit-seal")]
            Self::Unseal { sealed, identity } => RawJson::parse(crate::audit::open_sealed(&sealed, &identity)?),
        }
    }
}
