//! Whom the gateway asks, and whom it does not.

use super::*;
use crate::util::http::testing::TestServer;

async fn issuer_of(servers: &OAuthServers) -> Result<String> {
    Ok(begin(&Bench::of(servers).build().await).await?.issuer)
}

#[tokio::test]
async fn a_resource_is_described_where_its_challenge_says_or_in_well_known_places() {
    let places = ["/elsewhere", "/.well-known/oauth-protected-resource/mcp", "/.well-known/oauth-protected-resource"];
    for place in places {
        let servers = OAuthServers::start(Knobs {
            resource_place: place,
            header: place == "/elsewhere",
            issuer_path: "/tenant",
            metadata_place: "/.well-known/oauth-authorization-server/tenant",
            ..Knobs::default()
        });
        assert_eq!(issuer_of(&servers).await.unwrap(), servers.url("/tenant"), "{place}");
    }
    // An older server is its own authorization server.
    let servers = OAuthServers::start(Knobs { resource_place: "/nowhere", header: false, ..Knobs::default() });
    assert_eq!(issuer_of(&servers).await.unwrap(), servers.issuer());
}

#[tokio::test]
async fn an_authorization_server_is_described_in_any_of_its_well_known_places() {
    for (issuer_path, metadata_place) in [
        ("", "/.well-known/oauth-authorization-server"),
        ("", "/.well-known/openid-configuration"),
        ("/t/x", "/.well-known/oauth-authorization-server/t/x"),
        ("/t/x", "/.well-known/openid-configuration/t/x"),
        ("/t/x", "/t/x/.well-known/openid-configuration"),
    ] {
        let servers = OAuthServers::start(Knobs { issuer_path, metadata_place, ..Knobs::default() });
        let gateway = Bench::of(&servers).build().await;
        authorize(&gateway, &servers).await.unwrap_or_else(|error| panic!("{metadata_place}: {error}"));
        assert!(whoami(&gateway).await.is_ok());
    }
    for is_open in [false, true] {
        let servers = OAuthServers::start(Knobs { metadata_place: "/nowhere", is_open, ..Knobs::default() });
        let error = issuer_of(&servers).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert_eq!(error.hints().any(|hint| hint.contains("asked for no token")), is_open);
    }
}

#[tokio::test]
async fn a_server_may_ask_for_a_token_only_after_the_handshake() {
    let servers = OAuthServers::start(Knobs { greets_all: true, resource_place: "/elsewhere", ..Knobs::default() });
    let mut bench = Bench::of(&servers);
    bench.is_declared = false;
    let gateway = bench.build().await;
    assert_needs_authorization(&whoami(&gateway).await.unwrap_err());
    // In a process that has not seen the call.
    assert_eq!(begin(&bench.build().await).await.unwrap().scopes, ["read"]);
    authorize(&gateway, &servers).await.unwrap();
    assert!(whoami(&gateway).await.is_ok());
}

#[tokio::test]
async fn what_was_got_from_one_authorization_server_is_not_shown_to_another() {
    let old = OAuthServers::start(Knobs::default());
    let gateway = Bench::of(&old).build().await;
    authorize(&gateway, &old).await.unwrap();
    whoami(&gateway).await.unwrap();
    let new = OAuthServers::start(Knobs { resource: Some(old.url("/mcp")), ..Knobs::default() });
    old.set(|knobs| knobs.issuers = Some(vec![new.issuer()]));
    old.end_grants();
    assert_needs_authorization(&whoami(&gateway).await.unwrap_err());
    let begun = begin(&gateway).await.unwrap();
    assert_eq!((begun.issuer, new.seen("/register").len()), (new.issuer(), 1));
    finish(&gateway, &new.approve(&begun.url)).await.unwrap();
    assert!(new.seen("/token").iter().all(|seen| seen.field("refresh_token").is_none()));
    assert_eq!(gateway.oauth_status().await.unwrap()[0].issuer, Some(new.issuer()));
}

#[tokio::test]
async fn metadata_about_somebody_else_is_refused() {
    let knobs = Knobs { resource: Some("https://bank.example/mcp".to_owned()), ..Knobs::default() };
    let servers = OAuthServers::start(knobs);
    assert_eq!(issuer_of(&servers).await.unwrap_err().kind(), ErrorKind::Denied);

    let servers = OAuthServers::start(Knobs::default());
    servers.set(|knobs| knobs.metadata.push(("issuer", "https://login.example".into())));
    let error = issuer_of(&servers).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied);
    assert!(error.to_string().contains("https://login.example"), "{error}");
    assert!(servers.seen("/register").is_empty());
}

