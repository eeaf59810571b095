//! The operators' queue of a home.

use std::path::PathBuf;

use super::Home;
use crate::approval::ApprovalQueue;
use crate::error::Result;
use crate::runtime::GatewayInstance;

impl Home {
    /// Where confirmations wait, with the key that answers are made with: for operators, and for nobody else.
    fn approvals_folder(&self) -> PathBuf {
        self.root.join("approvals")
    }

    /// The queue of every gateway of this home, to be answered; what gateways asked that have ended is removed.
    ///
    /// # Errors
    /// As [`ApprovalQueue::open`] and [`ApprovalQueue::sweep`].
    pub async fn approvals(&self) -> Result<ApprovalQueue> {
        self.swept("").await
    }

    /// The queue, for a gateway that asks.
    pub(super) async fn approvals_of(&self, instance: &GatewayInstance) -> Result<ApprovalQueue> {
        // One that is registered elsewhere could not be found alive here.
        self.swept(if instance.folder() == self.run() { instance.id() } else { "" }).await
    }

    async fn swept(&self, gateway: &str) -> Result<ApprovalQueue> {
        let queue = ApprovalQueue::open(self.approvals_folder(), gateway)?;
        let run = self.run();
        queue.sweep(move |asker| asker.is_empty() || GatewayInstance::is_alive(&run, asker)).await?;
        Ok(queue)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::approval::Question;
    use crate::model::{Decision, Effect, ServerName};
    use crate::protocol::Target;

    #[tokio::test]
    async fn what_a_gateway_asked_ends_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path()).unwrap();
        let instance = GatewayInstance::register(&home.run()).unwrap();
        let queue = home.approvals_of(&instance).await.unwrap();
        let target = Target::new(ServerName::new("s").unwrap(), "send");
        let question = Question::new(target, None, Decision::new(Effect::HardConfirm, "s.*", ""));
        let ticket = queue.ask(&question, Duration::from_secs(60)).await.unwrap();
        assert_eq!(home.approvals().await.unwrap().pending().await.unwrap().len(), 1);
        drop(instance);
        assert!(home.approvals().await.unwrap().pending().await.unwrap().is_empty());
        assert!(queue.show(ticket.id()).await.is_err());
    }
}
