//! The other profiles, as far as agents see them.

use serde_json::{Value, json};

use super::answer::one_line;
use super::arguments::Wanted;
use crate::error::{Error, ErrorKind, Result};
use crate::gateway::hub::Hub;
use crate::model::{CallContext, ProfileName};
use crate::profile::{ProfileSpec, ServerSpec};
use crate::protocol::{RawJson, Request, ServerChange};

/// How many profiles and how many of the servers of each are told of.
const SHOWN: usize = 50;

impl Hub {
    /// A profile that agents see.
    ///
    /// # Errors
    /// `NotFound` for any other, whether it is there or not, and for one that cannot be read.
    pub(super) async fn seen_profile(&self, name: &ProfileName) -> Result<ProfileSpec> {
        let missing = || {
            Error::new(ErrorKind::NotFound, format!("there is no profile `{name}`"))
                .with_hint("`mcp-list` shows the profiles that there are")
        };
        let dynamic = self.dynamic.as_ref().filter(|dynamic| dynamic.spec.shows(name)).ok_or_else(missing)?;
        let profiles = dynamic.profiles.as_ref().filter(|_| name != self.profile.name()).ok_or_else(missing)?;
        profiles.spec(name).await.map_err(|error| {
            if error.kind() == ErrorKind::NotFound {
                return missing();
            }
            // Where its file is, and what stands there, is the operator's.
            tracing::warn!(profile = %name, error = %error.report(), "profile cannot be read");
            Error::new(ErrorKind::InvalidConfig, format!("profile `{name}` cannot be read"))
                .with_hint("an operator finds out why by `mcp-gateway profile show`")
        })
    }

    /// The settings of a server that is to be added as another profile has it; those of any other are empty.
    ///
    /// # Errors
    /// As [`seen_profile`](Self::seen_profile), and for a server that it does not have.
    pub(super) async fn settings_from(&self, wanted: &Wanted) -> Result<ServerSpec> {
        match &wanted.from {
            Some(profile) => self.seen_profile(profile).await?.extract(&wanted.server),
            None => Ok(ServerSpec::default()),
        }
    }

    /// Writes the configuration that another profile has for a server into the call that adds it so, for policy and
    /// approvals to see.
    pub(crate) async fn take_config(&self, ctx: &CallContext, request: &mut Request) {
        if request.change() == Some(ServerChange::Add)
            && let Ok(Some(arguments)) = self.with_config(request).await
        {
            request.params.set("arguments", arguments);
            request.described = self.describe_change(ctx, ServerChange::Add, request).await;
        }
    }

    async fn with_config(&self, request: &Request) -> Result<Option<RawJson>> {
        let arguments = request.arguments().cloned().unwrap_or_else(RawJson::empty_object);
        let wanted = Wanted::read(ServerChange::Add, &arguments)?;
        if wanted.from.is_none() {
            return Ok(None);
        }
        let mut config = self.settings_from(&wanted).await?.config;
        config.extend(wanted.config);
        let mut arguments = arguments.object()?;
        arguments.set("config", RawJson::from_value(&config)?);
        Ok(Some(arguments.to_raw()))
    }

    /// The profiles that agents see, as they are listed.
    pub(super) async fn shown_profiles(&self) -> Result<Vec<Value>> {
        let Some(dynamic) = self.dynamic.as_ref().filter(|dynamic| !dynamic.spec.profiles.is_empty()) else {
            return Ok(Vec::new());
        };
        let Some(profiles) = &dynamic.profiles else { return Ok(Vec::new()) };
        let names = profiles.names().await?;
        let seen = names.into_iter().filter(|name| dynamic.spec.shows(name) && name != self.profile.name());
        let mut shown = Vec::new();
        for name in seen.take(SHOWN) {
            shown.push(match self.seen_profile(&name).await {
                Ok(spec) => {
                    let servers: Vec<_> = spec.servers.keys().take(SHOWN).collect();
                    let mut one = json!({"profile": name, "servers": servers});
                    if let Some(description) = &spec.description {
                        one["description"] = one_line(description).into();
                    }
                    one
                }
                Err(error) => json!({"profile": name, "reason": error.to_string()}),
            });
        }
        Ok(shown)
    }
}
