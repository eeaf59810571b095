//! `approvals`: answers what waits for an operator.

use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::Value;

use super::output::FormatArgs;
use super::{Env, report, user};
use crate::approval::{Grant, PendingApproval, Scope, Verdict};
use crate::error::Result;
use crate::profile::parse_duration;
use crate::util::clock;

/// What is done with the queue.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// List what waits for an answer
    #[command(after_help = "Examples:
  mcp-gateway approvals ls
  mcp-gateway approvals ls --format json | jq -r '.[].id'")]
    Ls {
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Show everything about one: who asks, what runs, the full arguments
    #[command(after_help = "Example:
  mcp-gateway approvals show 1f2e3d4c5b6a

Characters that a terminal would not show as themselves are written out, such as \\u{202e}.")]
    Show {
        /// Its id, as `approvals ls` shows it
        id: String,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Let a request go on
    #[command(after_help = "Examples:
  mcp-gateway approvals approve 1f2e3d4c5b6a --reason \"ticket 7\"
  mcp-gateway approvals approve 1f2e3d4c5b6a --reason \"nightly export\" --for-arguments --ttl 2h

An approval is for the one request that was shown: this principal, server, definition and these arguments, once. The two
flags make it hold for more; `approvals grants` lists those, `approvals revoke` ends them.")]
    Approve {
        /// Its id, as `approvals ls` shows it
        id: String,
        /// Why; a hard confirmation is not given without
        #[arg(long, short, default_value = "", hide_default_value = true, value_name = "TEXT")]
        reason: String,
        #[command(flatten)]
        operator: OperatorArgs,
        #[command(flatten)]
        scope: ScopeArgs,
    },
    /// Refuse a request
    #[command(after_help = "Example:
  mcp-gateway approvals reject 1f2e3d4c5b6a --reason \"not on a Friday\"

The reason is shown to who asked.")]
    Reject {
        /// Its id, as `approvals ls` shows it
        id: String,
        /// Why
        #[arg(long, short, default_value = "", hide_default_value = true, value_name = "TEXT")]
        reason: String,
        #[command(flatten)]
        operator: OperatorArgs,
    },
    /// List the approvals that hold for more than one request
    #[command(after_help = "Example:
  mcp-gateway approvals grants --format json")]
    Grants {
        #[command(flatten)]
        format: FormatArgs,
    },
    /// End an approval that holds for more than one request
    #[command(after_help = "Example:
  mcp-gateway approvals revoke 6a5b4c3d2e1f")]
    Revoke {
        /// Its id, as `approvals grants` shows it
        id: String,
    },
}

/// Who answers.
#[derive(Debug, Args)]
pub(crate) struct OperatorArgs {
    /// Who answers, where that is not the user of this system; the user is recorded too
    #[arg(long = "as", value_name = "NAME")]
    name: Option<String>,
}

impl OperatorArgs {
    fn by(self) -> String {
        let user = user::name();
        match self.name {
            Some(name) => format!("{name} (user {user})"),
            None => user,
        }
    }
}

/// For what an approval holds.
#[derive(Debug, Args)]
pub(crate) struct ScopeArgs {
    /// Let every request to this tool in this session through, whatever its arguments
    #[arg(long, conflicts_with = "for_arguments")]
    for_session: bool,
    /// Let every request to this tool with these arguments through
    #[arg(long)]
    for_arguments: bool,
    /// For how long, such as `2h` [default: as long as the profile lets it, which is 8h unless it says so]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    ttl: Option<Duration>,
}

impl Verb {
    pub(crate) async fn run(self, env: &Env) -> Result<()> {
        let queue = env.home.approvals().await?;
        match self {
            Self::Ls { format } => {
                let pending = queue.pending().await?;
                if pending.is_empty() {
                    report::note("nothing waits for an answer");
                }
                let header = ["ID", "PRINCIPAL", "PROFILE", "TARGET", "EFFECT", "LEFT", "ARGUMENTS"];
                format.open().rows(&pending, &header, row)
            }
            Self::Show { id, format } => {
                let (pending, mut out) = (queue.show(&id).await?, format.open());
                if out.is_json() {
                    return out.json(&pending);
                }
                let left = left(pending.expires);
                out.line(&format!("id: {}\nleft: {left}\n{}", pending.id, pending.text))
            }
            Self::Approve { id, reason, operator, scope } => {
                let verdict = Verdict::new(true, operator.by(), reason);
                let approved = queue.answer(&id, scope.apply(verdict)).await?;
                report::note(format!("approved {}", target(&approved)));
                Ok(())
            }
            Self::Reject { id, reason, operator } => {
                let rejected = queue.answer(&id, Verdict::new(false, operator.by(), reason)).await?;
                report::note(format!("rejected {}", target(&rejected)));
                Ok(())
            }
            Self::Grants { format } => {
                let grants = queue.grants().await?;
                if grants.is_empty() {
                    report::note("no approval holds for more than one request");
                }
                let header = ["ID", "PRINCIPAL", "TARGET", "EFFECT", "HOLDS FOR", "LEFT", "BY", "REASON"];
                format.open().rows(&grants, &header, grant_row)
            }
            Self::Revoke { id } => queue.revoke(&id).await,
        }
    }
}

impl ScopeArgs {
    fn apply(self, verdict: Verdict) -> Verdict {
        let scope = match (self.for_session, self.for_arguments) {
            (true, _) => Scope::Session,
            (_, true) => Scope::Arguments,
            _ => Scope::Once,
        };
        let verdict = verdict.with_scope(scope);
        match self.ttl {
            Some(ttl) => verdict.with_ttl_seconds(ttl.as_secs()),
            None => verdict,
        }
    }
}

fn target(pending: &PendingApproval) -> String {
    let text = |key: &str| pending.question[key].as_str().unwrap_or_default();
    format!("{}.{}", text("server"), text("name"))
}

fn left(expires: i64) -> String {
    let millis = u64::try_from(expires.saturating_sub(clock::now_millis())).unwrap_or(0);
    humantime::format_duration(Duration::from_secs(millis / 1000)).to_string()
}

fn row(pending: &PendingApproval) -> Vec<String> {
    let profile = pending.question["profile"].as_str().unwrap_or_default().to_owned();
    let arguments = match &pending.question["arguments"] {
        Value::Null => String::new(),
        arguments => arguments.to_string(),
    };
    vec![
        pending.id.clone(),
        pending.principal.clone(),
        profile,
        target(pending),
        pending.effect.as_str().to_owned(),
        left(pending.expires),
        crate::approval::visible_line(&arguments),
    ]
}

fn grant_row(grant: &Grant) -> Vec<String> {
    vec![
        grant.id.clone(),
        grant.principal.clone(),
        format!("{}.{}", grant.server, grant.name),
        grant.effect.as_str().to_owned(),
        grant.scope.as_str().to_owned(),
        left(grant.expires),
        grant.by.clone(),
        grant.reason.clone(),
    ]
}
