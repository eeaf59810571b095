//! The command line: one file for each verb, over the public API of the other rooms.
//!
//! `docs/cli.md` describes it for its users. No rule of the gateway lives here: `assemble` turns flags into what
//! `gateway::home` opens, `exit` knows the exit codes, and every verb is a few calls.

mod approvals;
mod args;
mod arguments;
mod assemble;
mod audit;
mod catalog;
mod client;
mod clients;
mod completion;
mod content;
mod events;
mod exit;
mod gateway;
mod issuers;
mod logging;
mod oauth;
mod output;
mod plugin;
mod policy;
mod profile;
mod progress;
mod prompt;
mod prune;
mod ps;
mod report;
mod scope;
mod secret;
mod server;
mod signals;
mod stats;
mod surface;
mod toolkit;
mod tools;
mod user;
mod version;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _};

use self::args::{BinaryVerb, Cli, HomeVerb, Verb};
use self::exit::Exit;
use self::output::Output;
use self::plugin::Invocation;
use crate::error::{Error, ErrorKind, Result};
use crate::gateway::home::{DockerOptions, Home};

/// The threads that carry out requests; a gateway waits much more than it computes.
const WORKERS: usize = 2;

/// What every verb finds around it.
#[derive(Clone, Debug)]
pub(crate) struct Env {
    home: Home,
    docker: DockerOptions,
    /// The program in another language that is this command.
    script: Option<PathBuf>,
}

/// Carries out the command line of this process and gives its exit code.
pub fn main() -> ExitCode {
    ended(carry_out(std::env::args_os().collect(), None)).into()
}

/// Carries out a command line for a program in another language that is this command, and gives its exit code.
///
/// The first argument is the path of that program: `toolkit install` makes Docker run it. Signals, standard input and
/// standard output are this process's; call it where nothing else needs them.
pub fn run(arguments: Vec<OsString>) -> u8 {
    let script = arguments.first().map(PathBuf::from);
    ended(carry_out(arguments, script)).code()
}

fn ended(done: Result<Exit>) -> Exit {
    done.unwrap_or_else(|error| {
        report::error(&error);
        Exit::of(error.kind())
    })
}

fn carry_out(arguments: Vec<OsString>, script: Option<PathBuf>) -> Result<Exit> {
    let (arguments, typed_as, docker) = match Invocation::read(arguments) {
        Invocation::Metadata => return Output::text().json(&plugin::metadata()).map(|()| Exit::OK),
        Invocation::Command { arguments, typed_as, docker } => (arguments, typed_as, docker),
    };
    let matches = Cli::command().bin_name(typed_as).try_get_matches_from(arguments);
    let cli = match matches.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => {
            // The help that was asked for is no failure; a reader that has gone away is none either.
            let _ = error.print();
            return Ok(if error.use_stderr() { Exit::of(ErrorKind::InvalidInput) } else { Exit::OK });
        }
    };
    cli.log.start();
    let verb = match cli.verb {
        Verb::OfHome(verb) => verb,
        Verb::OfBinary(verb) => return of_binary(verb, &docker, script).map(|()| Exit::OK),
    };
    let env = Env { home: Home::locate()?, docker, script };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(WORKERS).enable_all().build();
    let runtime = runtime.map_err(|cause| {
        Error::new(ErrorKind::Internal, "cannot start the threads of the gateway").with_source(cause)
    })?;
    let done = runtime.block_on(of_home(verb, &env));
    // What still runs, such as a read of standard input, must not keep the process.
    runtime.shutdown_background();
    done
}

fn of_binary(verb: BinaryVerb, docker: &DockerOptions, script: Option<PathBuf>) -> Result<()> {
    match verb {
        BinaryVerb::Completion(args) => args.run(),
        BinaryVerb::Version(args) => args.run(),
        BinaryVerb::Toolkit(verb) => verb.run(docker, script),
    }
}

async fn of_home(verb: HomeVerb, env: &Env) -> Result<Exit> {
    match verb {
        HomeVerb::Catalog(verb) => verb.run(env).await?,
        HomeVerb::Profile(verb) => verb.run(env).await?,
        HomeVerb::Secret(verb) => verb.run(env).await?,
        HomeVerb::Oauth(verb) => verb.run(env).await?,
        HomeVerb::Server(verb) => return verb.run(env).await,
        HomeVerb::Gateway(verb) => verb.run(env).await?,
        HomeVerb::Tools(verb) => return verb.run(env).await,
        HomeVerb::Ps(args) => args.run(env).await?,
        HomeVerb::Stats(args) => args.run(env).await?,
        HomeVerb::Prune(args) => args.run(env).await?,
        HomeVerb::Audit(verb) => verb.run(env).await?,
        HomeVerb::Approvals(verb) => verb.run(env).await?,
        HomeVerb::Policy(verb) => return verb.run(env).await,
        HomeVerb::Client(verb) => verb.run(env).await?,
        HomeVerb::Scope(verb) => return verb.run(env).await,
    }
    Ok(Exit::OK)
}
