//! Trails as a whole: verified, exported and reported on, from files without a gateway, or from any store.

mod command;
mod export;
mod html;
mod otlp;
mod report;
mod source;
#[cfg(test)]
mod tests;
mod verify;

use std::io::Write;
use std::path::Path;

use self::export::Exporter;
use self::report::Reporter;
use self::source::{Found, Source};
use self::verify::Verifier;
use super::sqlite::head_file;
use super::{AuditQuery, AuditRecord, AuditStore};
use crate::error::{Error, ErrorKind, Result};
use crate::util::fs;

pub use command::{FileCommand, ReportFormat};
pub use export::ExportFormat;
pub use report::{AuditReport, Entries, Entry, ServerUse, Uses};
pub use verify::{TrailFault, Verification, VerifyOptions};

/// How many records are read from a store at once.
const PAGE: usize = 10_000;

/// Checks an audit file, or a copy of it: a SQLite file, with the closed files that lie beside it, or one file of records
/// in JSON lines, such as a closed one or an export of all records.
///
/// # Behavior
/// - Finds every edit, deletion and change of order of records, a checkpoint that does not hold, a beginning without
///   the checkpoint of what came before, and an end before `options.noted`, or before the head that the writer noted in
///   `FILE.head`.
/// - Without `options.key`, a checkpoint holds when it is signed by the key that it names.
/// - What is wrong is in the report; an error says that there is nothing that could be checked.
///
/// # Errors
/// `NotFound`, `InvalidConfig` when it is no audit file, `Io`.
pub fn verify(path: &Path, options: &VerifyOptions) -> Result<Verification> {
    let source = Source::open(path)?;
    let options = &with_noted(path, options)?;
    let mut verifier = Verifier::new(options);
    verifier.read_from(&source.files);
    source.each(&mut |found| {
        verifier.check(found);
        Ok(())
    })?;
    Ok(verifier.finish())
}

/// The options with the head that the writer has noted beside the file, where no other is given.
fn with_noted(path: &Path, options: &VerifyOptions) -> Result<VerifyOptions> {
    let mut options = options.clone();
    if options.noted.is_none() {
        options.noted = match fs::read_optional(&head_file(path))? {
            Some(text) => Some(text.parse()?),
            None => None,
        };
    }
    Ok(options)
}

/// Checks what a store gives.
///
/// # Errors
/// What the store says.
pub async fn verify_store(store: &dyn AuditStore, options: &VerifyOptions) -> Result<Verification> {
    let mut verifier = Verifier::new(options);
    pages(store, |record| {
        verifier.check(Found::Record(Box::new(record)));
        Ok(())
    })
    .await?;
    Ok(verifier.finish())
}

/// Writes the records of an audit file in another form, from a time on where one is given; says how many.
///
/// # Errors
/// As [`verify`], `InvalidConfig` when the file is damaged, `Io`.
pub fn export(path: &Path, format: ExportFormat, since: Option<i64>, out: &mut (dyn Write + Send)) -> Result<u64> {
    let mut exporter = Exporter::begin(format, out)?;
    Source::open(path)?.each(&mut |found| match found {
        Found::Record(record) if since.is_none_or(|since| record.event.time >= since) => exporter.record(&record),
        // What was never acknowledged is no record.
        Found::Record(_) | Found::Torn(_) => Ok(()),
        Found::Unreadable(_, why) | Found::Damage(why) => {
            Err(Error::new(ErrorKind::InvalidConfig, "the audit file is damaged, so the export would not be whole")
                .with_context("file", path.display())
                .with_context("found", why)
                .with_hint("run `mcp-gateway audit verify` on it"))
        }
    })?;
    exporter.finish()
}

/// As [`export`], of what a store gives.
///
/// # Errors
/// What the store says, `Io`.
pub async fn export_store(
    store: &dyn AuditStore,
    format: ExportFormat,
    since: Option<i64>,
    out: &mut (dyn Write + Send),
) -> Result<u64> {
    let mut exporter = Exporter::begin(format, out)?;
    pages(store, |record| match since {
        Some(since) if record.event.time < since => Ok(()),
        _ => exporter.record(&record),
    })
    .await?;
    exporter.finish()
}

/// Reports on an audit file, from a time on where one is given; a damaged one is reported on as far as it can be read.
///
/// # Errors
/// As [`verify`].
pub fn report(path: &Path, since: Option<i64>, options: &VerifyOptions) -> Result<AuditReport> {
    let source = Source::open(path)?;
    let options = &with_noted(path, options)?;
    let mut verifier = Verifier::new(options);
    verifier.read_from(&source.files);
    let mut reporter = Reporter::new(since);
    source.each(&mut |found| {
        if let Found::Record(record) = &found {
            reporter.record(record);
        }
        verifier.check(found);
        Ok(())
    })?;
    Ok(reporter.finish(verifier.finish()))
}

/// As [`report`], on what a store gives.
///
/// # Errors
/// What the store says.
pub async fn report_store(store: &dyn AuditStore, since: Option<i64>, options: &VerifyOptions) -> Result<AuditReport> {
    let mut verifier = Verifier::new(options);
    let mut reporter = Reporter::new(since);
    pages(store, |record| {
        reporter.record(&record);
        verifier.check(Found::Record(Box::new(record)));
        Ok(())
    })
    .await?;
    Ok(reporter.finish(verifier.finish()))
}

/// Every record of a store, oldest first.
async fn pages(store: &dyn AuditStore, mut take: impl FnMut(AuditRecord) -> Result<()>) -> Result<()> {
    let newest = store.query(&AuditQuery::newest(1)).await?;
    let Some(newest) = newest.last().map(|record| record.sequence) else { return Ok(()) };
    let mut after = 0;
    while after < newest {
        let page = store.query(&AuditQuery::page(after, PAGE)).await?;
        after = page.last().map_or(after + PAGE as u64, |record| record.sequence);
        page.into_iter().try_for_each(&mut take)?;
    }
    Ok(())
}
