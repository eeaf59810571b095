//! What a host does with its gateway beside requests, as JSON in and JSON out: one table for every language.

#[cfg(feature = "audit-sqlite")]
use std::path::PathBuf;

use serde::Deserialize;
use serde_json::{Value, json};

#[cfg(feature = "runtime-remote")]
use super::OAuthRequest;
use super::{Approval, Gateway as _, McpGateway};
use crate::approval::Verdict;
use crate::audit::{AuditQuery, KeptRecord};
#[cfg(feature = "audit-sqlite")]
use crate::audit::{Head, ReportFormat, VerifyOptions, export_store, report_store, verify_store};
use crate::catalog::SearchQuery;
use crate::error::{Error, ErrorKind, Result};
#[cfg(feature = "runtime-remote")]
use crate::model::SecretValue;
use crate::model::{Principal, ServerName};
use crate::policy::{PolicyCase, PolicyQuestion};
use crate::profile::ServerSpec;
use crate::protocol::RawJson;
#[cfg(feature = "audit-sqlite")]
use crate::util::fs::AtomicFile;

/// A command of the host, as `{"command": "servers"}` or `{"command": "find", "query": "…", "limit": 10}`.
///
/// The names and fields are those of the variants, in snake case.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum HostCommand {
    /// The servers and how they are: a list of [`ServerStatus`](super::ServerStatus).
    Servers,
    /// The servers of the catalog, and their tools, that fit a query best: a
    /// [`SearchResult`](crate::catalog::SearchResult).
    Find {
        /// Words to look for.
        query: String,
        /// The best so many.
        limit: usize,
        /// Servers of this category only.
        #[serde(default)]
        category: Option<String>,
        /// Servers of this catalog only.
        #[serde(default)]
        source: Option<String>,
    },
    /// What a server would get: an [`Inspection`](super::Inspection).
    Inspect {
        /// The server.
        server: ServerName,
    },
    /// The running servers of this machine that are the home's: a list of
    /// [`InstanceStatus`](crate::runtime::InstanceStatus).
    Instances,
    /// The same with how busy each is, which takes a second.
    Stats,
    /// Puts a server into the profile.
    AddServer {
        /// The server's name in the catalog.
        server: ServerName,
        /// Its settings.
        #[serde(default)]
        settings: Box<ServerSpec>,
    },
    /// Takes a server out of the profile.
    RemoveServer {
        /// The server.
        server: ServerName,
    },
    /// What a server offers, and whether an operator approved it: a [`ServerSurface`](super::ServerSurface).
    SurfaceOf {
        /// The server.
        server: ServerName,
    },
    /// Approves what a server offers now: a [`ServerSurface`](super::ServerSurface).
    ApproveServer {
        /// The server.
        server: ServerName,
        /// Who approves; `local` where nothing is written.
        #[serde(default)]
        by: Option<String>,
        /// Only these; all of it where none is written.
        #[serde(default)]
        items: Vec<String>,
        /// The id of the diff that was looked at.
        #[serde(default)]
        diff: Option<String>,
    },
    /// What a server offers that is not what was accepted of it: a [`SurfaceDiff`](super::SurfaceDiff).
    SurfaceDiff {
        /// The server.
        server: ServerName,
    },
    /// Takes the approval of a server back: whether there was one.
    RevokeServer {
        /// The server.
        server: ServerName,
        /// Who takes it back; `local` where nothing is written.
        #[serde(default)]
        by: Option<String>,
    },
    /// What policy says about a request, and why: an [`Explanation`](crate::policy::Explanation).
    PolicyExplain {
        /// The request.
        question: Box<PolicyQuestion>,
    },
    /// What policy says about cases: a list of [`CaseOutcome`](crate::policy::CaseOutcome).
    PolicyTest {
        /// The cases.
        cases: Vec<PolicyCase>,
    },
    /// What policy says now about recorded requests: a [`DryRun`](super::DryRun).
    PolicyDryRun {
        /// Which of them.
        #[serde(default)]
        query: AuditQuery,
    },
    /// What cannot be meant as it is written: a list of [`RuleFault`](crate::model::RuleFault).
    PolicyCheck,
    /// Records of the audit trail, oldest first: a list of [`KeptRecord`].
    Audit {
        /// Which are wanted.
        #[serde(default)]
        query: AuditQuery,
    },
    /// Checks the audit trail: a [`Verification`](crate::audit::Verification).
    #[cfg(feature = "audit-sqlite")]
    AuditVerify {
        /// Whose checkpoints count; those of any key where none is given.
        #[serde(default)]
        key: Option<String>,
        /// A head that was noted elsewhere, as `17:4f…`.
        #[serde(default)]
        noted: Option<String>,
    },
    /// The newest record: a [`Head`](crate::audit::Head), or null where there is none.
    #[cfg(feature = "audit-sqlite")]
    AuditHead,
    /// Reports on the audit trail: an [`AuditReport`](crate::audit::AuditReport), or a text in another form.
    #[cfg(feature = "audit-sqlite")]
    AuditReport {
        /// From when on, in milliseconds since the Unix epoch.
        #[serde(default)]
        since: Option<i64>,
        /// The form.
        #[serde(default)]
        format: ReportFormat,
    },
    /// Writes the audit trail into a file: `{"records"}`.
    #[cfg(feature = "audit-sqlite")]
    AuditExport {
        /// The form: `jsonl`, `csv` or `otlp`.
        format: String,
        /// The file to be written; one that is there is replaced.
        to: PathBuf,
        /// From when on, in milliseconds since the Unix epoch.
        #[serde(default)]
        since: Option<i64>,
    },
    /// What waits for an operator: a list of [`PendingApproval`](crate::approval::PendingApproval).
    Approvals,
    /// Answers what waits: the [`PendingApproval`](crate::approval::PendingApproval) that was answered.
    AnswerApproval {
        /// Its id.
        id: String,
        /// The answer.
        verdict: Verdict,
    },
    /// The approvals that hold for more than one request: a list of [`Grant`](crate::approval::Grant).
    Grants,
    /// Ends such an approval.
    RevokeGrant {
        /// Its id.
        id: String,
    },
    /// The counters in Prometheus's text form: a text.
    Metrics,
    /// How the servers are authorized that need it: a list of [`OAuthStatus`](super::OAuthStatus).
    #[cfg(feature = "runtime-remote")]
    OauthStatus,
    /// Begins to authorize a remote server: an [`OAuthBegun`](super::OAuthBegun).
    #[cfg(feature = "runtime-remote")]
    OauthBegin {
        /// The server.
        server: ServerName,
        /// What is asked for.
        #[serde(default)]
        request: OAuthRequest,
    },
    /// Finishes an authorization: an [`OAuthStatus`](super::OAuthStatus).
    #[cfg(feature = "runtime-remote")]
    OauthFinish {
        /// The server.
        server: ServerName,
        /// The address that the browser was sent back to, or the code in it.
        answer: String,
    },
    /// Ends an authorization: `{"warning"}`, with why the authorization server did not take it back, or nothing.
    #[cfg(feature = "runtime-remote")]
    OauthRevoke {
        /// The server.
        server: ServerName,
    },
}

