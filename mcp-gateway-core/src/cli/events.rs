//! What happens in a gateway, written down line by line while it happens.

use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;
use tokio::task::JoinHandle;

use super::report;
use crate::error::{Error, ErrorKind, Result};
use crate::gateway::{Gateway as _, GatewayEvent, McpGateway};
use crate::model::ProfileName;
use crate::util::{clock, fs};

/// How long the last events may take to be written.
const LAST_WRITES: Duration = Duration::from_secs(5);

/// The flag that asks for it.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct EventArgs {
    /// Append what happens to this file as it happens, one JSON object on each line
    #[arg(long, value_name = "FILE")]
    events: Option<PathBuf>,
}

#[derive(Serialize)]
struct Line<'a> {
    time: String,
    profile: &'a ProfileName,
    #[serde(flatten)]
    event: &'a GatewayEvent,
}

impl EventArgs {
    /// Begins to write what happens in a gateway; the task ends when the gateway has shut down and all is written.
    ///
    /// # Errors
    /// `Io`, naming the file, when it cannot be written.
    pub(crate) fn follow(&self, gateway: &McpGateway) -> Result<Option<JoinHandle<()>>> {
        let Some(path) = self.events.clone() else { return Ok(None) };
        let mut file = fs::AppendFile::open(&path)?;
        let (mut events, profile) = (gateway.events(), gateway.profile().clone());
        Ok(Some(tokio::spawn(async move {
            while let Some(event) = events.next().await {
                let line = Line { time: clock::rfc3339(clock::now_millis()), profile: &profile, event: &event };
                let written = serde_json::to_vec(&line)
                    .map_err(|cause| Error::new(ErrorKind::Internal, "event has no JSON form").with_source(cause))
                    .and_then(|line| file.append_line(&line));
                if let Err(error) = written {
                    // The gateway goes on: its audit trail is what must be whole.
                    report::warning(format_args!("events are not written any more: {}", error.report()));
                    return;
                }
            }
        })))
    }
}

/// Waits until all is written that happened, within a bound.
pub(crate) async fn finish(tasks: impl IntoIterator<Item = JoinHandle<()>>) {
    let all = futures_util::future::join_all(tasks);
    if tokio::time::timeout(LAST_WRITES, all).await.is_err() {
        report::warning("the last events could not be written in time");
    }
}
