//! Reads policies and checks them.

use std::collections::HashMap;

use cedar_policy::{Effect as Verdict, ParseErrors, Policy, PolicyId, PolicySet, Schema, ValidationMode, Validator};

use super::{CedarPolicy, CedarSource, Said, error};
use crate::error::{Error, ErrorKind, Result};
use crate::model::Effect;
use crate::util::pattern::did_you_mean;

/// The annotations that mean something.
const ANNOTATIONS: [&str; 3] = ["id", "confirm", "reason"];

/// Policies that can be carried out.
pub(super) struct Loaded {
    pub(super) policies: PolicySet,
    pub(super) said: HashMap<PolicyId, Said>,
    pub(super) warnings: Vec<String>,
    pub(super) asks: Vec<String>,
}

pub(super) fn schema() -> Result<Schema> {
    let (schema, _) = Schema::from_cedarschema_str(CedarPolicy::SCHEMA).map_err(error::schema)?;
    Ok(schema)
}

pub(super) fn policies(schema: &Schema, sources: &[CedarSource]) -> Result<Loaded> {
    let validator = Validator::new(schema.clone());
    let mut loaded =
        Loaded { policies: PolicySet::new(), said: HashMap::new(), warnings: Vec::new(), asks: Vec::new() };
    for source in sources {
        loaded.read(&validator, source)?;
    }
    // A word too many here makes a dry run say too often that it is not sure.
    let written = loaded.policies.to_string();
    let asks = |words: &[&str]| words.iter().any(|word| written.contains(word));
    loaded.asks.extend(asks(&["texts", "numbers"]).then(|| "arguments".to_owned()));
    loaded.asks.extend(asks(&["Role"]).then(|| "role".to_owned()));
    Ok(loaded)
}

impl Loaded {
    fn read(&mut self, validator: &Validator, source: &CedarSource) -> Result<()> {
        let written: PolicySet = source.text.parse().map_err(|cause: ParseErrors| error::fault(source, &cause))?;
        if written.templates().next().is_some() {
            return Err(Error::new(ErrorKind::InvalidConfig, "a policy has a slot, such as `?principal`")
                .with_operation("CedarPolicy::new")
                .with_context("file", &source.file)
                .with_hint("write the principal or resource itself: nothing here fills slots"));
        }
        let checked = validator.validate(&written, ValidationMode::Strict);
        if let Some(cause) = checked.validation_errors().next() {
            return Err(error::fault(source, cause));
        }
        let warning = |cause| format!("{cause} ({})", error::place(source, cause));
        self.warnings.extend(checked.validation_warnings().map(warning));
        let mut numbered: Vec<_> = written.policies().map(|policy| (number(policy), policy)).collect();
        numbered.sort_unstable_by_key(|(number, _)| *number);
        for (number, policy) in numbered {
            self.add(source, number, policy)?;
        }
        Ok(())
    }

    fn add(&mut self, source: &CedarSource, number: usize, policy: &Policy) -> Result<()> {
        let said = said(policy, self.said.len()).map_err(|message| error::annotation(source, number, message))?;
        let name = policy.annotation("id").map_or_else(|| source.name_of(number), str::to_owned);
        let id = PolicyId::new(&name);
        if self.said.insert(id.clone(), said).is_some() {
            let twice = format!("there is another policy `{name}`");
            return Err(error::annotation(source, number, twice).with_hint("give each policy an `@id` of its own"));
        }
        self.policies.add(policy.new_id(id)).map_err(error::schema)
    }
}

/// The policy's number in its file, from 1: Cedar calls them `policy0`, `policy1`...
fn number(policy: &Policy) -> usize {
    policy.id().to_string().strip_prefix("policy").and_then(|number| number.parse().ok()).map_or(0, |at: usize| at + 1)
}

/// Reads the annotations.
fn said(policy: &Policy, place: usize) -> std::result::Result<Said, String> {
    for (name, value) in policy.annotations() {
        if !ANNOTATIONS.contains(&name) {
            let meant = did_you_mean(name, ANNOTATIONS).map(|meant| format!(": is it `@{meant}`?")).unwrap_or_default();
            return Err(format!("the annotation `@{name}` means nothing here{meant}"));
        }
        if name == "id" && value.trim().is_empty() {
            return Err("`@id` says no name".to_owned());
        }
    }
    let effect = match (policy.effect(), policy.annotation("confirm")) {
        (Verdict::Permit, None) => Effect::Allow,
        (Verdict::Permit, Some("soft")) => Effect::SoftConfirm,
        (Verdict::Permit, Some("hard")) => Effect::HardConfirm,
        (Verdict::Permit, Some(level)) => {
            return Err(format!("`{level}` is no confirmation: write `@confirm(\"soft\")` or `@confirm(\"hard\")`"));
        }
        (Verdict::Forbid, None) => Effect::Deny,
        (Verdict::Forbid, Some(_)) => {
            return Err("what is forbidden cannot be confirmed: write `permit` where it may be".to_owned());
        }
    };
    Ok(Said { place, effect, reason: policy.annotation("reason").unwrap_or_default().to_owned() })
}
