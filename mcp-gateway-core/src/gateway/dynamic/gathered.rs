//! What several calls tell the client that waits for all of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;

use crate::error::Result;
use crate::model::ServerName;
use crate::protocol::{ClientLink, RawJson, RawObject, RpcError};

/// The way to a client from one of several calls under one token: progress only grows, and says whose it is.
#[derive(Debug)]
pub(super) struct Gathered {
    link: Arc<dyn ClientLink>,
    server: ServerName,
    /// How often anything was told, by all of them.
    step: Arc<AtomicU64>,
}

impl Gathered {
    /// The way of the call about one server.
    pub(super) fn link(link: &Arc<dyn ClientLink>, server: &ServerName, step: &Arc<AtomicU64>) -> Arc<dyn ClientLink> {
        Arc::new(Self { link: Arc::clone(link), server: server.clone(), step: Arc::clone(step) })
    }

    fn told(&self, mut params: RawObject) -> Result<RawJson> {
        let message = params.text("message").unwrap_or_default();
        params.set("progress", RawJson::from_value(&self.step.fetch_add(1, Ordering::Relaxed))?);
        // How much one has before it says nothing about all of them.
        params.remove("total");
        params.set_text("message", &format!("{}: {message}", self.server));
        Ok(params.to_raw())
    }
}

#[async_trait]
impl ClientLink for Gathered {
    async fn notify(&self, method: &str, params: Option<RawJson>) -> Result<()> {
        let params = match params.as_ref().filter(|_| method == "notifications/progress") {
            Some(progress) => Some(self.told(progress.object()?)?),
            None => params,
        };
        self.link.notify(method, params).await
    }

    async fn request(&self, method: &str, params: Option<RawJson>) -> Result<std::result::Result<RawJson, RpcError>> {
        self.link.request(method, params).await
    }

    async fn confirm(&self, params: RawJson) -> Result<std::result::Result<RawJson, RpcError>> {
        self.link.confirm(params).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use serde_json::{Value, json};

    use super::*;

    #[derive(Debug, Default)]
    struct Heard(Mutex<Vec<(String, Value)>>);

    #[async_trait]
    impl ClientLink for Heard {
        async fn notify(&self, method: &str, params: Option<RawJson>) -> Result<()> {
            self.0.lock().unwrap().push((method.to_owned(), params.unwrap().read().unwrap()));
            Ok(())
        }

        async fn request(&self, method: &str, _: Option<RawJson>) -> Result<std::result::Result<RawJson, RpcError>> {
            Ok(Err(RpcError::method_not_found(method)))
        }
    }

    #[tokio::test]
    async fn progress_of_several_only_grows_and_says_whose_it_is() {
        let (heard, step) = (Arc::new(Heard::default()), Arc::new(AtomicU64::new(1)));
        let link = Arc::clone(&heard) as Arc<dyn ClientLink>;
        let [one, two] = ["one", "two"].map(|server| Gathered::link(&link, &server.parse().unwrap(), &step));
        for (link, progress) in [(&one, 1), (&two, 1), (&one, 2)] {
            let told = json!({"progressToken": "p", "progress": progress, "total": 2, "message": "pulling"});
            link.notify("notifications/progress", Some(RawJson::from_value(&told).unwrap())).await.unwrap();
        }
        let other = RawJson::from_value(&json!({"level": "info", "data": "x"})).unwrap();
        two.notify("notifications/message", Some(other)).await.unwrap();
        let heard = heard.0.lock().unwrap().clone();
        let progress = |at: usize, message: &str| {
            let told = json!({"progressToken": "p", "progress": at, "message": message});
            ("notifications/progress".to_owned(), told)
        };
        assert_eq!(heard[..3], [progress(1, "one: pulling"), progress(2, "two: pulling"), progress(3, "one: pulling")]);
        assert_eq!(heard[3], ("notifications/message".to_owned(), json!({"level": "info", "data": "x"})));
    }
}
