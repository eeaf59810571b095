//! What a person is told of a change before it is made, or why nobody need be asked about it.

use std::sync::Arc;

use serde_json::{Value, json};

use super::answer;
use super::arguments::Wanted;
use super::config;
use super::facts::Facts;
use crate::error::{Error, ErrorKind, Result};
use crate::gateway::hub::{Hub, Slot};
use crate::gateway::layers::Call;
use crate::model::CallContext;
use crate::protocol::{RawJson, ServerChange};

/// Either what would come of a change, or what it is answered with where nothing can come of it.
enum Proposal {
    Facts(Facts),
    Moot(RawJson),
}

impl Hub {
    /// Puts into a call that changes the servers what a person should know of it.
    pub(crate) async fn propose(&self, ctx: &CallContext, call: &mut Call) {
        let Some(change) = call.request.change() else { return };
        let arguments = call.request.arguments().cloned().unwrap_or_else(RawJson::empty_object);
        let proposal = match self.proposal(ctx, change, &arguments).await {
            Ok(proposal) => Ok(proposal),
            Err(error) => answer::failed(&error, Value::Null).map(Proposal::Moot),
        };
        match proposal {
            Ok(Proposal::Facts(facts)) => call.facts = facts,
            Ok(Proposal::Moot(answer)) => call.moot = Some(answer),
            // Without anything to be shown, a person is shown that.
            Err(error) => tracing::warn!(error = %error.report(), "what would come of a change cannot be told"),
        }
    }

    async fn proposal(&self, ctx: &CallContext, change: ServerChange, arguments: &RawJson) -> Result<Proposal> {
        if change == ServerChange::CreateProfile {
            return self.profile_facts(ctx, arguments).await.map(Proposal::Facts);
        }
        let wanted = Wanted::read(change, arguments)?;
        self.ensure_own_profile(&wanted)?;
        let kept = wanted.profile.is_some();
        match change {
            ServerChange::Add => {
                if let Some(slot) = self.present(ctx, &wanted)? {
                    return Ok(Proposal::Moot(self.already_added(ctx, &slot).await?));
                }
                let candidate = self.candidate_to_add(&wanted).await?;
                let missing = config::missing(&candidate.body()?.entry, &wanted.config);
                if !missing.is_empty() {
                    let known = config::properties(&candidate.body()?.entry);
                    let schemas: serde_json::Map<_, _> = missing
                        .iter()
                        .filter_map(|key| Some((key.clone(), (*known.get(key.as_str())?).clone())))
                        .collect();
                    let why = format!(
                        "server `{}` needs values for its configuration: {}",
                        wanted.server,
                        missing.join(", ")
                    );
                    let error = Error::new(ErrorKind::InvalidInput, why)
                        .with_hint("ask the user for them, and call `mcp-add` again with them in `config`");
                    let more = json!({"server": wanted.server, "missingConfig": schemas});
                    return Ok(Proposal::Moot(answer::failed(&error, more)?));
                }
                let mut facts = self.facts(change, &candidate, kept).await?;
                if let Some(from) = &wanted.from {
                    facts.insert(1, ("settings".to_owned(), format!("those of profile `{from}`")));
                }
                Ok(Proposal::Facts(facts))
            }
            ServerChange::Configure => {
                if wanted.config.is_empty() {
                    return Err(Error::new(ErrorKind::InvalidInput, "there is nothing in `config`"));
                }
                let candidate = self.candidate_to_configure(ctx, &wanted).await?;
                Ok(Proposal::Facts(self.facts(change, &candidate, kept).await?))
            }
            ServerChange::Remove | ServerChange::CreateProfile => {
                let slot = self.held(ctx, &wanted)?;
                let of = if kept { format!("profile `{}`", self.profile.name()) } else { "this session".to_owned() };
                let facts = vec![("would".to_owned(), format!("take server `{}` out of {of} and stop it", slot.name))];
                Ok(Proposal::Facts(facts))
            }
        }
    }

    /// The server that is wanted, where it is there already.
    pub(super) fn present(&self, ctx: &CallContext, wanted: &Wanted) -> Result<Option<Arc<Slot>>> {
        if let Some(slot) = self.slot(&wanted.server).filter(|slot| !slot.is_shut_out()) {
            return Ok(Some(slot));
        }
        if wanted.profile.is_some() {
            return Ok(None);
        }
        Ok(self.added(self.session_of(ctx)?).get(&wanted.server).map(Arc::clone))
    }

    fn ensure_own_profile(&self, wanted: &Wanted) -> Result<()> {
        match &wanted.profile {
            Some(profile) if profile != self.profile.name() => {
                let why = format!("profile `{profile}` is not the one of this gateway");
                let hint = format!("leave `profile` out, or name `{}`", self.profile.name());
                Err(Error::new(ErrorKind::InvalidInput, why).with_hint(hint))
            }
            _ => Ok(()),
        }
    }
}
