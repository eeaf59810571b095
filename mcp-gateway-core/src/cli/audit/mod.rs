//! `audit`: who asked what, what was decided and how it ended.

mod files;

use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::Env;
use super::args::ProfileArgs;
use super::output::{FormatArgs, Output};
use crate::audit::{AuditQuery, AuditRecord, AuditStore, Outcome};
use crate::error::{Error, ErrorKind, Result};
use crate::model::ServerName;
use crate::profile::parse_duration;
use crate::util::clock;

/// How often `tail -f` looks for new records.
const FOLLOW: Duration = Duration::from_millis(300);

const HEADER: [&str; 6] = ["TIME", "PRINCIPAL", "ACTION", "TARGET", "OUTCOME", "DURATION"];

/// What is read of the trail.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Show the newest records
    #[command(after_help = "Examples:
  mcp-gateway audit tail --profile dev-tools
  mcp-gateway audit tail -f --format json | jq .event.name

JSON is one record on each line.")]
    Tail {
        /// Go on with new records until interrupted
        #[arg(long, short)]
        follow: bool,
        /// So many records to begin with
        #[arg(long, short = 'n', default_value_t = 20, value_name = "COUNT")]
        limit: usize,
        #[command(flatten)]
        profile: ProfileArgs,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Search the records
    #[command(after_help = "Examples:
  mcp-gateway audit query --since 1h --outcome denied
  mcp-gateway audit query --server github --tool create_issue --format json

JSON is one record on each line, oldest first.")]
    Query {
        #[command(flatten)]
        filter: Filter,
        #[command(flatten)]
        profile: ProfileArgs,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Check that the trail is what was written
    #[command(after_help = "Examples:
  mcp-gateway audit verify --profile dev-tools
  mcp-gateway audit verify copy.sqlite --key ed25519:… --checkpoint 1042:4f…
  mcp-gateway audit verify export.jsonl --format json

Works without a gateway, on a copy of the file; copy its `-wal` file with it. Finds edits, deletions, changes of order, and,
past what is noted, a cut at the end. Fails with exit code 10 when anything is wrong.")]
    Verify(files::Verify),
    /// Show the newest record, to be noted where nobody can change it
    #[command(after_help = "Examples:
  mcp-gateway audit head --profile dev-tools >> /mnt/worm/heads
  mcp-gateway audit verify --checkpoint \"$(tail -n 1 /mnt/worm/heads)\"")]
    Head(files::ShowHead),
    /// Show the public key that checks the signatures of this home's trails
    #[command(after_help = "Examples:
  mcp-gateway audit key > audit.pub
  mcp-gateway audit verify copy.sqlite --key audit.pub")]
    Key(files::ShowKey),
    /// Write the records in a form for other programs
    #[command(after_help = "Examples:
  mcp-gateway audit export --format csv --since 30d --output june.csv
  mcp-gateway audit export --format otlp | otel-cli-of-your-choice
  mcp-gateway audit export copy.sqlite > all.jsonl && mcp-gateway audit verify all.jsonl")]
    Export(files::Export),
    /// Report on servers, tools, people, approvals and denials
    #[command(after_help = "Examples:
  mcp-gateway audit report --since 90d --output report.html
  mcp-gateway audit report --since 90d --format json | jq '.servers | keys'
  mcp-gateway audit report copy.sqlite --format csv")]
    Report(files::Report),
    /// Open the arguments and the result that a record has sealed
    #[command(after_help = "Example:
  mcp-gateway audit unseal 1042 --identity auditor.key

Records have them where the profile says `audit: {seal: age1…}`.")]
    Unseal(files::Unseal),
}

/// Which records are wanted.
#[derive(Debug, Args)]
pub(crate) struct Filter {
    /// Not older than this, such as `1h`
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    since: Option<Duration>,
    /// Of this server
    #[arg(long, value_name = "NAME")]
    server: Option<ServerName>,
    /// Of this tool, prompt or resource
    #[arg(long, value_name = "NAME")]
    tool: Option<String>,
    /// That ended so: `ok`, `tool_error`, `server_error`, `denied`, `limited`, `failed` or `cancelled`
    #[arg(long, value_name = "OUTCOME")]
    outcome: Option<OutcomeArg>,
    /// With this action, such as `tools/call` or `server/start`
    #[arg(long, value_name = "ACTION")]
    action: Option<String>,
    /// By this principal
    #[arg(long, value_name = "NAME")]
    principal: Option<String>,
    /// The newest so many
    #[arg(long, value_name = "COUNT")]
    limit: Option<usize>,
}

