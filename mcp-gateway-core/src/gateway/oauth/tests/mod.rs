//! The gateway as a client of real authorization servers that check what they are sent.

mod calls;
mod discovery;
mod flow;
#[path = "../../../../tests/servers/oauth.rs"]
mod server;

use std::sync::Arc;

use serde_json::{Value, json};

use super::{OAuthBegun, OAuthRequest, OAuthState, OAuthStatus};
use crate::audit::{AuditQuery, MemoryAudit};
use crate::catalog::MemoryCatalog;
use crate::error::{Error, ErrorKind, Result};
use crate::gateway::{Gateway as _, GatewayBuilder, GatewayExt as _, McpGateway};
use crate::model::{
    CallContext, Effect, OAuthEntry, ProfileName, RemoteEntry, RemoteTransport, SecretValue, ServerEntry, ServerKind,
    ServerName,
};
use crate::profile::{DynamicSpec, MemoryProfile, MemoryProfiles, OAuthSpec, PolicySpec, ProfileSpec, ServerSpec};
use crate::runtime::RemoteRuntime;
use crate::secrets::{MemoryBroker, SecretBroker, SecretKey};
use server::{Knobs, OAuthServers};

/// A gateway with one server, `far`, in profile `dev`.
struct Bench {
    url: String,
    transport: RemoteTransport,
    is_declared: bool,
    is_public: bool,
    /// Whether agents have to add it, by the settings of profile `team`.
    is_added: bool,
    oauth: Option<OAuthSpec>,
    secrets: Arc<dyn SecretBroker>,
}

fn far() -> ServerName {
    ServerName::new("far").unwrap()
}

fn tokens_key() -> SecretKey {
    SecretKey::parse("dev/far/oauth.credential").unwrap()
}

impl Bench {
    fn of(servers: &OAuthServers) -> Self {
        let secrets = Arc::new(MemoryBroker::new());
        let transport = RemoteTransport::StreamableHttp;
        Self {
            url: servers.url("/mcp"),
            transport,
            is_declared: true,
            is_public: false,
            is_added: false,
            oauth: None,
            secrets,
        }
    }

    fn with(mut self, oauth: Value) -> Self {
        self.oauth = Some(serde_json::from_value(oauth).unwrap());
        self
    }

    async fn build(&self) -> McpGateway {
        let mut entry = ServerEntry::new(far(), ServerKind::Remote);
        entry.remote = Some(RemoteEntry::new(&self.url, self.transport));
        entry.oauth = self.is_declared.then(OAuthEntry::default);
        let spec = ServerSpec { allow_private: !self.is_public, oauth: self.oauth.clone(), ..ServerSpec::default() };
        let mut profile = ProfileSpec::new(ProfileName::new("dev").unwrap())
            .with_policy(PolicySpec::new().with_default(Effect::Allow));
        let team = ProfileSpec::new(ProfileName::new("team").unwrap()).with_server(far(), spec.clone());
        if self.is_added {
            profile.dynamic = DynamicSpec::on().with_profiles(["team"]);
        } else {
            profile = profile.with_server(far(), spec);
        }
        GatewayBuilder::new()
            .with_catalog(Arc::new(MemoryCatalog::new("c").with_entry(entry)))
            .with_profile(Arc::new(MemoryProfile::new(profile)))
            .with_secrets(Arc::clone(&self.secrets))
            .with_audit(Arc::new(MemoryAudit::new()))
            .with_runtime(Arc::new(RemoteRuntime::new()))
            .with_profiles(Arc::new(MemoryProfiles::new().with_profile(team)))
            .build()
            .await
            .unwrap()
    }
}

async fn begin(gateway: &McpGateway) -> Result<OAuthBegun> {
    gateway.oauth_begin(&far(), OAuthRequest::new()).await
}

async fn finish(gateway: &McpGateway, answer: &str) -> Result<OAuthStatus> {
    gateway.oauth_finish(&far(), &SecretValue::new(answer), true).await
}

/// The whole of it, as a person who agrees.
async fn authorize(gateway: &McpGateway, servers: &OAuthServers) -> Result<OAuthStatus> {
    let begun = begin(gateway).await?;
    finish(gateway, &servers.approve(&begun.url)).await
}

/// Calls the tool that says with which token it was called.
async fn whoami(gateway: &McpGateway) -> Result<String> {
    let answer = gateway.call_tool(&CallContext::local(), "far.whoami", &json!({})).await?;
    let answer: Value = answer.read().unwrap();
    Ok(answer["content"][0]["text"].as_str().unwrap().to_owned())
}

/// That a person is told what to do, and no secret.
fn assert_needs_authorization(error: &Error) {
    assert_eq!(error.kind(), ErrorKind::Unauthorized, "{error:?}");
    let hint = "run `mcp-gateway oauth authorize far --profile dev`";
    assert!(error.hints().any(|shown| shown.starts_with(hint)), "{:?}", error.hints().collect::<Vec<_>>());
    let text = format!("{error} {error:?} {}", error.report());
    assert!(!["access-", "refresh-", "code-"].iter().any(|secret| text.contains(secret)), "{text}");
}
