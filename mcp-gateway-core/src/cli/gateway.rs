//! `gateway`: serves clients.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Subcommand, ValueEnum};
use tokio_util::sync::CancellationToken;

use super::args::{DynamicArgs, EmbedderArgs, GatewayArgs, ProfileArgs, SelectionArgs, SettingArgs};
use super::events::EventArgs;
use super::issuers::OAuthArgs;
use super::{Env, assemble, events, report, signals};
use crate::error::{Error, ErrorKind, Result};
use crate::gateway::home::DEFAULT_PROFILE;
use crate::gateway::{GatewayHost, McpGateway};
use crate::model::{Principal, ProfileName, SecretValue};
use crate::transport::server::http::{
    BoundHttpServer, HttpServer, HttpServerBuilder, HttpServerConfig, TlsFiles, generate_token,
};
use crate::transport::server::{StreamConfig, serve_stdio};
use crate::util::fs;

/// Who a client over HTTP is, as records show it: whoever has the token.
const PRINCIPAL: &str = "token";

/// What is run.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Serve clients: on standard input and output, or over HTTP
    #[command(after_help = "Examples:
  mcp-gateway gateway run --profile dev-tools
  mcp-gateway gateway run --transport streaming --port 8811 --profile dev-tools --profile lab
  mcp-gateway gateway run --transport sse --port 8811
  mcp-gateway gateway run --transport streaming --oauth-issuer https://login.example --oauth-resource https://gw.example
  mcp-gateway gateway run --profile dev-tools --dynamic
  mcp-gateway gateway run --profile dev-tools --events events.jsonl
  mcp-gateway gateway run --catalog a.yaml --catalog b.yaml --servers time,git
  mcp-gateway gateway run --catalog=a.yaml --registry=registry.yaml --config=config.yaml --secrets=.env

Over HTTP the first profile is at /mcp and /sse, and each at /profiles/<name>/mcp. Ctrl-C stops every server.")]
    Run(Box<RunArgs>),
    /// Serve one client on standard input and output
    #[command(after_help = "Example, as a client's configuration:
  {\"mcpServers\": {\"gateway\": {\"command\": \"mcp-gateway\", \"args\": [\"gateway\", \"stdio\", \"--profile\", \"dev-tools\"]}}}")]
    Stdio(Box<GatewayArgs>),
}

/// What is served, and how.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// A profile; over HTTP there may be several [default: default]
    #[arg(long = "profile", short, value_name = "NAME")]
    profiles: Vec<ProfileName>,
    /// How clients reach the gateway
    #[arg(long, value_enum, default_value_t, value_name = "KIND")]
    transport: Transport,
    #[command(flatten)]
    events: EventArgs,
    #[command(flatten)]
    selection: SelectionArgs,
    #[command(flatten)]
    http: HttpArgs,
    #[command(flatten)]
    oauth: OAuthArgs,
    #[command(flatten)]
    settings: SettingArgs,
    #[command(flatten)]
    dynamic: DynamicArgs,
    #[command(flatten)]
    finding: EmbedderArgs,
}

/// How clients reach the gateway.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Transport {
    /// One client, on standard input and output
    #[default]
    Stdio,
    /// HTTP, for clients that speak HTTP+SSE at /sse
    Sse,
    /// HTTP, for clients that speak streamable HTTP at /mcp
    #[value(alias = "streamable-http", alias = "http")]
    Streaming,
}

