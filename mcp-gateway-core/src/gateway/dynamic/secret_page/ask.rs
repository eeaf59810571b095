//! Sending the person at the client to a page, and waiting for what they type.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::SecretPages;
use super::form::Form;
use crate::approval::visible_line;
use crate::audit::{AuditEvent, Outcome};
use crate::error::{ErrorKind, Result};
use crate::gateway::dynamic::answer::one_line;
use crate::gateway::dynamic::arguments::Wanted;
use crate::gateway::dynamic::progress;
use crate::gateway::events::GatewayEvent;
use crate::gateway::hub::{ASKING, Hub, Slot};
use crate::gateway::unrecorded::Unrecorded;
use crate::model::{CallContext, ServerName};
use crate::protocol::{ClientLink, GATEWAY, RawJson, Request, ServerChange};
use crate::util::random;

/// How often a client that wants progress hears that there is something to wait for.
const TICK: Duration = Duration::from_secs(15);

impl Hub {
    /// Whether a call adds a server that is there already and lacks secrets, which its client can have typed.
    pub(crate) async fn lacks_secrets(&self, ctx: &CallContext, request: &Request) -> bool {
        let Some(slot) = self.present_for(ctx, request) else { return false };
        self.form_for(ctx, request, &slot).await.is_some()
    }

    /// Asks for the secrets that such a server lacks. The answer to the call says what is missing still.
    pub(crate) async fn complete_secrets(&self, ctx: &CallContext, request: &Request) {
        let Some(slot) = self.present_for(ctx, request) else { return };
        // Whoever has given up is told so by what comes next.
        let _ = progress::told(self, request, &slot, self.ask_for_secrets(ctx, request, &slot)).await;
    }

    /// Sends the person at the client to a page on which they type what a server lacks, where profile, client and store
    /// let them, and waits. What comes of it shows when the server starts.
    ///
    /// # Errors
    /// `Cancelled` and `Timeout` of the call.
    pub(in crate::gateway::dynamic) async fn ask_for_secrets(
        &self,
        ctx: &CallContext,
        request: &Request,
        slot: &Slot,
    ) -> Result<()> {
        let Some((pages, link, form)) = self.form_for(ctx, request, slot).await else { return Ok(()) };
        let names: Vec<_> = form.secrets.iter().map(|secret| visible_line(&secret.name)).collect();
        let (opened, url) = match pages.open(form).await {
            Ok(opened) => opened,
            Err(error) => {
                tracing::warn!(server = %slot.name, error = %error.report(), "nobody could be asked for secrets");
                return Ok(());
            }
        };
        let id = random::hex(16)?;
        let question = RawJson::from_value(&json!({
            "mode": "url",
            "elicitationId": id,
            "url": url,
            "message": format!(
                "MCP Gateway: server `{}` cannot start without {}. Open this page of your machine and type what it asks \
                    for: neither the agent nor this client sees it.",
                slot.name,
                one_line(&names.join(", "))
            ),
            "_meta": {ASKING: GATEWAY},
        }))?;
        let waiting = async {
            tokio::select! {
                is_stored = self.until_stored(ctx, link, opened, question) => Ok(is_stored),
                () = self.tell_waiting(slot) => Ok(false),
                () = self.closing().cancelled_owned() => Ok(false),
            }
        };
        let is_stored = match ctx.bounded(pages.life, waiting).await {
            Ok(is_stored) => is_stored,
            Err(error) if error.kind() == ErrorKind::Cancelled || ctx.has_given_up() => return Err(error),
            Err(_) => false,
        };
        // The stateless era hears of the end by the result.
        if is_stored && !request.takes_rounds {
            let done = RawJson::from_value(&json!({"elicitationId": id}))?;
            // A client that does not keep up loses notifications, never answers.
            let _ = link.notify("notifications/elicitation/complete", Some(done)).await;
        }
        Ok(())
    }

    /// Whether everything was typed; the page is closed when this is done or dropped.
    async fn until_stored(
        &self,
        ctx: &CallContext,
        link: &Arc<dyn ClientLink>,
        mut opened: super::Opened,
        question: RawJson,
    ) -> bool {
        tokio::select! {
            biased;
            // Clients may answer once the page was left, or before.
            stored = &mut opened.stored => return stored.is_ok(),
            agreed = self.send_to_page(ctx, link, question) => if !agreed {
                return false;
            },
        }
        (&mut opened.stored).await.is_ok()
    }

    /// Whether the person at the client agrees to open a page; recorded as every question is, without its address.
    async fn send_to_page(&self, ctx: &CallContext, link: &Arc<dyn ClientLink>, question: RawJson) -> bool {
        let profile = self.profile.name().clone();
        let mut event = AuditEvent::new(profile, &*ctx.principal.name, "elicitation/create");
        event.server = ServerName::new(GATEWAY).ok();
        event.session.clone_from(&ctx.session);
        let mut unrecorded = Unrecorded::new(&self.audit, event);
        let answer = link.confirm(question).await;
        let Some(mut event) = unrecorded.take() else { return false };
        let answer = match answer {
            Ok(Ok(answer)) => answer.read::<Value>().unwrap_or_default(),
            Ok(Err(error)) => {
                event.outcome = Outcome::Failed;
                event.error = Some(format!("{}: {}", error.code, error.message));
                Value::Null
            }
            Err(error) => {
                event.outcome = Outcome::Failed;
                event.error = Some(error.to_string());
                Value::Null
            }
        };
        if let Err(error) = self.audit.append(event).await {
            tracing::error!(error = %error.report(), "a question could not be recorded");
            return false;
        }
        answer["action"] == "accept"
    }

    /// Tells again and again that something is waited for; a client may give up a call of which it hears nothing.
    async fn tell_waiting(&self, slot: &Slot) {
        let mut ticks = tokio::time::interval(TICK);
        loop {
            ticks.tick().await;
            let (server, status) = (slot.name.clone(), "waiting for its secrets to be typed".to_owned());
            self.bus.tell(|| GatewayEvent::Preparing { server, status, done: 0, total: 0 });
        }
    }

    /// What a server lacks, where whoever calls can have it typed.
    async fn form_for<'a>(
        &'a self,
        ctx: &CallContext,
        request: &'a Request,
        slot: &Slot,
    ) -> Option<(&'a Arc<SecretPages>, &'a Arc<dyn ClientLink>, Form)> {
        let (pages, link, body) = (self.secret_pages.as_ref()?, request.link.as_ref()?, slot.body.as_ref().ok()?);
        let client = self.capabilities_of(ctx.session.as_ref());
        let can_be_sent = request.is_local && client.can_answer("elicitation/create", &json!({"mode": "url"}));
        if !can_be_sent || !pages.secrets.is_writable() {
            return None;
        }
        match Form::of(pages.secrets.as_ref(), &pages.profile, ctx, body).await {
            Ok(form) => (!form.secrets.is_empty()).then_some((pages, link, form)),
            Err(error) => {
                // The start of the server says so, too.
                tracing::debug!(server = %slot.name, error = %error.report(), "what a server lacks is not known");
                None
            }
        }
    }

    fn present_for(&self, ctx: &CallContext, request: &Request) -> Option<Arc<Slot>> {
        self.secret_pages.as_ref()?;
        if request.change() != Some(ServerChange::Add) {
            return None;
        }
        let wanted = Wanted::read(ServerChange::Add, request.arguments()?).ok()?;
        if wanted.profile.as_ref().is_some_and(|profile| profile != self.profile.name()) {
            return None;
        }
        self.present(ctx, &wanted).ok()?
    }
}
