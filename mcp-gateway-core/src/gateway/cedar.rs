//! Cedar policies that a profile names.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::model::ProfileName;
#[cfg(feature = "policy-cedar")]
use crate::policy::CedarPolicy;
use crate::policy::{Policy, StrictestPolicy};
use crate::profile::ProfileSpec;

/// A policy, together with the Cedar policies that the profile names.
pub(super) async fn with_cedar(
    policy: Arc<dyn Policy>,
    spec: &ProfileSpec,
    folder: Option<&Path>,
) -> Result<Arc<dyn Policy>> {
    if spec.policy.cedar.is_empty() {
        return Ok(policy);
    }
    let folder = folder.unwrap_or(Path::new(""));
    let files = spec.policy.cedar.iter().map(|file| folder.join(file)).collect();
    // The first of equals is told, and what Cedar says is told more exactly than that no rule matches.
    Ok(Arc::new(StrictestPolicy::new([read(spec.name.clone(), files).await?, policy])))
}

#[cfg(feature = "policy-cedar")]
async fn read(profile: ProfileName, files: Vec<PathBuf>) -> Result<Arc<dyn Policy>> {
    let load = move || CedarPolicy::load(profile, &files);
    let policy = tokio::task::spawn_blocking(load)
        .await
        .map_err(|cause| Error::new(ErrorKind::Internal, "Cedar policies could not be read").with_source(cause))??;
    for warning in policy.warnings() {
        tracing::warn!("{warning}");
    }
    Ok(Arc::new(policy))
}

#[cfg(not(feature = "policy-cedar"))]
async fn read(profile: ProfileName, _files: Vec<PathBuf>) -> Result<Arc<dyn Policy>> {
    Err(Error::new(ErrorKind::Unsupported, "Cedar policies are not part of this program")
        .with_context("profile", profile)
        .with_hint("build it with the feature `policy-cedar`"))
}

#[cfg(feature = "policy-cedar")]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::{Gateway as _, GatewayBuilder};
    use crate::model::{Effect, Rule};
    use crate::policy::{PolicyQuestion, RulePolicy};
    use crate::profile::FileProfile;
    use crate::util::fs::{create_dir_all, write_atomic};

    const PROFILE: &str = "name: dev
policy:
  rules: [{match: 'github.delete_*', effect: hard_confirm}]
  cedar: [policies/org.cedar]
";
    const POLICIES: &str = r#"@id("repositories") permit (principal, action, resource in Server::"github");
        @id("keep") forbid (principal, action, resource) when { resource.name == "delete_org" };"#;

    async fn build(policies: &str, own: Option<Arc<dyn Policy>>) -> Result<Vec<(Effect, String)>> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("dev.yaml");
        write_atomic(&file, PROFILE.as_bytes())?;
        create_dir_all(&folder.path().join("policies"))?;
        write_atomic(&folder.path().join("policies/org.cedar"), policies.as_bytes())?;
        let mut builder = GatewayBuilder::new().with_profile(Arc::new(FileProfile::open(file).await?));
        if let Some(own) = own {
            builder = builder.with_policy(own);
        }
        let gateway = builder.build().await?;
        let mut decided = Vec::new();
        for name in ["github.get_issue", "github.delete_issue", "github.delete_org", "time.now"] {
            let decision = gateway.explain_policy(&PolicyQuestion::call(name)).await?.decision;
            decided.push((decision.effect, decision.rule));
        }
        gateway.shutdown().await;
        Ok(decided)
    }

    fn told(effect: Effect, rule: &str) -> (Effect, String) {
        (effect, rule.to_owned())
    }

    #[tokio::test]
    async fn rules_and_cedar_decide_both_and_the_stricter_counts() {
        let expected = [
            told(Effect::Allow, "repositories"),
            told(Effect::HardConfirm, "github.delete_*"),
            told(Effect::Deny, "keep"),
            told(Effect::Deny, "no permit"),
        ];
        assert_eq!(build(POLICIES, None).await.unwrap(), expected);
    }

    #[tokio::test]
    async fn a_policy_of_the_host_does_not_undo_cedar() {
        let own = RulePolicy::new(vec![Rule::new("time.*", Effect::Allow)], Effect::SoftConfirm);
        let decided = build(POLICIES, Some(Arc::new(own))).await.unwrap();
        assert_eq!(decided[0], told(Effect::SoftConfirm, "default"));
        assert_eq!(decided[3], told(Effect::Deny, "no permit"));
    }

    #[tokio::test]
    async fn a_broken_file_stops_the_gateway_and_names_the_place() {
        let error =
            build("permit (principal, action, resource)\nwhen { resource.nmae == 1 };", None).await.unwrap_err();
        assert!(error.to_string().contains("org.cedar:2:"), "{error}");
    }
}
