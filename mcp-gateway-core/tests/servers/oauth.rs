//! A protected MCP server and its authorization server, on threads of this process; what they do is set by knobs.
//!
//! They check what a client sends as strictly as the standards say, and answer a wrong one with the standard's error.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use url::{Url, form_urlencoded};

/// How the servers behave; the default is a good authorization server that registers clients.
#[derive(Clone, Debug)]
pub(crate) struct Knobs {
    /// Where the protected resource's metadata is; `header` names it in the 401.
    pub(crate) resource_place: &'static str,
    pub(crate) header: bool,
    /// What that metadata says it is about, instead of the server.
    pub(crate) resource: Option<String>,
    /// The authorization servers that it names, instead of this one.
    pub(crate) issuers: Option<Vec<String>>,
    /// The path of this authorization server's name, and where its metadata is.
    pub(crate) issuer_path: &'static str,
    pub(crate) metadata_place: &'static str,
    /// Members of its metadata that are replaced; null takes one out.
    pub(crate) metadata: Vec<(&'static str, Value)>,
    /// What its answers say that it is, instead of its name; an empty text says nothing.
    pub(crate) iss: Option<&'static str>,
    pub(crate) expires_in: Option<u64>,
    /// The scope that calls of tools need.
    pub(crate) tool_scope: Option<&'static str>,
    /// Where requests to the MCP server are sent on to.
    pub(crate) redirect: Option<String>,
    /// Whether every token is refused, whatever it is.
    pub(crate) refuse_all: bool,
    /// Whether the MCP server asks for no token.
    pub(crate) is_open: bool,
    /// Whether it shakes hands with everybody, and asks for a token only then.
    pub(crate) greets_all: bool,
    /// Clients by id, each with its secret.
    pub(crate) clients: HashMap<String, String>,
}

impl Default for Knobs {
    fn default() -> Self {
        Self {
            resource_place: "/.well-known/oauth-protected-resource/mcp",
            header: true,
            resource: None,
            issuers: None,
            issuer_path: "",
            metadata_place: "/.well-known/oauth-authorization-server",
            metadata: Vec::new(),
            iss: None,
            expires_in: Some(3600),
            tool_scope: None,
            redirect: None,
            refuse_all: false,
            is_open: false,
            greets_all: false,
            clients: HashMap::new(),
        }
    }
}

/// A request as it came in.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: String,
}

impl Seen {
    /// A field of a form or a query.
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        let text = if self.body.is_empty() { self.path.split_once('?')?.1 } else { &self.body };
        form_urlencoded::parse(text.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }
}

#[derive(Debug, Default)]
struct Grant {
    client: String,
    scope: String,
    challenge: String,
    redirect: String,
}

#[derive(Debug, Default)]
struct World {
    knobs: Knobs,
    seen: Vec<Seen>,
    codes: HashMap<String, Grant>,
    /// The scopes of clients that have registered themselves.
    registered: HashMap<String, String>,
    access: HashMap<String, Grant>,
    refresh: HashMap<String, Grant>,
    count: usize,
}

/// The running servers; they end with the process.
#[derive(Clone, Debug)]
pub(crate) struct OAuthServers {
    pub(crate) address: SocketAddr,
    world: Arc<Mutex<World>>,
}

impl OAuthServers {
    pub(crate) fn start(knobs: Knobs) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let world = World { knobs, ..World::default() };
        let servers = Self { address: listener.local_addr().unwrap(), world: Arc::new(Mutex::new(world)) };
        let serving = servers.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let servers = serving.clone();
                std::thread::spawn(move || servers.serve(stream.unwrap()));
            }
        });
        servers
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn issuer(&self) -> String {
        let path = self.world().knobs.issuer_path;
        self.url(path)
    }

    pub(crate) fn set(&self, change: impl FnOnce(&mut Knobs)) {
        change(&mut self.world().knobs);
    }

    /// The requests to a path.
    pub(crate) fn seen(&self, path: &str) -> Vec<Seen> {
        let at = |seen: &&Seen| seen.path.split('?').next() == Some(path);
        self.world().seen.iter().filter(at).cloned().collect()
    }

    /// Every access token that was ever given and still counts.
    pub(crate) fn tokens(&self) -> Vec<String> {
        self.world().access.keys().cloned().collect()
    }

    /// Ends every access token.
    pub(crate) fn end_tokens(&self) {
        self.world().access.clear();
    }

    /// Ends everything that was granted.
    pub(crate) fn end_grants(&self) {
        let mut world = self.world();
        world.access.clear();
        world.refresh.clear();
    }

    /// What a person's browser does who agrees: opens the address, and is sent back to the one that is given here.
    pub(crate) fn approve(&self, url: &str) -> String {
        let url = Url::parse(url).unwrap();
        let mut stream = TcpStream::connect((url.host_str().unwrap(), url.port().unwrap())).unwrap();
        let target = format!("{}?{}", url.path(), url.query().unwrap());
        write!(stream, "GET {target} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.address).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let location = answer.lines().find_map(|line| line.strip_prefix("Location: "));
        location.unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let mut words = line.split(' ').map(str::to_owned);
        let (Some(method), Some(path)) = (words.next(), words.next()) else { return };
        let mut headers = HashMap::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            headers.insert(name.to_ascii_lowercase(), value.to_owned());
        }
        let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let seen = Seen { method, path, headers, body: String::from_utf8(body).unwrap() };
        let answer = {
            let mut world = self.world();
            world.seen.push(seen.clone());
            world.answer(&seen, &self.url(""))
        };
        let body = if answer.body.is_null() { String::new() } else { answer.body.to_string() };
        let mut head =
            format!("HTTP/1.1 {} Test\r\nConnection: close\r\nContent-Length: {}\r\n", answer.status, body.len());
        if !body.is_empty() {
            head.push_str("Content-Type: application/json\r\n");
        }
        for (name, value) in &answer.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let mut stream = stream;
        // A client that has gone away is no failure of the server.
        let _ = stream.write_all(format!("{head}\r\n{body}").as_bytes());
    }
}

struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Value,
}

impl Reply {
    fn new(status: u16, body: Value) -> Self {
        Self { status, headers: Vec::new(), body }
    }

    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    fn refusal(code: &str) -> Self {
        Self::new(if code == "invalid_client" { 401 } else { 400 }, json!({"error": code}))
    }
}

impl World {
    fn answer(&mut self, seen: &Seen, origin: &str) -> Reply {
        let path = seen.path.split('?').next().unwrap_or_default();
        let issuer = format!("{origin}{}", self.knobs.issuer_path);
        match path {
            "/mcp" => self.mcp(seen, origin),
            "/authorize" => self.authorize(seen, &issuer),
            "/token" => self.token(seen, origin),
            "/register" => self.register(seen),
            "/revoke" => {
                let token = seen.field("token").unwrap_or_default();
                self.access.remove(&token);
                self.refresh.remove(&token);
                Reply::new(200, Value::Null)
            }
            _ if path == self.knobs.resource_place => Reply::new(
                200,
                json!({
                    "resource": self.knobs.resource.clone().unwrap_or_else(|| format!("{origin}/mcp")),
                    "authorization_servers": self.knobs.issuers.clone().unwrap_or_else(|| vec![issuer]),
                    "scopes_supported": ["read", "write"],
                }),
            ),
            _ if path == self.knobs.metadata_place => Reply::new(200, self.metadata(&issuer, origin)),
            _ => Reply::new(404, Value::Null),
        }
    }

