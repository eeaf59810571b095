//! Calls of servers that want a token.

use super::*;
use crate::transport::client::testing::until;
use crate::util::http::testing::TestServer;

#[tokio::test]
async fn without_a_token_a_call_says_what_to_do() {
    for is_declared in [true, false] {
        let servers = OAuthServers::start(Knobs::default());
        let mut bench = Bench::of(&servers);
        bench.is_declared = is_declared;
        let gateway = bench.build().await;
        assert_needs_authorization(&whoami(&gateway).await.unwrap_err());
        // A server that says it needs one is not even asked.
        assert_eq!(servers.seen("/mcp").is_empty(), is_declared);
        assert_eq!(gateway.oauth_status().await.unwrap()[0].state, OAuthState::Needed);
        // Nothing stands in the way once there is one, and nothing has to be started anew.
        authorize(&gateway, &servers).await.unwrap();
        assert!(whoami(&gateway).await.is_ok(), "{is_declared}");
    }
}

#[tokio::test]
async fn a_server_that_asks_for_nothing_gets_nothing() {
    let servers = OAuthServers::start(Knobs { is_open: true, ..Knobs::default() });
    let mut bench = Bench::of(&servers);
    bench.is_declared = false;
    let gateway = bench.build().await;
    whoami(&gateway).await.unwrap();
    assert!(gateway.oauth_status().await.unwrap().is_empty());
    assert!(servers.seen("/mcp").iter().all(|seen| !seen.headers.contains_key("authorization")));
}

#[tokio::test]
async fn a_server_that_wants_another_kind_of_key_is_heard() {
    let server = TestServer::start(async |_, reply| {
        reply.send(401, &[("WWW-Authenticate", "Basic realm=\"keys\"")], "no api key").await;
    })
    .await;
    let mut bench = Bench::of(&OAuthServers::start(Knobs::default()));
    (bench.url, bench.is_declared) = (server.url("/mcp"), false);
    let error = whoami(&bench.build().await).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    assert!(error.to_string().contains("no api key"), "{error}");
    assert!(!error.hints().any(|hint| hint.contains("oauth")));
}

#[tokio::test]
async fn an_operators_own_header_is_left_alone() {
    let servers = OAuthServers::start(Knobs::default());
    let mut entry = ServerEntry::new(far(), ServerKind::Remote);
    let mut remote = RemoteEntry::new(servers.url("/mcp"), RemoteTransport::StreamableHttp);
    remote.headers.insert("authorization".to_owned(), "Bearer mine".to_owned());
    entry.remote = Some(remote);
    let spec = ServerSpec { allow_private: true, ..ServerSpec::default() };
    let profile = ProfileSpec::new(ProfileName::new("dev").unwrap())
        .with_server(far(), spec)
        .with_policy(PolicySpec::new().with_default(Effect::Allow));
    let gateway = GatewayBuilder::new()
        .with_catalog(Arc::new(MemoryCatalog::new("c").with_entry(entry)))
        .with_profile(Arc::new(MemoryProfile::new(profile)))
        .with_runtime(Arc::new(RemoteRuntime::new()))
        .build()
        .await
        .unwrap();
    assert!(whoami(&gateway).await.is_err());
    assert!(servers.seen("/mcp").iter().all(|seen| seen.headers["authorization"] == "Bearer mine"));
    assert_eq!(begin(&gateway).await.unwrap_err().kind(), ErrorKind::Unsupported);
}

#[tokio::test]
async fn a_token_is_renewed_before_it_ends_and_when_it_is_refused() {
    let servers = OAuthServers::start(Knobs { expires_in: Some(1), ..Knobs::default() });
    let bench = Bench::of(&servers);
    let gateway = bench.build().await;
    authorize(&gateway, &servers).await.unwrap();
    servers.set(|knobs| knobs.expires_in = Some(3600));
    whoami(&gateway).await.unwrap();
    let refreshes = || servers.seen("/token").iter().filter(|seen| seen.field("refresh_token").is_some()).count();
    assert_eq!(refreshes(), 1);
    assert_eq!(servers.seen("/token")[1].field("resource").unwrap(), servers.url("/mcp"));
    servers.end_tokens();
    whoami(&gateway).await.unwrap();
    assert_eq!(refreshes(), 2);
    // The next refresh token is the kept one.
    servers.end_tokens();
    assert!(whoami(&bench.build().await).await.is_ok());
    assert!(whoami(&gateway).await.is_ok());
    assert_eq!(refreshes(), 3, "the first gateway takes what the second one has got");
}

