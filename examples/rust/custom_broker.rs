//! Secrets and decisions of the host's own: a broker that asks its vault, a policy that knows its users, an approver that
//! asks a person.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

mod greeter;

use std::error::Error;
use std::sync::Arc;

use async_trait::async_trait;
use mcp_gateway_core::approval::{Answer, Approver, Question};
use mcp_gateway_core::catalog::MemoryCatalog;
use mcp_gateway_core::gateway::{Gateway, GatewayBuilder, GatewayExt};
use mcp_gateway_core::model::{
    CallContext, Decision, Effect, Principal, ProfileName, SecretEntry, SecretValue, ServerEntry, ServerKind,
    ServerName,
};
use mcp_gateway_core::policy::Policy;
use mcp_gateway_core::profile::{MemoryProfile, ProfileSpec, ServerSpec};
use mcp_gateway_core::protocol::Request;
use mcp_gateway_core::runtime::MemoryRuntime;
use mcp_gateway_core::secrets::{SecretBroker, SecretKey};
use mcp_gateway_core::{ErrorKind, Result};

/// Stands for the host's vault.
#[derive(Debug)]
struct Vault;

#[async_trait]
impl SecretBroker for Vault {
    fn name(&self) -> String {
        "vault".to_owned()
    }

    async fn get(&self, key: &SecretKey) -> Result<Option<SecretValue>> {
        // Asked for each name under which the secret may be kept, the most specific first.
        Ok((key.name == "GREETER_TOKEN").then(|| SecretValue::new("s3cret-of-the-host")))
    }

    async fn set(&self, _key: &SecretKey, _value: SecretValue) -> Result<()> {
        Err(read_only())
    }

    async fn delete(&self, _key: &SecretKey) -> Result<()> {
        Err(read_only())
    }

    async fn list(&self) -> Result<Vec<SecretKey>> {
        Ok(vec![SecretKey::new("GREETER_TOKEN")?])
    }
}

fn read_only() -> mcp_gateway_core::Error {
    mcp_gateway_core::Error::new(ErrorKind::Unsupported, "the vault can only be read")
}

/// Guests may greet and nothing else.
#[derive(Debug)]
struct Users;

#[async_trait]
impl Policy for Users {
    async fn decide(&self, ctx: &CallContext, request: &Request) -> Result<Decision> {
        if request.kind.list().is_some() {
            return Ok(Decision::new(Effect::Allow, "lists", "everybody may see what there is"));
        }
        let target = request.target.as_ref().map(ToString::to_string).unwrap_or_default();
        Ok(match (&*ctx.principal.name, target.as_str()) {
            ("guest", "greeter.greet") => Decision::new(Effect::Allow, "guests", "guests may greet"),
            ("guest", _) => Decision::new(Effect::Deny, "guests", "guests may greet only"),
            (_, "greeter.measure_secret") => Decision::new(Effect::HardConfirm, "secrets", "it is about a secret"),
            _ => Decision::new(Effect::Allow, "users", "users may do everything else"),
        })
    }
}

/// Stands for the person who is asked; this one trusts Ada.
#[derive(Debug)]
struct Operator;

#[async_trait]
impl Approver for Operator {
    async fn approve(&self, ctx: &CallContext, question: &Question) -> Result<Answer> {
        println!("operator is asked: may {} call {}? ({})", ctx.principal, question.target, question.decision.reason);
        let granted = &*ctx.principal.name == "ada";
        Ok(Answer::new(granted, "operator", if granted { "I know Ada" } else { "not without Ada" }))
    }
}

#[tokio::main]
async fn main() -> std::result::Result<(), Box<dyn Error>> {
    let name = ServerName::new("greeter")?;
    let mut entry = ServerEntry::new(name.clone(), ServerKind::Server);
    entry.secrets.push(SecretEntry::new("greeter.token", "GREETER_TOKEN"));
    let mut server = ServerSpec::default();
    server.runtime = Some("memory".to_owned());
    let gateway = GatewayBuilder::new()
        .with_catalog(Arc::new(MemoryCatalog::new("mine").with_entry(entry)))
        .with_profile(Arc::new(MemoryProfile::new(
            ProfileSpec::new(ProfileName::new("custom")?).with_server(name, server),
        )))
        .with_secrets(Arc::new(Vault))
        .with_policy(Arc::new(Users))
        .with_approver(Arc::new(Operator))
        .with_runtime(Arc::new(MemoryRuntime::new().with_server("greeter", Arc::new(greeter::Greeter))))
        .build()
        .await?;

    for (who, tool) in [
        ("ada", "greet"),
        ("ada", "measure_secret"),
        ("bob", "measure_secret"),
        ("guest", "greet"),
        ("guest", "measure_secret"),
    ] {
        let ctx = CallContext::new(Principal::new(who));
        match gateway.call_tool(&ctx, tool, &serde_json::json!({"who": who})).await {
            Ok(answer) => println!("{who} calls {tool}: {}", answer.get()),
            Err(error) => println!("{who} calls {tool}: {error}"),
        }
    }
    gateway.shutdown().await;
    Ok(())
}
