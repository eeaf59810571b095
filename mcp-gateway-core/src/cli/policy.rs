//! `policy`: what may happen, why, and whether that is what was meant.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Subcommand, ValueEnum};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::args::{CatalogArgs, ProfileArgs};
use super::exit::Exit;
use super::output::{FormatArgs, Output};
use super::{Env, assemble, report};
use crate::audit::AuditQuery;
use crate::error::{Error, ErrorKind, Result};
use crate::gateway::Gateway as _;
use crate::model::{Effect, ProfileName, RuleKind};
use crate::policy::{CedarPolicy, PolicyCase, PolicyQuestion};
use crate::profile::{Profile as _, parse_duration};
use crate::util::{clock, fs};

/// What is done with policy.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Look for rules that are broken, never decide, or are for servers that are not there
    #[command(after_help = "Examples:
  mcp-gateway policy check --profile dev-tools
  mcp-gateway policy check --format json

Rules that cannot be meant as they are written stop every use of the profile, with file, line and what to do about it.
Exit code 1 when there is something to look at.")]
    Check {
        #[command(flatten)]
        profile: ProfileArgs,
        #[command(flatten)]
        catalog: CatalogArgs,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Show what would be decided about a request, and by which rule
    #[command(after_help = "Examples:
  mcp-gateway policy explain github.delete_repo
  mcp-gateway policy explain github.push --arguments '{\"branch\": \"main\"}' --principal ann --role dev
  mcp-gateway policy explain github --kind server/add
  mcp-gateway policy explain file:///etc/hosts --kind resources/read --at 2026-11-27T22:15:00Z

Nothing is carried out, recorded or started. Annotations are those that are recorded of the server.")]
    Explain {
        /// The name under which `tools ls` shows it, `server.tool`, or the URI of a resource
        name: String,
        /// The kind of request
        #[arg(long, value_enum, default_value = "tools/call", value_name = "KIND")]
        kind: KindArg,
        /// The arguments, a JSON object
        #[arg(long, value_name = "OBJECT")]
        arguments: Option<String>,
        /// Who asks [default: local, the owner of the process]
        #[arg(long, value_name = "NAME")]
        principal: Option<String>,
        /// With which roles
        #[arg(long = "role", value_name = "ROLE")]
        roles: Vec<String>,
        /// When, RFC 3339 in UTC [default: now]
        #[arg(long, value_name = "TIME")]
        at: Option<String>,
        #[command(flatten)]
        profile: ProfileArgs,
        #[command(flatten)]
        catalog: CatalogArgs,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Compare what is decided with a table of what is expected
    #[command(after_help = "Examples:
  mcp-gateway policy test policy-cases.yaml --profile dev-tools
  mcp-gateway policy test policy-cases.yaml --format json

The table:
  cases:
    - ask: {name: github.list_issues}
      expect: allow
    - ask: {name: github.push, arguments: {branch: main}, principal: ann, roles: [dev]}
      expect: hard_confirm
      rule: main-branch
    - ask: {name: notes.frob, annotations: {readOnlyHint: true}, approved: true, time: 2026-11-27T22:15:00Z}
      expect: allow

Exit code 1 when a case is decided otherwise than expected.")]
    Test {
        /// The table of cases
        file: PathBuf,
        #[command(flatten)]
        profile: ProfileArgs,
        #[command(flatten)]
        catalog: CatalogArgs,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Show which recorded decisions would be others with the policy as it is now
    #[command(after_help = "Examples:
  mcp-gateway policy dry-run --since 7d --profile dev-tools
  mcp-gateway policy dry-run --limit 1000 --format json

Roles are not recorded, and argument values only where the profile says `audit: {arguments: true}`. What rules ask about
them cannot be evaluated then; such decisions are counted, and marked in UNKNOWN.")]
    DryRun {
        /// Not older than this, such as `7d`
        #[arg(long, value_name = "TIME", value_parser = parse_duration)]
        since: Option<Duration>,
        /// The newest so many records
        #[arg(long, value_name = "COUNT")]
        limit: Option<usize>,
        #[command(flatten)]
        profile: ProfileArgs,
        #[command(flatten)]
        catalog: CatalogArgs,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Say in a profile what may happen with requests that no rule covers
    #[command(after_help = "Examples:
  mcp-gateway policy default deny --profile dev-tools    # nothing but what the profile's own rules allow
  mcp-gateway policy default allow --profile lab         # everything: for servers that you trust with all they can do
  mcp-gateway policy default preset                      # the rules that come with the gateway, as in a new profile

They read names and annotations: reading goes through, writing is confirmed, and what cannot be undone needs an operator.
`mcp-gateway policy explain` says what becomes of a single request.")]
    Default {
        /// What may happen, or `preset` for the rules that come with the gateway
        effect: DefaultArg,
        #[command(flatten)]
        profile: ProfileArgs,
    },
    /// Print the schema that Cedar policies are validated against
    #[command(after_help = "Examples:
  mcp-gateway policy schema > mcp-gateway.cedarschema

It says which principals, actions, resources and values policies can be about. Name the files in the profile:
  policy:
    cedar: [org.cedar]")]
    Schema,
}

/// What may happen with what no rule covers.
#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum DefaultArg {
    /// What the rules that come with the gateway say
    Preset,
    Allow,
    SoftConfirm,
    HardConfirm,
    Deny,
}

impl From<DefaultArg> for Option<Effect> {
    fn from(argument: DefaultArg) -> Self {
        match argument {
            DefaultArg::Preset => None,
            DefaultArg::Allow => Some(Effect::Allow),
            DefaultArg::SoftConfirm => Some(Effect::SoftConfirm),
            DefaultArg::HardConfirm => Some(Effect::HardConfirm),
            DefaultArg::Deny => Some(Effect::Deny),
        }
    }
}

/// A kind of request, by the protocol's name.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum KindArg {
    #[value(name = "tools/call")]
    CallTool,
    #[value(name = "prompts/get")]
    GetPrompt,
    #[value(name = "resources/read")]
    ReadResource,
    #[value(name = "resources/subscribe")]
    Subscribe,
    #[value(name = "resources/unsubscribe")]
    Unsubscribe,
    #[value(name = "completion/complete")]
    Complete,
    #[value(name = "server/add")]
    AddServer,
    #[value(name = "server/remove")]
    RemoveServer,
    #[value(name = "config/set")]
    SetConfig,
    #[value(name = "profile/create")]
    CreateProfile,
}

impl From<KindArg> for RuleKind {
    fn from(argument: KindArg) -> Self {
        match argument {
            KindArg::CallTool => Self::CallTool,
            KindArg::GetPrompt => Self::GetPrompt,
            KindArg::ReadResource => Self::ReadResource,
            KindArg::Subscribe => Self::Subscribe,
            KindArg::Unsubscribe => Self::Unsubscribe,
            KindArg::Complete => Self::Complete,
            KindArg::AddServer => Self::AddServer,
            KindArg::RemoveServer => Self::RemoveServer,
            KindArg::SetConfig => Self::SetConfig,
            KindArg::CreateProfile => Self::CreateProfile,
        }
    }
}

/// A file of cases.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    cases: Vec<PolicyCase>,
}

