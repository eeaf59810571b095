//! Logs: on standard error, never with payloads.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{Directive, LevelFilter};

use super::report;
use crate::util::env_vars;

/// The variable that chooses what is logged, as `RUST_LOG` would.
const LOG_VARIABLE: &str = "MCP_GATEWAY_LOG";

/// Crates whose finer levels hold payloads; they stay at warnings whatever is asked for.
const QUIET: [&str; 9] =
    ["bollard", "h2", "hyper", "hyper_util", "reqwest", "rmcp", "rustls", "tokio_util", "tungstenite"];

/// The flags that choose how much is logged.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct LogArgs {
    /// Log what happens, on standard error
    #[arg(long, short, global = true)]
    verbose: bool,
    /// Log everything that helps to find a fault, on standard error
    #[arg(long, global = true)]
    debug: bool,
}

impl LogArgs {
    /// Starts logging.
    pub(crate) fn start(self) {
        let level = match (self.debug, self.verbose) {
            (true, _) => LevelFilter::DEBUG,
            (false, true) => LevelFilter::INFO,
            (false, false) => LevelFilter::WARN,
        };
        let wanted = env_vars::get(LOG_VARIABLE).unwrap_or_default();
        let mut filter = EnvFilter::builder().with_default_directive(level.into()).parse_lossy(wanted);
        for name in QUIET {
            if let Ok(directive) = format!("{name}=warn").parse::<Directive>() {
                filter = filter.add_directive(directive);
            }
        }
        let started = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(std::io::stderr)
            .with_ansi(report::is_colourful())
            .with_target(self.debug)
            .try_init();
        if started.is_err() {
            report::warning("logging was started before");
        }
    }
}