/// How HTTP is served.
#[derive(Debug, Args)]
#[command(next_help_heading = "Over HTTP")]
struct HttpArgs {
    /// The address to listen on
    #[arg(long, default_value = "127.0.0.1", value_name = "ADDRESS", value_parser = address)]
    host: IpAddr,
    /// The port to listen on; 0 lets the system choose
    #[arg(long, default_value_t = 8811, value_name = "PORT")]
    port: u16,
    /// A name, beside localhost, that clients may use for this machine
    #[arg(long = "allow-host", value_name = "NAME")]
    allowed_hosts: Vec<String>,
    /// An origin, beside this machine, whose web pages may connect
    #[arg(long = "allow-origin", value_name = "ORIGIN")]
    allowed_origins: Vec<String>,
    /// The file that holds the bearer token
    #[arg(long, value_name = "FILE", group = "authorization")]
    token_file: Option<PathBuf>,
    /// The bearer token; other processes can see it on the command line, so prefer the variable or the file
    #[arg(long, env = "MCP_GATEWAY_AUTH_TOKEN", hide_env_values = true, value_name = "TOKEN", value_parser = secret)]
    token: Option<SecretValue>,
    /// Let in everyone on this machine
    #[arg(long, group = "authorization", conflicts_with = "issuers")]
    no_auth: bool,
    /// The certificate chain, as a PEM file
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The certificate's private key, as a PEM file
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
}

#[expect(clippy::unnecessary_wraps, reason = "the form of a clap value parser")]
fn secret(text: &str) -> Result<SecretValue> {
    Ok(SecretValue::new(text))
}

impl Verb {
    pub(crate) async fn run(self, env: &Env) -> Result<()> {
        match self {
            Self::Stdio(args) => stdio(env, &args, &EventArgs::default()).await,
            Self::Run(args) => args.run(env).await,
        }
    }
}

impl RunArgs {
    async fn run(self, env: &Env) -> Result<()> {
        let profiles = match self.profiles.as_slice() {
            [] => vec![ProfileName::new(DEFAULT_PROFILE)?],
            named => named.to_vec(),
        };
        let all: Vec<GatewayArgs> = profiles
            .into_iter()
            .map(|profile| GatewayArgs {
                profile: ProfileArgs { profile },
                selection: self.selection.clone(),
                settings: self.settings.clone(),
                dynamic: self.dynamic,
                finding: self.finding.clone(),
            })
            .collect();
        match (self.transport, all.as_slice()) {
            (Transport::Stdio, [one]) => stdio(env, one, &self.events).await,
            (Transport::Stdio, _) => {
                Err(Error::new(ErrorKind::InvalidInput, "standard input and output carry one profile")
                    .with_hint("serve several over HTTP: `--transport streaming`"))
            }
            (_, several) if several.len() > 1 && !self.selection.servers.is_empty() => Err(Error::new(
                ErrorKind::InvalidInput,
                "`--servers` chooses the servers of one profile, not of several",
            )),
            (transport, several) => http(env, several, transport, &self.events, (self.http, self.oauth)).await,
        }
    }
}

async fn stdio(env: &Env, args: &GatewayArgs, events: &EventArgs) -> Result<()> {
    let shutdown = signals::shutdown()?;
    let open = assemble::gateway(env, args).await?;
    let written = events.follow(&open.gateway);
    let served = match &written {
        Ok(_) => {
            let host = Arc::new(GatewayHost::new(Arc::new(open.gateway.clone())).with_local_clients());
            serve_stdio(host, Principal::local(), StreamConfig::default(), shutdown).await
        }
        Err(error) => Err(error.clone()),
    };
    assemble::close(&open.gateway).await;
    events::finish(written.into_iter().flatten()).await;
    served
}

async fn http(
    env: &Env,
    profiles: &[GatewayArgs],
    transport: Transport,
    events: &EventArgs,
    (http, oauth): (HttpArgs, OAuthArgs),
) -> Result<()> {
    let shutdown = signals::shutdown()?;
    let shared = assemble::Shared::register(env)?;
    let (mut gateways, mut written) = (Vec::new(), Vec::new());
    let served = async {
        for args in profiles {
            let gateway = assemble::gateway_of(env, args, &shared).await?.gateway;
            gateways.push(gateway.clone());
            written.extend(events.follow(&gateway)?);
        }
        serve(&gateways, &shared, transport, (http, oauth), shutdown).await
    }
    .await;
    // Together, so that the bound on one is the bound on all.
    futures_util::future::join_all(gateways.iter().map(assemble::close)).await;
    events::finish(written).await;
    served
}

