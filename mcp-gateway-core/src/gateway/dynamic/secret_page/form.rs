//! What a page asks for, and of whom.

use super::lacking::{Lacking, lacking};
use crate::error::Result;
use crate::gateway::hub::Body;
use crate::model::{CallContext, ProfileName, SecretValue, ServerName, SessionId};
use crate::secrets::SecretBroker;

/// The secrets that one server lacks.
#[derive(Debug)]
pub(super) struct Form {
    pub(super) server: ServerName,
    pub(super) title: Option<String>,
    pub(super) publisher: Option<String>,
    pub(super) secrets: Vec<Lacking>,
    /// In whose call it is asked.
    pub(super) principal: String,
    pub(super) session: Option<SessionId>,
}

impl Form {
    /// # Errors
    /// `InvalidInput` for a key in the profile that is none, and what the store says.
    pub(super) async fn of(
        secrets: &dyn SecretBroker,
        profile: &ProfileName,
        ctx: &CallContext,
        body: &Body,
    ) -> Result<Self> {
        let entry = &body.entry;
        Ok(Self {
            server: entry.name.clone(),
            title: entry.title.clone(),
            publisher: entry.metadata.as_ref().and_then(|metadata| metadata.owner.clone()),
            secrets: lacking(secrets, profile, body).await?,
            principal: ctx.principal.name.to_string(),
            session: ctx.session.clone(),
        })
    }

    /// The name of a field: a secret's own may be anything.
    pub(super) fn field(at: usize) -> String {
        format!("secret-{at}")
    }

    /// The values of all of its secrets, in their order; nothing where one is missing or empty, or something else is there.
    pub(super) fn read(&self, mut typed: Vec<(String, SecretValue)>) -> Option<Vec<SecretValue>> {
        if typed.len() != self.secrets.len() {
            return None;
        }
        let mut values = Vec::with_capacity(typed.len());
        for at in 0..self.secrets.len() {
            let found = typed.iter().position(|(name, _)| *name == Self::field(at))?;
            let (_, value) = typed.swap_remove(found);
            // No environment and no header can carry a zero.
            if value.expose().trim().is_empty() || value.expose().contains('\0') {
                return None;
            }
            values.push(value);
        }
        Some(values)
    }
}