    fn metadata(&self, issuer: &str, origin: &str) -> Value {
        let mut metadata = json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{origin}/authorize"),
            "token_endpoint": format!("{origin}/token"),
            "registration_endpoint": format!("{origin}/register"),
            "revocation_endpoint": format!("{origin}/revoke"),
            "code_challenge_methods_supported": ["S256"],
            "response_types_supported": ["code"],
            "token_endpoint_auth_methods_supported": ["none", "client_secret_basic"],
            "authorization_response_iss_parameter_supported": true,
        });
        for (name, value) in &self.knobs.metadata {
            metadata[*name] = value.clone();
        }
        metadata.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        metadata
    }

    fn mcp(&mut self, seen: &Seen, origin: &str) -> Reply {
        if let Some(target) = &self.knobs.redirect {
            return Reply::new(307, Value::Null).with("Location", target);
        }
        let token = seen.headers.get("authorization").and_then(|value| value.strip_prefix("Bearer "));
        let grant = token.and_then(|token| self.access.get(token)).filter(|_| !self.knobs.refuse_all);
        let nobody = Grant::default();
        let is_greeting = seen.body.contains("\"initialize\"") || seen.body.contains("notifications/");
        let is_open = self.knobs.is_open || self.knobs.greets_all && is_greeting;
        let Some(grant) = grant.or(is_open.then_some(&nobody)) else {
            let place = format!("resource_metadata=\"{origin}{}\", ", self.knobs.resource_place);
            let place = if self.knobs.header { place.as_str() } else { "" };
            return Reply::new(401, Value::Null).with("WWW-Authenticate", format!("Bearer {place}scope=\"read\""));
        };
        if seen.method != "POST" {
            return Reply::new(405, Value::Null);
        }
        let message = seen.json();
        let id = &message["id"];
        let result = match message["method"].as_str().unwrap_or_default() {
            _ if id.is_null() => return Reply::new(202, Value::Null),
            "initialize" => json!({
                "protocolVersion": "2025-06-18",
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "protected", "version": "1"},
            }),
            "tools/list" => json!({"tools": [{"name": "whoami", "inputSchema": {"type": "object"}}]}),
            "tools/call" => {
                if let Some(scope) = self.knobs.tool_scope
                    && !grant.scope.split(' ').any(|granted| granted == scope)
                {
                    let challenge = format!("Bearer error=\"insufficient_scope\", scope=\"{scope}\"");
                    return Reply::new(403, Value::Null).with("WWW-Authenticate", challenge);
                }
                let text = format!("token {} of {} with {}", token.unwrap_or_default(), grant.client, grant.scope);
                json!({"content": [{"type": "text", "text": text}]})
            }
            _ => json!({}),
        };
        Reply::new(200, json!({"jsonrpc": "2.0", "id": id, "result": result}))
    }

    fn register(&mut self, seen: &Seen) -> Reply {
        let asked = seen.json();
        if asked["application_type"] != "native" || !asked["redirect_uris"][0].is_string() {
            return Reply::refusal("invalid_client_metadata");
        }
        let (id, method) = (self.fresh("client"), asked["token_endpoint_auth_method"].clone());
        let secret = if method == "none" { String::new() } else { self.fresh("secret +%") };
        self.knobs.clients.insert(id.clone(), secret.clone());
        self.registered.insert(id.clone(), asked["scope"].as_str().unwrap_or_default().to_owned());
        let mut answer = json!({"client_id": id, "token_endpoint_auth_method": method});
        if !secret.is_empty() {
            answer["client_secret"] = secret.into();
        }
        Reply::new(201, answer)
    }

    fn authorize(&mut self, seen: &Seen, issuer: &str) -> Reply {
        let field = |name: &str| seen.field(name).unwrap_or_default();
        let client = field("client_id");
        let is_known = self.knobs.clients.contains_key(&client) || client.starts_with("https://");
        if !is_known || field("response_type") != "code" || field("code_challenge_method") != "S256" {
            return Reply::refusal("invalid_request");
        }
        if let Some(registered) = self.registered.get(&client)
            && !field("scope").split(' ').all(|scope| registered.split(' ').any(|known| known == scope))
        {
            return Reply::refusal("invalid_scope");
        }
        let code = self.fresh("code");
        let mut back = Url::parse(&field("redirect_uri")).unwrap();
        back.query_pairs_mut().append_pair("code", &code).append_pair("state", &field("state"));
        match self.knobs.iss {
            None => {
                back.query_pairs_mut().append_pair("iss", issuer);
            }
            Some("") => {}
            Some(other) => {
                back.query_pairs_mut().append_pair("iss", other);
            }
        }
        let grant = Grant {
            client,
            scope: field("scope"),
            challenge: field("code_challenge"),
            redirect: field("redirect_uri"),
        };
        self.codes.insert(code, grant);
        Reply::new(302, Value::Null).with("Location", back)
    }

    fn token(&mut self, seen: &Seen, origin: &str) -> Reply {
        let field = |name: &str| seen.field(name).unwrap_or_default();
        let Some(client) = self.client(seen) else { return Reply::refusal("invalid_client") };
        if field("resource") != self.knobs.resource.clone().unwrap_or_else(|| format!("{origin}/mcp")) {
            return Reply::refusal("invalid_target");
        }
        let grant = match field("grant_type").as_str() {
            "authorization_code" => self.codes.remove(&field("code")).filter(|grant| {
                let proof = URL_SAFE_NO_PAD.encode(Sha256::digest(field("code_verifier")));
                grant.challenge == proof && grant.redirect == field("redirect_uri")
            }),
            // Each refresh token counts once.
            "refresh_token" => self.refresh.remove(&field("refresh_token")),
            "client_credentials" if !self.knobs.clients.get(&client).is_none_or(String::is_empty) => {
                Some(Grant { client: client.clone(), scope: field("scope"), ..Grant::default() })
            }
            _ => return Reply::refusal("unsupported_grant_type"),
        };
        let Some(grant) = grant.filter(|grant| grant.client == client) else { return Reply::refusal("invalid_grant") };
        let (access, refresh) = (self.fresh("access"), self.fresh("refresh"));
        let mut answer = json!({"access_token": access, "token_type": "Bearer", "scope": grant.scope});
        if let Some(seconds) = self.knobs.expires_in {
            answer["expires_in"] = seconds.into();
        }
        if field("grant_type") != "client_credentials" {
            answer["refresh_token"] = refresh.clone().into();
            let kept = Grant { client: client.clone(), scope: grant.scope.clone(), ..Grant::default() };
            self.refresh.insert(refresh, kept);
        }
        self.access.insert(access, grant);
        Reply::new(200, answer)
    }

    /// Who asks, if that is proven.
    fn client(&self, seen: &Seen) -> Option<String> {
        let (id, secret) = match seen.headers.get("authorization") {
            Some(header) => {
                let text = String::from_utf8(STANDARD.decode(header.strip_prefix("Basic ")?).ok()?).ok()?;
                let (id, secret) = text.split_once(':')?;
                let form = format!("id={id}&secret={secret}");
                let mut pair = form_urlencoded::parse(form.as_bytes()).map(|(_, value)| value.into_owned());
                // Those of the Python SDK want the id in the form, too.
                (pair.next().filter(|id| seen.field("client_id").as_ref() == Some(id))?, pair.next()?)
            }
            None => (seen.field("client_id")?, seen.field("client_secret").unwrap_or_default()),
        };
        let known = self.knobs.clients.get(&id).cloned().or_else(|| id.starts_with("https://").then(String::new))?;
        (known == secret).then_some(id)
    }

    fn fresh(&mut self, what: &str) -> String {
        self.count += 1;
        format!("{what}-{}-{}", self.count, "x".repeat(16))
    }
}
