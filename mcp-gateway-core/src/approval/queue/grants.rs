//! Answers that hold for more than one request.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::shelf::Part;
use super::{ApprovalQueue, Question, Scope, Verdict};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Effect, ServerName};
use crate::util::{clock, random};

/// How many grants there may be.
const MAX_GRANTS: usize = 256;

/// An approval for more than one request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Grant {
    /// Under which it is revoked.
    pub id: String,
    /// For what it holds.
    pub scope: Scope,
    /// To whom it was given.
    pub principal: String,
    /// The session that it holds for; none where it holds for arguments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The server.
    pub server: ServerName,
    /// The tool, prompt or resource.
    pub name: String,
    /// How firmly was asked: a grant for one is none for the other.
    pub effect: Effect,
    /// The SHA-256 of the arguments that it holds for; none where it holds for a session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arguments_hash: Option<String>,
    /// Who gave it.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When it was given, in milliseconds since the Unix epoch.
    pub given: i64,
    /// When it ends.
    pub expires: i64,
    /// What it belongs to.
    binding: String,
    /// The run of the gateway whose session it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    run: Option<String>,
}

impl Grant {
    fn is_over(&self) -> bool {
        self.expires <= clock::now_millis()
    }
}

impl ApprovalQueue {
    /// Remembers a yes, where it was given for more than one request; for the time that it was given for, at most `longest`.
    ///
    /// # Errors
    /// `InvalidInput` for a session where there is none, `Overloaded` when there are too many grants, `Io`.
    pub async fn remember(&self, question: &Question, verdict: &Verdict, longest: Duration) -> Result<Option<Grant>> {
        let (session, arguments_hash, binding, run) = match verdict.scope {
            _ if !verdict.granted => return Ok(None),
            Scope::Once => return Ok(None),
            Scope::Session => {
                let session = question.session.as_ref().ok_or_else(|| {
                    Error::new(ErrorKind::InvalidInput, "the request belongs to no session that could be remembered")
                })?;
                let session = Some(session.as_str().to_owned());
                (session, None, question.binding_of_any(), Some(self.0.run.clone()))
            }
            Scope::Arguments => (None, Some(question.arguments_hash()), question.binding(), None),
        };
        let given = clock::now_millis();
        let time = verdict.ttl_seconds.map_or(longest, |seconds| Duration::from_secs(seconds).min(longest));
        let grant = Grant {
            id: random::hex(6)?,
            scope: verdict.scope,
            principal: question.principal.name.to_string(),
            session,
            server: question.target.server.clone(),
            name: question.target.name.clone(),
            effect: question.decision.effect,
            arguments_hash,
            by: verdict.by.clone(),
            reason: verdict.reason.clone(),
            given,
            expires: given.saturating_add(i64::try_from(time.as_millis()).unwrap_or(i64::MAX)),
            binding,
            run,
        };
        let kept = grant.clone();
        self.blocking(move |queue| {
            if queue.granted()?.len() >= MAX_GRANTS {
                return Err(Error::new(ErrorKind::Overloaded, format!("there are {MAX_GRANTS} grants already"))
                    .with_hint("revoke some: `mcp-gateway approvals grants`"));
            }
            queue.0.shelf.put(Part::Grant, &kept.id, &kept)
        })
        .await?;
        Ok(Some(grant))
    }

    /// The grant that a request needs no answer for, if there is one.
    ///
    /// # Errors
    /// `Io` when grants cannot be read.
    pub async fn grant_for(&self, question: &Question) -> Result<Option<Grant>> {
        let (exact, any) = (question.binding(), question.binding_of_any());
        let session = question.session.as_ref().map(|session| session.as_str().to_owned());
        let holds = move |queue: &Self, grant: &Grant| match grant.scope {
            Scope::Once => false,
            Scope::Arguments => grant.binding == exact,
            Scope::Session => {
                grant.binding == any
                    && grant.session.is_some()
                    && grant.session == session
                    && grant.run.as_ref() == Some(&queue.0.run)
            }
        };
        self.blocking(move |queue| Ok(queue.granted()?.into_iter().find(|grant| holds(queue, grant)))).await
    }

    /// The grants that hold, the oldest first.
    ///
    /// # Errors
    /// As [`grant_for`](Self::grant_for). What somebody else has written or changed is left out.
    pub async fn grants(&self) -> Result<Vec<Grant>> {
        self.blocking(Self::granted).await
    }

    /// Ends a grant.
    ///
    /// # Errors
    /// `NotFound` when there is none, `Io`.
    pub async fn revoke(&self, id: &str) -> Result<()> {
        let id = id.to_owned();
        self.blocking(move |queue| {
            if !queue.0.shelf.has(Part::Grant, &id) {
                return Err(Error::new(ErrorKind::NotFound, format!("there is no grant `{id}`"))
                    .with_hint("list them: `mcp-gateway approvals grants`"));
            }
            queue.0.shelf.remove(Part::Grant, &id)
        })
        .await
    }

    fn granted(&self) -> Result<Vec<Grant>> {
        let mut grants = Vec::new();
        for id in self.0.shelf.ids(Part::Grant)? {
            match self.0.shelf.get::<Grant>(Part::Grant, &id) {
                Ok(Some(grant)) if grant.id != id => {}
                Ok(Some(grant)) if grant.is_over() => self.0.shelf.remove(Part::Grant, &id)?,
                Ok(Some(grant)) => grants.push(grant),
                Ok(None) => {}
                Err(error) => tracing::warn!(id, error = %error.report(), "a grant is left out"),
            }
        }
        grants.sort_by(|one, other| (one.given, &one.id).cmp(&(other.given, &other.id)));
        Ok(grants)
    }
}