async fn serve(
    gateways: &[McpGateway],
    shared: &assemble::Shared,
    transport: Transport,
    (http, oauth): (HttpArgs, OAuthArgs),
    shutdown: CancellationToken,
) -> Result<()> {
    let (mut server, generated) = http.authorize(HttpServer::builder(), &oauth)?;
    let scheme = if http.tls_cert.is_some() { "https" } else { "http" };
    server = server.with_config(http.config());
    let metrics = shared.metrics.clone();
    server = server.with_metrics(move || metrics.render());
    let is_local = http.is_for_this_machine() && oauth.issuers().is_empty();
    let mut names = Vec::new();
    for gateway in gateways {
        let name = crate::gateway::Gateway::profile(gateway).to_string();
        let host = GatewayHost::new(Arc::new(gateway.clone()));
        let host = if is_local { host.with_local_clients() } else { host };
        server = server.with_host(name.as_str(), Arc::new(host));
        names.push(name);
    }
    let bound = server.bind().await?;
    announce(&bound, scheme, transport, &names, generated.as_ref())?;
    for issuer in oauth.issuers() {
        report::note(format_args!("clients send tokens of {issuer}"));
    }
    bound.serve(shutdown).await;
    Ok(())
}

impl HttpArgs {
    /// Tells the server whom to let in; the token is returned where it was made up here and must be shown.
    fn authorize(
        &self,
        server: HttpServerBuilder,
        oauth: &OAuthArgs,
    ) -> Result<(HttpServerBuilder, Option<SecretValue>)> {
        if self.no_auth {
            return Ok((server.without_token(), None));
        }
        let oauth = oauth.resource()?;
        let has_oauth = oauth.is_some();
        let server = match oauth {
            Some(oauth) => server.with_oauth(oauth),
            None => server,
        };
        let given = match &self.token_file {
            Some(path) => Some(SecretValue::new(fs::read_to_string(path)?.trim())),
            None => self.token.clone(),
        };
        match given {
            Some(token) => Ok((server.with_token(token, Principal::new(PRINCIPAL)), None)),
            None if has_oauth => Ok((server, None)),
            None => {
                let token = generate_token()?;
                Ok((server.with_token(token.clone(), Principal::new(PRINCIPAL)), Some(token)))
            }
        }
    }

    /// Whether nobody comes from another machine, as far as it is said: not by its address, and by no other name for it.
    fn is_for_this_machine(&self) -> bool {
        self.host.is_loopback() && self.allowed_hosts.is_empty()
    }

    fn config(&self) -> HttpServerConfig {
        let tls = self.tls_cert.as_ref().zip(self.tls_key.as_ref());
        HttpServerConfig {
            address: SocketAddr::new(self.host, self.port),
            allowed_hosts: self.allowed_hosts.clone(),
            allowed_origins: self.allowed_origins.clone(),
            tls: tls.map(|(certificate, key)| TlsFiles::new(certificate, key)),
            ..HttpServerConfig::default()
        }
    }
}

/// Says where clients find the gateway, and the token that nobody else knows; on standard error, once.
fn announce(
    bound: &BoundHttpServer,
    scheme: &str,
    transport: Transport,
    profiles: &[String],
    generated: Option<&SecretValue>,
) -> Result<()> {
    let address = bound.local_addr()?;
    let path = if transport == Transport::Sse { "sse" } else { "mcp" };
    report::note(format_args!("listening on {scheme}://{address}/{path}"));
    if profiles.len() > 1 {
        for profile in profiles {
            report::note(format_args!("profile `{profile}` is at {scheme}://{address}/profiles/{profile}/{path}"));
        }
    }
    if let Some(token) = generated {
        report::note(format_args!("clients send `Authorization: Bearer {}`", token.expose()));
    }
    Ok(())
}

/// An address, or `localhost`.
fn address(text: &str) -> Result<IpAddr> {
    if text == "localhost" {
        return Ok(IpAddr::from([127, 0, 0, 1]));
    }
    text.parse().map_err(|_| Error::new(ErrorKind::InvalidInput, "not an IP address, such as `127.0.0.1` or `0.0.0.0`"))
}
