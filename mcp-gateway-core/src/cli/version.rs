//! `version`: what this is.

use serde::Serialize;

use super::output::FormatArgs;
use crate::error::Result;

/// How it is shown.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    format: FormatArgs,
}

#[derive(Serialize)]
struct Version {
    version: &'static str,
}

impl Args {
    pub(crate) fn run(self) -> Result<()> {
        let mut out = self.format.open();
        if out.is_json() {
            return out.json(&Version { version: crate::VERSION });
        }
        out.line(&format!("mcp-gateway {}", crate::VERSION))
    }
}