#[tokio::test]
async fn without_s256_nothing_is_begun() {
    for methods in [Value::Null, json!(["plain"]), json!([])] {
        let servers = OAuthServers::start(Knobs::default());
        servers.set(|knobs| knobs.metadata.push(("code_challenge_methods_supported", methods)));
        let error = issuer_of(&servers).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains("S256") && servers.seen("/register").is_empty(), "{error}");
    }
}

#[tokio::test]
async fn what_a_server_names_must_be_public_unless_the_operator_named_it() {
    // The other authorization server is at another name of the same machine.
    let other = OAuthServers::start(Knobs::default());
    let elsewhere = format!("http://localhost:{}", other.address.port());
    let metadata = [
        "http://10.0.0.1/login".to_owned(),
        "https://192.168.0.1".to_owned(),
        "http://169.254.169.254/latest".to_owned(),
        "http://login.example".to_owned(),
        "https://localhost:1".to_owned(),
        "file:///etc/passwd".to_owned(),
        elsewhere.clone(),
    ];
    for issuer in metadata {
        let servers = OAuthServers::start(Knobs { issuers: Some(vec![issuer.clone()]), ..Knobs::default() });
        let error = issuer_of(&servers).await.unwrap_err();
        let is_refused = matches!(error.kind(), ErrorKind::Denied | ErrorKind::InvalidConfig);
        assert!(is_refused, "{issuer}: {error:?}");
    }
    assert!(other.seen("/.well-known/oauth-authorization-server").is_empty());
    for endpoint in ["authorization_endpoint", "token_endpoint", "registration_endpoint", "revocation_endpoint"] {
        for address in ["http://10.0.0.1/x", "javascript:alert(1)", "https://[::1]:9/x", "http://example.com/x"] {
            let servers = OAuthServers::start(Knobs::default());
            servers.set(|knobs| knobs.metadata.push((endpoint, address.into())));
            assert!(issuer_of(&servers).await.is_err(), "{endpoint} {address}");
        }
    }
    // The operator may name one.
    other.set(|knobs| knobs.metadata.push(("issuer", elsewhere.clone().into())));
    let servers = OAuthServers::start(Knobs { issuers: Some(vec![elsewhere.clone()]), ..Knobs::default() });
    let gateway = Bench::of(&servers).with(json!({"issuer": elsewhere})).build().await;
    assert_eq!(begin(&gateway).await.unwrap().issuer, elsewhere);
    // Without his word for private addresses, not even the server itself is asked.
    let mut bench = Bench::of(&servers);
    bench.is_public = true;
    let before = servers.seen("/mcp").len();
    assert_eq!(begin(&bench.build().await).await.unwrap_err().kind(), ErrorKind::Denied);
    assert_eq!(servers.seen("/mcp").len(), before);
}

#[tokio::test]
async fn documents_of_another_origin_do_not_count() {
    let other = TestServer::start(async |_, reply| {
        reply.json(200, &[], &json!({"issuer": "http://x", "token_endpoint": "http://x/token"})).await;
    })
    .await;
    let target = other.url("/metadata");
    let origin = TestServer::start(move |request, reply| {
        let target = target.clone();
        async move {
            match request.path.contains("oauth-authorization-server") {
                true => reply.send(302, &[("Location", &target)], "").await,
                false => reply.send(404, &[], "").await,
            }
        }
    })
    .await;
    let mut bench = Bench::of(&OAuthServers::start(Knobs::default()));
    bench.url = origin.url("/mcp");
    assert_eq!(begin(&bench.build().await).await.unwrap_err().kind(), ErrorKind::Unsupported);
    assert_eq!(other.seen().len(), 1);
}

#[tokio::test]
async fn a_code_is_not_redirected() {
    let other = TestServer::start(async |_, reply| reply.json(200, &[], &json!({"access_token": "x"})).await).await;
    let target = other.url("/token");
    let forwarder = TestServer::start(move |_, reply| {
        let target = target.clone();
        async move { reply.send(307, &[("Location", &target)], "").await }
    })
    .await;
    let servers = OAuthServers::start(Knobs::default());
    servers.set(|knobs| knobs.metadata.push(("token_endpoint", forwarder.url("/token").into())));
    let gateway = Bench::of(&servers).build().await;
    assert_eq!(authorize(&gateway, &servers).await.unwrap_err().kind(), ErrorKind::Unauthorized);
    assert!(other.seen().is_empty());
}