#[tokio::test]
async fn a_server_of_the_older_transport_gets_its_token_too() {
    let authority = OAuthServers::start(Knobs::default());
    let issuer = authority.issuer();
    let server = TestServer::start(move |request, reply| {
        let issuer = issuer.clone();
        async move {
            let resource = format!("http://{}/sse", request.headers["host"]);
            let metadata = json!({"resource": resource, "authorization_servers": [issuer]});
            match (request.path.as_str(), request.header("authorization")) {
                ("/.well-known/oauth-protected-resource/sse", _) => reply.json(200, &[], &metadata).await,
                ("/sse", None) => reply.send(401, &[("WWW-Authenticate", "Bearer scope=\"read\"")], "").await,
                ("/sse", _) => reply.send(503, &[], "").await,
                _ => reply.send(404, &[], "").await,
            }
        }
    })
    .await;
    authority.set(|knobs| knobs.resource = Some(server.url("/sse")));
    let mut bench = Bench::of(&authority);
    (bench.url, bench.transport, bench.is_declared) = (server.url("/sse"), RemoteTransport::Sse, false);
    let gateway = bench.build().await;
    assert_needs_authorization(&whoami(&gateway).await.unwrap_err());
    authorize(&gateway, &authority).await.unwrap();
    assert_eq!(whoami(&gateway).await.unwrap_err().kind(), ErrorKind::Network);
    assert!(
        server
            .seen()
            .iter()
            .any(|seen| seen.header("authorization") == Some(&format!("Bearer {}", authority.tokens()[0])))
    );
}

/// Waits until the server was asked for its own stream, which happens beside the first call.
async fn quiet(servers: &OAuthServers) {
    let is_stream = |seen: &server::Seen| seen.method == "GET" && seen.headers.contains_key("authorization");
    until("the server's own stream", || servers.seen("/mcp").iter().any(is_stream)).await;
}

#[tokio::test]
async fn concurrent_calls_renew_once() {
    let servers = OAuthServers::start(Knobs::default());
    let gateway = Bench::of(&servers).build().await;
    authorize(&gateway, &servers).await.unwrap();
    whoami(&gateway).await.unwrap();
    quiet(&servers).await;
    let before = servers.seen("/token").len();
    servers.end_tokens();
    let answers = futures_util::future::join_all((0..16).map(|_| whoami(&gateway))).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(servers.seen("/token").len(), before + 1);

    // So they do when that fails.
    servers.end_grants();
    let answers = futures_util::future::join_all((0..16).map(|_| whoami(&gateway))).await;
    answers.iter().for_each(|answer| assert_needs_authorization(answer.as_ref().unwrap_err()));
    assert_eq!(servers.seen("/token").len(), before + 2);
}

#[tokio::test]
async fn a_token_that_is_refused_again_ends_the_call() {
    let servers = OAuthServers::start(Knobs::default());
    let gateway = Bench::of(&servers).build().await;
    authorize(&gateway, &servers).await.unwrap();
    whoami(&gateway).await.unwrap();
    quiet(&servers).await;
    let (calls, tokens) = (servers.seen("/mcp").len(), servers.seen("/token").len());
    servers.set(|knobs| knobs.refuse_all = true);
    assert_needs_authorization(&whoami(&gateway).await.unwrap_err());
    assert_eq!(servers.seen("/mcp").len(), calls + 2);
    assert_eq!(servers.seen("/token").len(), tokens + 1);
}