impl Verb {
    pub(crate) async fn run(self, env: &Env) -> Result<Exit> {
        match self {
            Self::Schema => {
                Output::text().write(CedarPolicy::SCHEMA)?;
                Ok(Exit::OK)
            }
            Self::Default { effect, profile } => {
                set_default(env, effect, &profile.profile).await?;
                Ok(Exit::OK)
            }
            Self::Check { profile, catalog, format } => {
                let gateway = assemble::overview(env, &profile.profile, &catalog).await?;
                let faults = gateway.check_policy().await;
                gateway.shutdown().await;
                let faults = faults?;
                if faults.is_empty() {
                    report::note(format_args!("the policy of profile `{}` can be meant as it is", profile.profile));
                }
                format.open().rows(&faults, &["RULE", "KEY", "WHAT", "DO"], |fault| {
                    let rule = (fault.index + 1).to_string();
                    vec![rule, fault.key.to_owned(), fault.message.clone(), fault.hint.to_owned()]
                })?;
                Ok(Exit::all_well(faults.is_empty()))
            }
            Self::Explain { name, kind, arguments, principal, roles, at, profile, catalog, format } => {
                let mut question = PolicyQuestion::call(name);
                question.kind = Some(kind.into());
                question.arguments = arguments.as_deref().map(object).transpose()?;
                question.principal = principal;
                question.roles = roles;
                question.time = at;
                let gateway = assemble::overview(env, &profile.profile, &catalog).await?;
                let explanation = gateway.explain_policy(&question).await;
                gateway.shutdown().await;
                format.open().document(&explanation?)?;
                Ok(Exit::OK)
            }
            Self::Test { file, profile, catalog, format } => {
                let cases = read_table(&file)?;
                let gateway = assemble::overview(env, &profile.profile, &catalog).await?;
                let outcomes = gateway.test_policy(cases).await;
                gateway.shutdown().await;
                let outcomes = outcomes?;
                format.open().rows(&outcomes, &["CASE", "NAME", "EXPECTED", "DECIDED", "RULE"], |outcome| {
                    let word = if outcome.passed { "ok" } else { "FAILED" };
                    let expected = match &outcome.case.rule {
                        Some(rule) => format!("{} ({rule})", outcome.case.expect.as_str()),
                        None => outcome.case.expect.as_str().to_owned(),
                    };
                    let decided = outcome.decision.effect.as_str().to_owned();
                    let name = outcome.case.ask.name.clone();
                    vec![word.to_owned(), name, expected, decided, outcome.decision.rule.clone()]
                })?;
                let failed = outcomes.iter().filter(|outcome| !outcome.passed).count();
                report::note(format_args!("{} cases, {failed} failed", outcomes.len()));
                Ok(Exit::all_well(failed == 0))
            }
            Self::DryRun { since, limit, profile, catalog, format } => {
                let mut query = AuditQuery::all();
                query.since = since.map(|since| {
                    clock::now_millis().saturating_sub(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
                });
                query.limit = limit;
                let gateway = assemble::recorded(env, &profile.profile, &catalog).await?;
                let run = gateway.dry_run_policy(&query).await;
                gateway.shutdown().await;
                let run = run?;
                let mut out = format.open();
                if out.is_json() {
                    out.json(&run)?;
                    return Ok(Exit::OK);
                }
                let header = ["RECORD", "TIME", "PRINCIPAL", "TARGET", "BEFORE", "NOW", "RULE", "UNKNOWN"];
                out.rows(&run.changes, &header, |change| {
                    vec![
                        change.sequence.to_string(),
                        clock::rfc3339(change.time),
                        change.principal.clone(),
                        change.target.clone(),
                        change.before.effect.as_str().to_owned(),
                        change.after.effect.as_str().to_owned(),
                        change.after.rule.clone(),
                        change.unrecorded.join(", "),
                    ]
                })?;
                let changed = run.changes.len();
                report::note(format_args!("{} recorded decisions, {changed} would be others", run.records));
                if run.uncertain > 0 {
                    report::warning(format_args!(
                        "{} of them depend on what was not recorded: argument values or roles",
                        run.uncertain
                    ));
                    report::hint("with `audit: {arguments: true}` in the profile, later records have argument values");
                }
                Ok(Exit::OK)
            }
        }
    }
}

async fn set_default(env: &Env, effect: DefaultArg, name: &ProfileName) -> Result<()> {
    let profile = env.home.profile_to_change(name).await?;
    let before = profile.spec().await?;
    let after = profile
        .update(Box::new(move |spec| {
            spec.policy.default = effect.into();
            Ok(())
        }))
        .await?;
    env.home.record_change(Some(&before), Some(&after)).await?;
    let becomes = match effect.into() {
        None => "what the rules that come with the gateway say",
        Some(effect) => Effect::as_str(effect),
    };
    report::note(format_args!("profile `{name}`: what no rule covers is now: {becomes}"));
    Ok(())
}

fn object(text: &str) -> Result<Map<String, Value>> {
    serde_json::from_str(text)
        .map_err(|cause| Error::new(ErrorKind::InvalidInput, "the arguments are not a JSON object").with_source(cause))
}

fn read_table(file: &std::path::Path) -> Result<Vec<PolicyCase>> {
    let text = fs::read_to_string(file)?;
    let table: Table = serde_saphyr::from_str(&text).map_err(|cause| {
        Error::new(ErrorKind::InvalidConfig, "the table of cases cannot be read")
            .with_context("file", file.display())
            .with_hint("run `mcp-gateway policy test --help` to see how it is written")
            .with_source(cause)
    })?;
    if table.cases.is_empty() {
        return Err(Error::new(ErrorKind::InvalidConfig, "the table has no cases").with_context("file", file.display()));
    }
    Ok(table.cases)
}