impl McpGateway {
    /// Carries out a [`HostCommand`] that is written as JSON.
    ///
    /// # Errors
    /// `InvalidInput` for a text that is no command; what the command says.
    pub async fn command(&self, text: &str) -> Result<RawJson> {
        let command = serde_json::from_str(text).map_err(|cause| {
            Error::new(ErrorKind::InvalidInput, format!("not a command of a gateway: {cause}"))
                .with_operation("McpGateway::command")
        })?;
        match command {
            HostCommand::Servers => RawJson::from_value(&self.servers().await),
            HostCommand::Find { query, limit, category, source } => {
                let mut asked = SearchQuery::new(query).with_limit(limit);
                (asked.category, asked.source) = (category, source);
                RawJson::from_value(&self.find(&asked).await?)
            }
            HostCommand::Inspect { server } => RawJson::from_value(&self.inspect(&server).await?),
            HostCommand::Instances => RawJson::from_value(&self.instances().await?),
            HostCommand::Stats => RawJson::from_value(&self.stats().await?),
            HostCommand::AddServer { server, settings } => {
                self.add_server(&server, *settings).await?;
                RawJson::from_value(&Value::Null)
            }
            HostCommand::RemoveServer { server } => {
                self.remove_server(&server).await?;
                RawJson::from_value(&Value::Null)
            }
            HostCommand::SurfaceOf { server } => RawJson::from_value(&self.surface_of(&server).await?),
            HostCommand::ApproveServer { server, by, items, diff } => {
                let approval = Approval { items, diff };
                RawJson::from_value(&self.approve_server_with(&server, &operator(by), &approval).await?)
            }
            HostCommand::SurfaceDiff { server } => RawJson::from_value(&self.diff(&server).await?),
            HostCommand::RevokeServer { server, by } => {
                RawJson::from_value(&self.revoke_server(&server, &operator(by)).await?)
            }
            HostCommand::PolicyExplain { question } => RawJson::from_value(&self.explain_policy(&question).await?),
            HostCommand::PolicyTest { cases } => RawJson::from_value(&self.test_policy(cases).await?),
            HostCommand::PolicyDryRun { query } => RawJson::from_value(&self.dry_run_policy(&query).await?),
            HostCommand::PolicyCheck => RawJson::from_value(&self.check_policy().await?),
            HostCommand::Audit { query } => {
                let records = self.audit().query(&query).await?;
                RawJson::from_value(&records.iter().map(KeptRecord::of).collect::<Vec<_>>())
            }
            #[cfg(feature = "audit-sqlite")]
            HostCommand::AuditVerify { key, noted } => {
                let options = VerifyOptions::parse(key.as_deref(), noted.as_deref())?;
                RawJson::from_value(&verify_store(self.audit().as_ref(), &options).await?)
            }
            #[cfg(feature = "audit-sqlite")]
            HostCommand::AuditHead => {
                let newest = self.audit().query(&AuditQuery::newest(1)).await?.pop();
                RawJson::from_value(&newest.map(|record| Head::new(record.sequence, record.hash)))
            }
            #[cfg(feature = "audit-sqlite")]
            HostCommand::AuditReport { since, format } => {
                format.render(&report_store(self.audit().as_ref(), since, &VerifyOptions::new()).await?)
            }
            #[cfg(feature = "audit-sqlite")]
            HostCommand::AuditExport { format, to, since } => {
                let mut out = AtomicFile::begin(&to)?;
                let records = export_store(self.audit().as_ref(), format.parse()?, since, &mut out).await?;
                out.finish()?;
                RawJson::from_value(&json!({"records": records}))
            }
            HostCommand::Approvals => RawJson::from_value(&self.approvals()?.pending().await?),
            HostCommand::AnswerApproval { id, verdict } => {
                RawJson::from_value(&self.approvals()?.answer(&id, verdict).await?)
            }
            HostCommand::Grants => RawJson::from_value(&self.approvals()?.grants().await?),
            HostCommand::RevokeGrant { id } => {
                self.approvals()?.revoke(&id).await?;
                RawJson::from_value(&Value::Null)
            }
            HostCommand::Metrics => RawJson::from_value(&json!(self.metrics().render())),
            #[cfg(feature = "runtime-remote")]
            HostCommand::OauthStatus => RawJson::from_value(&self.oauth_status().await?),
            #[cfg(feature = "runtime-remote")]
            HostCommand::OauthBegin { server, request } => {
                RawJson::from_value(&self.oauth_begin(&server, request).await?)
            }
            #[cfg(feature = "runtime-remote")]
            HostCommand::OauthFinish { server, answer } => {
                RawJson::from_value(&self.oauth_finish(&server, &SecretValue::new(answer), false).await?)
            }
            #[cfg(feature = "runtime-remote")]
            HostCommand::OauthRevoke { server } => {
                let warning = self.oauth_revoke(&server).await?.map(|error| error.report());
                RawJson::from_value(&json!({"warning": warning}))
            }
        }
    }
}

fn operator(by: Option<String>) -> Principal {
    by.map_or_else(Principal::local, Principal::new)
}
