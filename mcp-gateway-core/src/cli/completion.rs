//! `completion`: what a shell needs to complete words.

use clap_complete::Shell;

use super::args::Cli;
use super::output::Output;
use crate::error::{Error, ErrorKind, Result};

/// Which shell.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Args {
    pub(crate) fn run(self) -> Result<()> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut <Cli as clap::CommandFactory>::command(), "mcp-gateway", &mut script);
        let script = String::from_utf8(script)
            .map_err(|cause| Error::new(ErrorKind::Internal, "cannot render the script").with_source(cause))?;
        Output::text().write(&script)
    }
}
