//! Questions to a program elsewhere, over HTTP and signed both ways.
#![doc = include_str!("docs.md")]

mod config;
mod sign;
#[cfg(test)]
mod tests;

use async_trait::async_trait;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;
use url::Url;

use super::{Answer, Approver, Question};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{CallContext, SecretValue};
use crate::util::http::{AddressRule, HttpClient, HttpMethod, HttpRequest};
use crate::util::{clock, random};
use sign::Signer;

pub use config::WebhookConfig;

/// The longest answer, in bytes.
const MAX_ANSWER: usize = 64 * 1024;

/// An approver that asks by a signed POST and believes a signed answer to exactly that.
///
/// # Behavior
/// - Whatever is not a yes with a valid signature, the nonce of the question and in time is a no.
/// - Redirects are not followed; private addresses are refused unless they are allowed.
#[derive(Debug)]
pub struct WebhookApprover {
    config: WebhookConfig,
    url: Url,
    client: HttpClient,
    signer: Signer,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reply {
    r#type: String,
    data: Said,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    nonce: String,
    granted: bool,
    by: String,
    #[serde(default)]
    reason: String,
}

impl WebhookApprover {
    /// Asks at this address, with this secret in the form of Standard Webhooks: `whsec_` and 24 to 64 bytes as Base64.
    ///
    /// # Errors
    /// `InvalidConfig` for an address or a secret that is none, `Denied` for an address that must not be reached.
    pub fn new(config: WebhookConfig, secret: &SecretValue) -> Result<Self> {
        let url = Url::parse(&config.url).map_err(|cause| {
            Error::new(ErrorKind::InvalidConfig, "the webhook of approvals has no address").with_source(cause)
        })?;
        let rule = if config.allow_private { AddressRule::Any } else { AddressRule::PublicHttpsOnly };
        rule.check_url(&url)?;
        Ok(Self { signer: Signer::new(secret)?, client: HttpClient::new(rule)?, url, config })
    }

    async fn ask(&self, question: &Question) -> Result<Answer> {
        let (id, nonce) = (format!("msg_{}", random::hex(16)?), random::hex(32)?);
        let now = clock::now_millis();
        let body = json!({
            "type": "approval.asked",
            "timestamp": clock::rfc3339(now),
            "data": {"nonce": nonce, "question": question.to_json()?, "text": question.to_text()?},
        })
        .to_string();
        let mut request = HttpRequest::new(HttpMethod::Post, &self.url);
        let timestamp = (now / 1000).to_string();
        let signature = self.signer.sign(&id, &timestamp, body.as_bytes());
        for (name, value) in [
            ("content-type", "application/json"),
            ("webhook-id", &id),
            ("webhook-timestamp", &timestamp),
            ("webhook-signature", &signature),
        ] {
            request.open.set(name, value)?;
        }
        request.body = Some(Bytes::from(body));
        request.follow = false;
        let mut response = self.client.send(request).await?;
        let wrong = |why: &'static str| {
            Error::new(ErrorKind::Denied, why).with_operation("WebhookApprover::approve").with_context("message", &id)
        };
        if response.status() != 200 {
            return Err(wrong("the webhook did not answer with status 200").with_context("status", response.status()));
        }
        let header = |name: &'static str| response.header(name).unwrap_or_default().to_owned();
        let (answer_id, answered, signature) =
            (header("webhook-id"), header("webhook-timestamp"), header("webhook-signature"));
        let body = response.body(MAX_ANSWER).await?;
        if answer_id != id || !self.signer.verifies(&id, &answered, &body, &signature, clock::now_millis() / 1000) {
            return Err(wrong("the webhook's answer is not signed as an answer to this question, and now"));
        }
        let reply: Reply = serde_json::from_slice(&body)
            .map_err(|cause| wrong("the webhook's answer is not what it should be").with_source(cause))?;
        // The nonce ties it to the question, the type keeps the question itself from being played back.
        if reply.r#type != "approval.answered" || reply.data.nonce != nonce {
            return Err(wrong("the webhook's answer is to another question"));
        }
        Ok(Answer::new(reply.data.granted, reply.data.by, reply.data.reason))
    }
}

#[async_trait]
impl Approver for WebhookApprover {
    async fn approve(&self, ctx: &CallContext, question: &Question) -> Result<Answer> {
        ctx.bounded(self.config.timeout, self.ask(question)).await
    }
}