#[tokio::test]
async fn more_scopes_are_asked_for_by_the_next_authorization() {
    let servers = OAuthServers::start(Knobs { tool_scope: Some("admin"), ..Knobs::default() });
    let bench = Bench::of(&servers);
    let gateway = bench.build().await;
    authorize(&gateway, &servers).await.unwrap();
    let tokens = servers.seen("/token").len();
    let calls = || servers.seen("/mcp").iter().filter(|seen| seen.body.contains("tools/call")).count();
    assert_needs_authorization(&whoami(&gateway).await.unwrap_err());
    // Another token of the same grant would be as weak: neither is one asked for, nor the request repeated.
    assert_eq!((calls(), servers.seen("/token").len()), (1, tokens));
    assert_eq!(gateway.oauth_status().await.unwrap()[0].state, OAuthState::MoreScopes);
    // In any process.
    let other = bench.build().await;
    let begun = begin(&other).await.unwrap();
    assert_eq!(begun.scopes, ["read", "admin"]);
    let status = finish(&other, &servers.approve(&begun.url)).await.unwrap();
    assert_eq!((status.state, status.scopes.len()), (OAuthState::Authorized, 2));
    assert!(whoami(&gateway).await.unwrap().ends_with("with read admin"));
    assert_eq!(calls(), 3, "the weak token was tried, and the request repeated with the strong one");
}

#[tokio::test]
async fn a_client_gets_tokens_for_itself_and_steps_up() {
    let mut knobs = Knobs { tool_scope: Some("admin"), ..Knobs::default() };
    knobs.clients.insert("robot".to_owned(), "hunter2".to_owned());
    let servers = OAuthServers::start(knobs);
    let oauth = json!({
        "issuer": servers.issuer(), "clientId": "robot", "clientSecret": "S", "grant": "clientCredentials",
    });
    let bench = Bench::of(&servers).with(oauth);
    bench.secrets.set(&SecretKey::new("S").unwrap(), SecretValue::new("hunter2")).await.unwrap();
    let gateway = bench.build().await;
    assert_eq!(gateway.oauth_status().await.unwrap()[0].state, OAuthState::Unattended);
    assert_eq!(whoami(&gateway).await.unwrap(), "token *** of robot with read admin");
    servers.end_tokens();
    assert!(whoami(&gateway).await.is_ok());
    assert_eq!(begin(&gateway).await.unwrap_err().kind(), ErrorKind::Unsupported);
    assert_eq!(bench.secrets.list().await.unwrap().len(), 1, "nothing but the client's secret is kept");
}

#[tokio::test]
async fn no_token_goes_to_another_origin() {
    let other = TestServer::start(async |_, reply| {
        reply.send(401, &[("WWW-Authenticate", "Bearer error=\"insufficient_scope\", scope=\"all\"")], "").await;
    })
    .await;
    let servers = OAuthServers::start(Knobs::default());
    let bench = Bench::of(&servers);
    let gateway = bench.build().await;
    authorize(&gateway, &servers).await.unwrap();
    whoami(&gateway).await.unwrap();
    let tokens = servers.seen("/token").len();
    servers.set(|knobs| knobs.redirect = Some(other.url("/mcp")));
    assert!(whoami(&gateway).await.is_err());
    assert!(!other.seen().is_empty() && other.seen().iter().all(|seen| seen.header("authorization").is_none()));
    // What the other one says about tokens is not listened to.
    assert_eq!(servers.seen("/token").len(), tokens);

    // Nor does one go to the server's next address.
    let moved = OAuthServers::start(Knobs::default());
    let next = Bench { url: moved.url("/mcp"), secrets: Arc::clone(&bench.secrets), ..Bench::of(&moved) };
    assert_needs_authorization(&whoami(&next.build().await).await.unwrap_err());
    assert!(moved.seen("/mcp").is_empty());
}

#[tokio::test]
async fn what_is_kept_and_broken_counts_as_nothing() {
    let servers = OAuthServers::start(Knobs::default());
    let bench = Bench::of(&servers);
    for text in ["{", "null", "{\"server\": 7}"] {
        bench.secrets.set(&tokens_key(), SecretValue::new(text)).await.unwrap();
        let gateway = bench.build().await;
        assert_needs_authorization(&whoami(&gateway).await.unwrap_err());
        authorize(&gateway, &servers).await.unwrap();
        assert!(whoami(&gateway).await.is_ok());
    }
}
