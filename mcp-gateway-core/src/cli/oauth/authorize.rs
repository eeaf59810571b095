//! `oauth authorize`.

use std::io::{BufRead as _, Read as _};
use std::time::Duration;

use url::Url;

use super::browser;
use super::listen::Listener;
use crate::cli::args::{CatalogArgs, ProfileArgs, SecretArgs};
use crate::cli::output::Output;
use crate::cli::{Env, assemble, report};
use crate::error::{Error, ErrorKind, Result};
use crate::gateway::{McpGateway, OAuthRequest};
use crate::model::{SecretValue, ServerName};

/// How long a person may take; the gateway itself waits longer.
const PATIENCE: Duration = Duration::from_secs(5 * 60);
/// The longest address that is pasted.
const MAX_PASTED: u64 = 32 * 1024;
/// Where a browser is sent back to on this machine.
const PATH: &str = "/callback";

/// How a server is authorized.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The server
    server: ServerName,
    #[command(flatten)]
    profile: ProfileArgs,
    /// Print the address and open no browser
    #[arg(long)]
    no_browser: bool,
    /// Read the address that the browser ends at, or the code in it, from standard input; for a browser elsewhere
    #[arg(long)]
    paste: bool,
    /// Let the browser come back to this port of 127.0.0.1 [default: the one of the last time, or any]
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
    /// Ask for this scope, instead of those that the profile or the server names; may be repeated
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    #[command(flatten)]
    catalog: CatalogArgs,
    #[command(flatten)]
    secrets: SecretArgs,
}

impl Args {
    pub(crate) async fn run(self, env: &Env) -> Result<()> {
        let gateway = assemble::idle(env, &self.profile.profile, &self.catalog, &self.secrets, None).await?;
        let done = self.authorize(&gateway).await;
        assemble::close(&gateway).await;
        done
    }

    async fn authorize(&self, gateway: &McpGateway) -> Result<()> {
        let known = gateway.oauth_redirect_uri(&self.server).await?.and_then(|uri| Url::parse(&uri).ok());
        let listener = if self.paste { None } else { Some(self.listen(known.as_ref()).await?) };
        let mut request = OAuthRequest::new().with_scopes(self.scopes.clone());
        request.redirect_uri = match (&listener, self.port) {
            (Some(listener), _) => Some(listener.uri().to_owned()),
            (None, Some(port)) => Some(format!("http://127.0.0.1:{port}{PATH}")),
            (None, None) => None,
        };
        let begun = gateway.oauth_begin(&self.server, request).await?;
        let asked = if begun.scopes.is_empty() { "no scopes".to_owned() } else { begun.scopes.join(" ") };
        report::note(format_args!("{} asks you to let the gateway use `{}` ({asked})", begun.issuer, self.server));
        report::note("open this address in a browser:");
        Output::text().line(&begun.url)?;
        let status = match listener {
            Some(listener) => {
                if !self.no_browser && !browser::open(&begun.url) {
                    report::note("no browser could be opened here");
                }
                let (answer, page) = within(listener.answer(&begun.state)).await?;
                let done = gateway.oauth_finish(&self.server, &answer, true).await;
                page.show(done.is_ok()).await;
                done?
            }
            None => {
                report::note("paste the address that the browser ends at, or the code in it:");
                gateway.oauth_finish(&self.server, &within(pasted()).await?, true).await?
            }
        };
        match status.expires {
            Some(expires) => {
                report::note(format_args!("`{}` is authorized; the token lasts until {expires}", self.server));
            }
            None => report::note(format_args!("`{}` is authorized", self.server)),
        }
        Ok(())
    }

    /// Listens where the browser is to come back to: at the port that is asked for, at the one that the client has
    /// registered, or at any.
    async fn listen(&self, known: Option<&Url>) -> Result<Listener> {
        let Some(known) = known else { return Listener::bind(self.port.unwrap_or(0), "127.0.0.1", PATH).await };
        let name = known.host_str().unwrap_or_default();
        if known.scheme() != "http" || !matches!(name, "127.0.0.1" | "localhost") {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "the browser is sent back to an address that is not on this machine",
            )
            .with_context("redirect", known)
            .with_hint("use `--paste`"));
        }
        match (self.port, known.port()) {
            (None, Some(port)) => match Listener::bind(port, name, known.path()).await {
                Ok(listener) => Ok(listener),
                // Taken; the client registers another one.
                Err(_) => Listener::bind(0, name, known.path()).await,
            },
            (port, _) => Listener::bind(port.unwrap_or(0), name, known.path()).await,
        }
    }
}

/// One line of standard input.
async fn pasted() -> Result<SecretValue> {
    let read = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        std::io::stdin().lock().take(MAX_PASTED).read_line(&mut line).map(|_| line)
    });
    let line = read.await.map_err(|cause| Error::new(ErrorKind::Internal, "reading broke off").with_source(cause))?;
    let line = line.map_err(|cause| Error::new(ErrorKind::Io, "cannot read standard input").with_source(cause))?;
    if line.trim().is_empty() {
        return Err(Error::new(ErrorKind::InvalidInput, "nothing was pasted"));
    }
    Ok(SecretValue::new(line.trim()))
}

async fn within<T>(waiting: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| {
        Err(Error::new(ErrorKind::Timeout, "nobody came back from the browser within five minutes")
            .with_hint("run the command again; with a browser on another machine, use `--paste`"))
    })
}
