//! What was found out about images: asked for once for each image and rule, recorded, and kept.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::json;

use super::hub::Slot;
use super::launch::Launcher;
use crate::audit::{AuditEvent, Outcome};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{CallContext, Verification, VerificationLevel, VerifyMode, VerifyRule};
use crate::runtime::{ContainerPlan, Identity, Runtime};
use crate::util::clock;
use crate::verify::ImageCheck;

/// The most findings that are kept in memory.
const MAX_FINDINGS: usize = 1_024;

/// Signatures that were found good, by image and rule: a signature once good stays good for that digest.
#[derive(Debug, Default)]
pub(crate) struct Findings(Mutex<HashMap<(String, String), Arc<Verification>>>);

impl Findings {
    fn get(&self, key: &(String, String)) -> Option<Arc<Verification>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).map(Arc::clone)
    }

    fn keep(&self, key: (String, String), found: &Arc<Verification>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MAX_FINDINGS {
            kept.clear();
        }
        kept.insert(key, Arc::clone(found));
    }
}

impl Launcher {
    /// Has an image verified before anything of it is fetched.
    ///
    /// What the lock says of exactly this image under exactly this rule is believed, so that a server whose signature was
    /// good starts while its registry is down.
    pub(super) async fn verify(
        &self,
        ctx: &CallContext,
        slot: &Slot,
        runtime: &dyn Runtime,
        container: &ContainerPlan,
        identity: &Identity,
    ) -> Result<()> {
        let rule = match &slot.body {
            Ok(body) => body.settings.verify.rule(&container.image),
            Err(_) => VerifyRule::OFF,
        };
        let asked = rule.mode != VerifyMode::Off;
        let mut check = ImageCheck::new(container.image.clone(), identity.digest.clone()).with_rule(rule);
        let key = (identity.value.clone(), check.fingerprint());
        if asked && identity.digest.is_some() {
            let recorded = slot.verification().filter(|found| {
                found.digest == identity.digest && found.rule == key.1 && found.level == VerificationLevel::Signed
            });
            if let Some(found) = recorded.or_else(|| self.findings.get(&key)) {
                slot.set_verification(Some(&found));
                return Ok(());
            }
        }
        if asked && check.rule.signer.is_some() {
            check.login = runtime.registry_login(&check.signatures()).await?;
        }
        let mut result = ctx.bounded(self.prepare_timeout, self.verifier.verify(&check)).await;
        if let Ok(found) = &mut result {
            found.digest.clone_from(&identity.digest);
            found.time = clock::rfc3339(clock::now_millis());
            found.rule.clone_from(&key.1);
        }
        if asked || result.is_err() {
            self.record(ctx, slot, &check, &result).await?;
        }
        let found = Arc::new(result?);
        if found.level == VerificationLevel::Signed {
            self.findings.keep(key, &found);
        }
        slot.set_verification(Some(&found).filter(|_| asked));
        Ok(())
    }

    /// Records what was found; an image whose check cannot be recorded does not run.
    async fn record(
        &self,
        ctx: &CallContext,
        slot: &Slot,
        check: &ImageCheck,
        result: &Result<Verification>,
    ) -> Result<()> {
        let mut event = AuditEvent::new(self.profile.clone(), &*ctx.principal.name, "image/verify");
        event.server = Some(slot.name.clone());
        event.session.clone_from(&ctx.session);
        event.name = Some(check.image.to_string());
        let mut detail = json!({"mode": check.rule.mode, "digest": check.digest});
        match result {
            Ok(found) => {
                detail["level"] = json!(found.level);
                for (key, value) in [("signer", &found.signer), ("source", &found.source), ("builder", &found.builder)]
                {
                    if let Some(value) = value {
                        detail[key] = json!(value);
                    }
                }
                if !found.sboms.is_empty() {
                    detail["sboms"] = json!(found.sboms);
                }
            }
            Err(error) => {
                detail["signer"] = json!(check.rule.signer.as_ref().map(ToString::to_string));
                event.outcome = if error.kind() == ErrorKind::Denied { Outcome::Denied } else { Outcome::Failed };
                event.error = Some(error.report());
            }
        }
        event.detail = Some(detail);
        self.audit.append(event).await.map(drop).map_err(|cause| {
            Error::new(ErrorKind::Io, "the audit trail cannot be written, so the server is not started")
                .with_hint("free disk space or repair the audit file, then try again")
                .with_source(cause)
        })
    }
}