/// How a request ended.
#[derive(Clone, Copy, Debug)]
struct OutcomeArg(Outcome);

impl FromStr for OutcomeArg {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        serde_json::from_value(text.into()).map(Self).map_err(|_| {
            Error::new(
                ErrorKind::InvalidInput,
                "not one of `ok`, `tool_error`, `server_error`, `denied`, `limited`, `failed`, `cancelled`",
            )
        })
    }
}

impl Filter {
    fn query(self) -> AuditQuery {
        let mut query = AuditQuery::all();
        query.since = self.since.map(ago);
        query.action = self.action;
        query.server = self.server;
        query.name = self.tool;
        query.outcome = self.outcome.map(|outcome| outcome.0);
        query.principal = self.principal;
        query.limit = self.limit;
        query
    }
}

/// So long ago, in milliseconds since the Unix epoch.
fn ago(time: Duration) -> i64 {
    clock::now_millis().saturating_sub(i64::try_from(time.as_millis()).unwrap_or(i64::MAX))
}

impl Verb {
    pub(crate) async fn run(self, env: &Env) -> Result<()> {
        match self {
            Self::Verify(args) => args.run(env),
            Self::Head(args) => args.run(env).await,
            Self::Key(args) => args.run(env),
            Self::Export(args) => args.run(env),
            Self::Report(args) => args.run(env),
            Self::Unseal(args) => args.run(env).await,
            Self::Query { filter, profile, format } => {
                let store = env.home.audit_trail(&profile.profile)?;
                show(&mut format.open(), &store.query(&filter.query()).await?, true)
            }
            Self::Tail { follow, limit, profile, format } => {
                let store = env.home.audit_trail(&profile.profile)?;
                let mut out = format.open();
                // One at least, to know after which the new ones come.
                let records = store.query(&AuditQuery::newest(limit.max(1))).await?;
                show(&mut out, &records[records.len().saturating_sub(limit)..], true)?;
                if follow {
                    let last = records.last().map_or(0, |record| record.sequence);
                    tokio::select! {
                        done = go_on(&mut out, store.as_ref(), last) => done?,
                        _ = tokio::signal::ctrl_c() => {}
                    }
                }
                Ok(())
            }
        }
    }
}

async fn go_on(out: &mut Output, store: &dyn AuditStore, mut last: u64) -> Result<()> {
    let mut query = AuditQuery::all();
    while !out.is_closed() {
        query.after = Some(last);
        let records = store.query(&query).await?;
        show(out, &records, false)?;
        last = records.last().map_or(last, |record| record.sequence);
        tokio::time::sleep(FOLLOW).await;
    }
    Ok(())
}

fn show(out: &mut Output, records: &[AuditRecord], with_header: bool) -> Result<()> {
    if out.is_json() {
        return records.iter().try_for_each(|record| out.json_line(record));
    }
    if with_header {
        return out.table(&HEADER, records.iter().map(row));
    }
    // Rows that come one by one have no table to line up with.
    records.iter().try_for_each(|record| out.line(&row(record).join("  ")))
}

fn row(record: &AuditRecord) -> Vec<String> {
    let event = &record.event;
    let target = match (&event.server, &event.name) {
        (Some(server), Some(name)) => format!("{server}.{name}"),
        (Some(server), None) => server.to_string(),
        (None, name) => name.clone().unwrap_or_default(),
    };
    vec![
        clock::rfc3339(event.time),
        event.principal.clone(),
        event.action.clone(),
        target,
        event.outcome.as_str().to_owned(),
        format!("{:.1}ms", Duration::from_micros(event.duration_micros).as_secs_f64() * 1000.0),
    ]
}
