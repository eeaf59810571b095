//! `audit verify|head|key|export|report|unseal`: the trail as a whole, from the home or from a copy of its file.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::audit::{
    AuditPublicKey, AuditQuery, ExportFormat, Head, Verification, VerifyOptions, export, open_sealed, report, verify,
};
use crate::cli::args::ProfileArgs;
use crate::cli::output::{FormatArgs, Output};
use crate::cli::{Env, report as say};
use crate::error::{Error, ErrorKind, Result};
use crate::model::ProfileName;
use crate::profile::parse_duration;
use crate::util::fs::{self, AtomicFile};

/// Which file is meant.
#[derive(Debug, Args)]
pub(crate) struct FileArgs {
    /// A file, such as a copy; the profile's own trail where none is named
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    profile: ProfileArgs,
}

impl FileArgs {
    fn path(&self, env: &Env) -> Result<PathBuf> {
        match &self.file {
            Some(file) => Ok(file.clone()),
            None => env.home.written_audit_file(&self.profile.profile),
        }
    }
}

/// Whose checkpoints count.
#[derive(Debug, Args)]
pub(crate) struct KeyArgs {
    /// The public key, as `audit key` prints it, or a file with it; without it, of the home's own trails, the home's
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
}

impl KeyArgs {
    fn options(&self, env: &Env, file: &FileArgs) -> Result<VerifyOptions> {
        let options = VerifyOptions::new();
        let text = match &self.key {
            Some(key) if key.starts_with("ed25519:") => key.clone(),
            Some(file) => fs::read_to_string(Path::new(file))?,
            // A copy may be of another home.
            None if file.file.is_some() => return Ok(options),
            None => match crate::audit::AuditKey::read(&env.home.audit_key_file())? {
                Some(key) => return Ok(options.with_key(key.public())),
                None => return Ok(options),
            },
        };
        Ok(options.with_key(text.parse::<AuditPublicKey>()?))
    }
}

/// `audit verify`.
#[derive(Debug, Args)]
pub(crate) struct Verify {
    #[command(flatten)]
    file: FileArgs,
    #[command(flatten)]
    key: KeyArgs,
    /// A head that was noted elsewhere, as `audit head` prints it: the trail must hold it still
    #[arg(long, value_name = "NUMBER:HASH")]
    checkpoint: Option<Head>,
    #[command(flatten)]
    format: FormatArgs,
}

impl Verify {
    pub(super) fn run(self, env: &Env) -> Result<()> {
        let path = self.file.path(env)?;
        let mut options = self.key.options(env, &self.file)?;
        options.noted = self.checkpoint;
        let found = verify(&path, &options)?;
        let mut out = self.format.open();
        if out.is_json() {
            out.json(&found)?
        } else {
            tell(&mut out, &found)?
        }
        if found.intact {
            return Ok(());
        }
        Err(Error::new(ErrorKind::InvalidConfig, "the audit trail is not what was written")
            .with_context("file", path.display())
            .with_hint("keep the file as it is, and compare it with a backup and with heads that were noted elsewhere"))
    }
}

fn tell(out: &mut Output, found: &Verification) -> Result<()> {
    let range = match (found.first, &found.head) {
        (Some(first), Some(head)) => format!("{first} to {}", head.sequence),
        _ => "none".to_owned(),
    };
    out.line(&format!("records: {} ({range})", found.records))?;
    match found.signed_up_to {
        Some(last) => out.line(&format!("signed: up to {last}, by {}", found.keys.join(", ")))?,
        None => out.line("signed: no checkpoint yet")?,
    }
    if !found.key_was_given && !found.keys.is_empty() {
        say::note("the key is the one that the file names; name yours with `--key` to be sure that it signed");
    }
    if let Some(head) = &found.head {
        out.line(&format!("head: {head}"))?;
    }
    out.table(
        &["RECORD", "FAULT", "WHAT"],
        found.faults.iter().map(|fault| {
            let sequence = fault.sequence.map(|sequence| sequence.to_string()).unwrap_or_default();
            vec![sequence, fault.kind.to_owned(), fault.message.clone()]
        }),
    )?;
    if let Some(bytes) = found.torn_bytes {
        say::note(format_args!(
            "{bytes} bytes at the end belong to no finished step; nothing of them was acknowledged"
        ));
    }
    if found.intact { out.line("intact") } else { Ok(()) }
}

/// `audit head`.
#[derive(Debug, Args)]
pub(crate) struct ShowHead {
    #[command(flatten)]
    profile: ProfileArgs,
    #[command(flatten)]
    format: FormatArgs,
}

#[derive(Serialize)]
struct Noted {
    profile: ProfileName,
    sequence: u64,
    hash: String,
    time: i64,
}

