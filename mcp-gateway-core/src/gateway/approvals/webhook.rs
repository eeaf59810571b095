//! The webhook of a profile, with its secret from the broker.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::approval::{Answer, Question};
use crate::error::{Error, ErrorKind, Result};
use crate::model::CallContext;
use crate::profile::{ApprovalSpec, WebhookSpec};
use crate::secrets::{SecretBroker, SecretKey};

/// Where is asked, and who holds the secret.
pub(crate) struct Webhook {
    spec: WebhookSpec,
    key: SecretKey,
    timeout: Duration,
    secrets: Arc<dyn SecretBroker>,
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Webhook").field(&self.spec.url).finish()
    }
}

impl Webhook {
    /// The webhook that the profile names; `None` where it names none.
    ///
    /// # Errors
    /// `InvalidConfig` for a secret that is none, and in a build without webhooks.
    pub(crate) fn of(spec: &ApprovalSpec, secrets: &Arc<dyn SecretBroker>) -> Result<Option<Self>> {
        let Some(webhook) = spec.webhook.clone() else { return Ok(None) };
        if cfg!(not(feature = "approval-webhook")) {
            return Err(Error::new(ErrorKind::InvalidConfig, "this build asks no webhooks")
                .with_hint("build it with the feature `approval-webhook`"));
        }
        let (key, timeout) = (SecretKey::parse(&webhook.secret)?, spec.wait()?);
        Ok(Some(Self { spec: webhook, key, timeout, secrets: Arc::clone(secrets) }))
    }

    /// The webhook's answer.
    #[cfg(feature = "approval-webhook")]
    pub(super) async fn ask(&self, ctx: &CallContext, question: &Question) -> Result<Answer> {
        use crate::approval::{Approver as _, WebhookApprover, WebhookConfig};

        // Read anew each time, so that it can be changed while the gateway runs.
        let secret = ctx.bounded(self.timeout, self.secrets.get(&self.key)).await?.ok_or_else(|| {
            let name = &self.spec.secret;
            Error::new(ErrorKind::MissingSecret, format!("secret `{name}` of the webhook of approvals is not set"))
                .with_hint(format!("set it with `mcp-gateway secret set {name}`"))
        })?;
        let config =
            WebhookConfig::new(&self.spec.url).with_timeout(self.timeout).with_allow_private(self.spec.allow_private);
        WebhookApprover::new(config, &secret)?.approve(ctx, question).await
    }

    /// Nothing: a build without webhooks has none of these.
    #[cfg(not(feature = "approval-webhook"))]
    pub(super) async fn ask(&self, ctx: &CallContext, question: &Question) -> Result<Answer> {
        let _ = (ctx, question, &self.key, self.timeout, &self.secrets);
        Err(super::nobody())
    }
}
