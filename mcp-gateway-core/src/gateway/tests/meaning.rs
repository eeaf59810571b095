//! Finding servers by meaning, beside words.

use std::sync::{Arc, Mutex};

use serde_json::json;

use super::{Bench, Scripted, name, until};
use crate::catalog::{Embedder, SearchQuery};
use crate::error::{Error, ErrorKind, Result};
use crate::gateway::{Gateway as _, GatewayExt as _, McpGateway};
use crate::model::{CallContext, ServerEntry};

/// Knows that umbrellas have to do with rain, once it is let go; every text is one of three things.
#[derive(Debug, Default)]
struct Gated {
    gate: Mutex<()>,
    is_broken: bool,
}

impl Embedder for Gated {
    fn model(&self) -> &'static str {
        "gated"
    }

    fn dimension(&self) -> usize {
        2
    }

    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>> {
        let _open = self.gate.lock().unwrap();
        if self.is_broken {
            return Err(Error::new(ErrorKind::Io, "the model is gone"));
        }
        let one = |text: &&str| match () {
            () if text.contains("rain") || text.contains("umbrella") => vec![1.0, 0.0],
            () if text.contains("money") => vec![0.0, 1.0],
            () => vec![0.0, 0.0],
        };
        Ok(texts.iter().map(one).collect())
    }
}

fn bench() -> Bench {
    let mut bench = Bench::new().with("own", &Scripted::new(&["look"]));
    bench.spec.dynamic = serde_json::from_str(r#"{"enabled": true}"#).unwrap();
    for (server, text) in [("sky", "Tells where rain falls"), ("till", "Takes money")] {
        let mut entry = ServerEntry::image(name(server), "none");
        entry.description = Some(text.to_owned());
        bench.catalog = bench.catalog.with_entry(entry);
    }
    bench
}

async fn found(gateway: &McpGateway, query: &str) -> Vec<String> {
    let found = gateway.find(&SearchQuery::new(query)).await.unwrap();
    found.matches.into_iter().map(|found| found.entry.name.to_string()).collect()
}

#[tokio::test]
async fn words_answer_until_the_vectors_are_there() {
    let model = Arc::new(Gated::default());
    let embedder: Arc<dyn Embedder> = Arc::<Gated>::clone(&model);
    let built = bench().build_with(|builder| builder.with_embedder(embedder)).await;
    {
        // A thread holds the model up, so that no guard is held across an await.
        let (held, go) = (Arc::clone(&model), Arc::new(std::sync::Barrier::new(2)));
        let (release, wait) = std::sync::mpsc::channel::<()>();
        let begun = Arc::clone(&go);
        let holder = std::thread::spawn(move || {
            let _closed = held.gate.lock().unwrap();
            begun.wait();
            let _ = wait.recv();
        });
        go.wait();
        for _ in 0..3 {
            assert_eq!(found(&built.gateway, "rain").await, ["sky"], "words need no model");
            assert!(found(&built.gateway, "do I need an umbrella").await.is_empty());
        }
        drop(release);
        holder.join().unwrap();
    }
    until("the vectors are there", async || found(&built.gateway, "do I need an umbrella").await == ["sky"]).await;
    assert!(found(&built.gateway, "qzxv").await.is_empty());
    let call = json!({"query": "take an umbrella"});
    // By then the tools of `own` have been seen, whose vectors are new.
    until("an agent finds it too", async || {
        let told = built.gateway.call_tool(&CallContext::local(), "mcp-find", &call).await;
        told.unwrap().get().contains("sky")
    })
    .await;
    built.gateway.shutdown().await;
}

#[tokio::test]
async fn a_model_that_fails_leaves_the_words() {
    let model = Gated { is_broken: true, ..Gated::default() };
    let built = bench().build_with(|builder| builder.with_embedder(Arc::new(model))).await;
    for _ in 0..5 {
        assert_eq!(found(&built.gateway, "rain").await, ["sky"]);
        assert!(found(&built.gateway, "umbrella").await.is_empty());
    }
    built.gateway.shutdown().await;
}
