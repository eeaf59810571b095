//! What a server says while its tool works: progress and logs, on standard error.

use std::io::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::task::JoinHandle;

use super::terminal::Turn;
use crate::cli::progress::StderrProgress;
use crate::cli::report::plain;
use crate::gateway::{GatewayEvent, McpGateway, ProgressListener};
use crate::runtime::PrepareProgress as _;

/// How long the last logs may take to be written.
const LAST: Duration = Duration::from_secs(1);

/// Shows progress, where that is in nobody's way.
pub(in crate::cli) fn progress(turn: Turn) -> ProgressListener {
    let shown = StderrProgress::new();
    Arc::new(move |params| {
        let Ok(params) = params.read::<Value>() else { return };
        let number = |key: &str| params[key].as_f64().unwrap_or_default();
        // Servers count in parts of one, too.
        let (done, total) = (number("progress") * 1_000.0, number("total") * 1_000.0);
        let message = params["message"].as_str().unwrap_or("working");
        turn.draw(|| shown.update(message, done as u64, total as u64));
    })
}

/// Shows the logs of a gateway's servers until it has ended.
#[derive(Debug)]
pub(in crate::cli) struct Logs(JoinHandle<()>);

impl Logs {
    pub(in crate::cli) fn of(gateway: &McpGateway) -> Self {
        let mut events = gateway.events();
        Self(tokio::spawn(async move {
            while let Some(event) = events.next().await {
                if let GatewayEvent::Log { params, .. } = &*event {
                    write(&params.read().unwrap_or_default());
                }
            }
        }))
    }

    /// Waits until everything is shown that was said before the gateway has ended.
    pub(in crate::cli) async fn end(mut self) {
        if tokio::time::timeout(LAST, &mut self.0).await.is_err() {
            self.0.abort();
        }
    }
}

fn write(params: &Value) {
    // Nobody is left to be told when standard error is gone.
    let _ = writeln!(io::stderr(), "{}", plain(&render(params)));
}

fn render(params: &Value) -> String {
    let text = match &params["data"] {
        Value::String(text) => text.clone(),
        data => data.to_string(),
    };
    let level = params["level"].as_str().unwrap_or("info");
    match params["logger"].as_str() {
        Some(logger) => format!("log {level}: {logger}: {text}"),
        None => format!("log {level}: {text}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_log_is_a_line() {
        assert_eq!(render(&json!({"level": "error", "logger": "db", "data": "gone"})), "log error: db: gone");
        assert_eq!(render(&json!({"level": "info", "data": {"a": 1}})), "log info: {\"a\":1}");
    }
}