impl ShowHead {
    pub(super) async fn run(self, env: &Env) -> Result<()> {
        let profile = self.profile.profile;
        let newest = env.home.audit_trail(&profile)?.query(&AuditQuery::newest(1)).await?.pop();
        let newest = newest.ok_or_else(|| {
            Error::new(ErrorKind::NotFound, format!("nothing was recorded for profile `{profile}` yet"))
        })?;
        let mut out = self.format.open();
        if out.is_json() {
            let noted = Noted { profile, sequence: newest.sequence, hash: newest.hash, time: newest.event.time };
            return out.json(&noted);
        }
        out.line(&Head::new(newest.sequence, newest.hash).to_string())
    }
}

/// `audit key`.
#[derive(Debug, Args)]
pub(crate) struct ShowKey {
    #[command(flatten)]
    format: FormatArgs,
}

#[derive(Serialize)]
struct Key {
    key: String,
}

impl ShowKey {
    pub(super) fn run(self, env: &Env) -> Result<()> {
        let key = env.home.audit_key()?.public().to_string();
        let mut out = self.format.open();
        if out.is_json() { out.json(&Key { key }) } else { out.line(&key) }
    }
}

/// From when on, and where to.
#[derive(Debug, Args)]
pub(crate) struct RangeArgs {
    /// Not older than this, such as `90d`
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    since: Option<Duration>,
    /// The file to be written; standard output where none is named
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// The form of an export.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Exported {
    /// One record on each line, with its hash
    Jsonl,
    /// A table
    Csv,
    /// Log records of OpenTelemetry, in the JSON form of OTLP
    Otlp,
}

/// `audit export`.
#[derive(Debug, Args)]
pub(crate) struct Export {
    #[command(flatten)]
    file: FileArgs,
    #[command(flatten)]
    range: RangeArgs,
    /// The form
    #[arg(long, value_enum, default_value = "jsonl", value_name = "FORMAT")]
    format: Exported,
}

impl Export {
    pub(super) fn run(self, env: &Env) -> Result<()> {
        let path = self.file.path(env)?;
        let format = match self.format {
            Exported::Jsonl => ExportFormat::Jsonl,
            Exported::Csv => ExportFormat::Csv,
            Exported::Otlp => ExportFormat::Otlp,
        };
        let since = self.range.since.map(super::ago);
        let count = match &self.range.output {
            None => return export(&path, format, since, &mut Output::text()).map(drop),
            Some(to) => {
                let mut file = AtomicFile::begin(to)?;
                let count = export(&path, format, since, &mut file)?;
                file.finish()?;
                count
            }
        };
        say::note(format_args!("exported {count} records"));
        Ok(())
    }
}

/// The form of a report.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Reported {
    /// A page that needs nothing else and can be printed
    Html,
    /// Everything, for programs
    Json,
    /// A table
    Csv,
}

/// `audit report`.
#[derive(Debug, Args)]
pub(crate) struct Report {
    #[command(flatten)]
    file: FileArgs,
    #[command(flatten)]
    range: RangeArgs,
    #[command(flatten)]
    key: KeyArgs,
    /// The form
    #[arg(long, value_enum, default_value = "html", value_name = "FORMAT")]
    format: Reported,
}

impl Report {
    pub(super) fn run(self, env: &Env) -> Result<()> {
        let path = self.file.path(env)?;
        let options = self.key.options(env, &self.file)?;
        let made = report(&path, self.range.since.map(super::ago), &options)?;
        if !made.integrity.intact {
            say::warning("the audit trail is not what was written; run `mcp-gateway audit verify`");
        }
        let text = match self.format {
            Reported::Html => made.to_html(),
            Reported::Csv => made.to_csv(),
            Reported::Json => {
                serde_json::to_string_pretty(&made).map_err(|cause| {
                    Error::new(ErrorKind::Internal, "the report has no JSON form").with_source(cause)
                })? + "\n"
            }
        };
        match &self.range.output {
            Some(to) => fs::write_atomic(to, text.as_bytes()),
            None => Output::text()
                .write_all(text.as_bytes())
                .map_err(|cause| Error::new(ErrorKind::Io, "cannot write to standard output").with_source(cause)),
        }
    }
}

/// `audit unseal`.
#[derive(Debug, Args)]
pub(crate) struct Unseal {
    /// The record's number
    sequence: u64,
    /// The file with the recipient's key, as `age-keygen` writes it
    #[arg(long, short, value_name = "FILE")]
    identity: PathBuf,
    #[command(flatten)]
    profile: ProfileArgs,
}

impl Unseal {
    pub(super) async fn run(self, env: &Env) -> Result<()> {
        let store = env.home.audit_trail(&self.profile.profile)?;
        let missing = |what: String| {
            Error::new(ErrorKind::NotFound, what).with_hint("find numbers with `mcp-gateway audit query --format json`")
        };
        let page = store.query(&AuditQuery::page(self.sequence.saturating_sub(1), 1)).await?;
        let record = page.into_iter().next().ok_or_else(|| missing(format!("there is no record {}", self.sequence)))?;
        let sealed =
            record.event.sealed.ok_or_else(|| missing(format!("record {} has no sealed payload", self.sequence)))?;
        Output::text().line(&open_sealed(&sealed, &self.identity)?)
    }
}
