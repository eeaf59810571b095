//! Keeping what was typed.

use std::sync::Arc;

use serde_json::json;

use super::SecretPages;
use super::form::Form;
use super::lacking::Lacking;
use crate::audit::{AuditEvent, AuditStore};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{ProfileName, SecretValue};
use crate::secrets::{self, SecretBroker};

impl SecretPages {
    /// Keeps values and records that; those of secrets that are there by now are dropped.
    ///
    /// # Errors
    /// What the store or the trail says; what was kept before that stays.
    pub(super) async fn keep(&self, form: &Arc<Form>, values: Vec<SecretValue>) -> Result<()> {
        let one = Arc::clone(&self.storing).lock_owned().await;
        let (store, form) = (Store::of(self), Arc::clone(form));
        // A browser that goes away does not leave a value without its record.
        let keeping = tokio::spawn(async move {
            for (secret, value) in form.secrets.iter().zip(values) {
                store.keep(&form, secret, value).await?;
            }
            drop(one);
            Ok(())
        });
        keeping
            .await
            .map_err(|cause| Error::new(ErrorKind::Internal, "work on secrets broke off").with_source(cause))?
    }
}

/// Where values and records go.
struct Store {
    profile: ProfileName,
    secrets: Arc<dyn SecretBroker>,
    audit: Arc<dyn AuditStore>,
}

impl Store {
    fn of(pages: &SecretPages) -> Self {
        Self { profile: pages.profile.clone(), secrets: Arc::clone(&pages.secrets), audit: Arc::clone(&pages.audit) }
    }

    async fn keep(&self, form: &Form, secret: &Lacking, value: SecretValue) -> Result<()> {
        let Some(key) = secret.key() else { return Ok(()) };
        if secret.is_held(self.secrets.as_ref()).await? {
            return Ok(());
        }
        secrets::keep(self.secrets.as_ref(), key, value, None).await?;
        let mut event = AuditEvent::new(self.profile.clone(), form.principal.as_str(), "secret/set");
        event.server = Some(form.server.clone());
        event.session.clone_from(&form.session);
        event.name = Some(secret.name.clone());
        event.detail = Some(json!({"by": "page", "key": key.to_string()}));
        if let Err(error) = self.audit.append(event).await {
            // Nobody would know how it came there.
            secrets::forget(self.secrets.as_ref(), key).await?;
            return Err(error);
        }
        Ok(())
    }
}
