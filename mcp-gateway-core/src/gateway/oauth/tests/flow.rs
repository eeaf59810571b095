//! Authorizing a server: clients, scopes, answers.

use super::*;
use crate::gateway::SessionOptions;
use crate::protocol::Request;

#[tokio::test]
async fn a_client_registers_itself_and_its_token_is_used() {
    let servers = OAuthServers::start(Knobs::default());
    let bench = Bench::of(&servers);
    let gateway = bench.build().await;
    assert_eq!(gateway.oauth_status().await.unwrap()[0].state, OAuthState::Needed);

    let begun = begin(&gateway).await.unwrap();
    assert_eq!((&begun.issuer, &begun.scopes), (&servers.issuer(), &vec!["read".to_owned()]));
    let registration: Value = serde_json::from_str(&servers.seen("/register")[0].body).unwrap();
    assert_eq!(registration["application_type"], "native");
    assert_eq!(registration["redirect_uris"], json!([begun.redirect_uri]));
    let status = finish(&gateway, &servers.approve(&begun.url)).await.unwrap();
    assert_eq!(status.state, OAuthState::Authorized);
    assert!(status.expires.is_some());

    let token = &servers.seen("/token")[0];
    assert_eq!(token.field("resource").unwrap(), servers.url("/mcp"));
    assert_eq!(whoami(&gateway).await.unwrap(), "token *** of client-1-xxxxxxxxxxxxxxxx with read");
    assert!(servers.seen("/mcp").iter().skip(1).all(|seen| {
        !seen.headers.contains_key("authorization") || seen.headers["authorization"].starts_with("Bearer access-")
    }));

    // Names, never values; and all of it in one secret.
    assert_eq!(bench.secrets.list().await.unwrap(), [tokens_key()]);
    let shown = format!("{gateway:?} {:?} {begun:?}", gateway.oauth_status().await.unwrap());
    assert!(!shown.contains("access-") && !shown.contains("refresh-"), "{shown}");
    let records = gateway.audit().query(&AuditQuery::default()).await.unwrap();
    assert!(records.iter().any(|record| record.event.action == "oauth/authorize"));
    gateway.shutdown().await;

    // Another gateway of the profile finds the tokens; the client is the same one.
    let next = bench.build().await;
    assert!(whoami(&next).await.is_ok());
    authorize(&next, &servers).await.unwrap();
    assert_eq!(servers.seen("/register").len(), 1);
    let elsewhere = OAuthRequest::new().with_redirect_uri("http://127.0.0.1:7/cb");
    next.oauth_begin(&far(), elsewhere).await.unwrap();
    assert_eq!(servers.seen("/register").len(), 2);
}

#[tokio::test]
async fn a_client_that_registers_itself_may_get_a_secret() {
    for (methods, in_header) in [
        (json!(["client_secret_post", "client_secret_basic"]), false),
        (json!(["private_key_jwt", "client_secret_basic"]), true),
    ] {
        let servers = OAuthServers::start(Knobs::default());
        servers.set(|knobs| knobs.metadata.push(("token_endpoint_auth_methods_supported", methods)));
        let bench = Bench::of(&servers);
        authorize(&bench.build().await, &servers).await.unwrap();
        assert_eq!(servers.seen("/token")[0].headers.contains_key("authorization"), in_header);
        // It is kept with the tokens, which another process renews.
        servers.end_tokens();
        let next = bench.build().await;
        assert!(whoami(&next).await.is_ok());
        assert!(next.oauth_revoke(&far()).await.unwrap().is_none());
        let shown = format!("{next:?} {:?}", next.oauth_status().await.unwrap());
        assert!(!shown.contains("secret-"), "{shown}");
    }
}

#[tokio::test]
async fn a_configured_client_is_used_and_its_secret_goes_to_its_issuer_only() {
    let mut knobs = Knobs::default();
    knobs.clients.insert("known".to_owned(), "hunter2".to_owned());
    let servers = OAuthServers::start(knobs);
    let oauth = json!({"issuer": servers.issuer(), "clientId": "known", "clientSecret": "S", "scopes": ["write"]});
    let bench = Bench::of(&servers).with(oauth);
    let gateway = bench.build().await;
    assert_eq!(begin(&gateway).await.unwrap_err().kind(), ErrorKind::MissingSecret);
    bench.secrets.set(&SecretKey::new("S").unwrap(), SecretValue::new("hunter2")).await.unwrap();
    let status = authorize(&gateway, &servers).await.unwrap();
    assert_eq!(status.scopes, ["write"]);
    assert!(whoami(&gateway).await.unwrap().contains("of known with write"));
    assert!(servers.seen("/register").is_empty());
    assert!(servers.seen("/token")[0].headers["authorization"].starts_with("Basic "));
    let kept = bench.secrets.get(&tokens_key()).await.unwrap().unwrap();
    assert!(!kept.expose().contains("hunter2"));

    // The server names somebody else now.
    let thief = OAuthServers::start(Knobs::default());
    servers.set(|knobs| knobs.issuers = Some(vec![thief.issuer()]));
    assert_eq!(begin(&gateway).await.unwrap_err().kind(), ErrorKind::Denied);
    assert!(thief.seen("/token").is_empty());
}

#[tokio::test]
async fn a_secret_without_its_issuer_is_refused() {
    let servers = OAuthServers::start(Knobs::default());
    for oauth in [json!({"clientId": "known", "clientSecret": "S"}), json!({"grant": "clientCredentials"})] {
        let gateway = Bench::of(&servers).with(oauth).build().await;
        assert_eq!(begin(&gateway).await.unwrap_err().kind(), ErrorKind::InvalidConfig);
    }
    assert!(servers.seen("/mcp").is_empty());
}

#[tokio::test]
async fn a_metadata_document_is_a_client_where_it_is_taken() {
    let document = "https://gateway.example/client.json";
    let servers = OAuthServers::start(Knobs::default());
    let bench = Bench::of(&servers).with(json!({"clientMetadataUrl": document}));
    let gateway = bench.build().await;
    // This authorization server does not take one.
    assert!(!begin(&gateway).await.unwrap().url.contains("gateway.example"));
    servers.set(|knobs| knobs.metadata.push(("client_id_metadata_document_supported", true.into())));
    authorize(&gateway, &servers).await.unwrap();
    assert!(whoami(&gateway).await.unwrap().contains(&format!("of {document} with")));
}

#[tokio::test]
async fn who_registers_nobody_needs_a_configured_client() {
    let servers = OAuthServers::start(Knobs::default());
    servers.set(|knobs| knobs.metadata.push(("registration_endpoint", Value::Null)));
    let error = begin(&Bench::of(&servers).build().await).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.hints().any(|hint| hint.contains("oauth.clientId")));
}

#[tokio::test]
async fn an_answer_must_belong_to_a_question() {
    let servers = OAuthServers::start(Knobs::default());
    let gateway = Bench::of(&servers).build().await;
    let begun = begin(&gateway).await.unwrap();
    let answer = servers.approve(&begun.url);
    for wrong in [
        answer.replace(&begun.state, "another"),
        answer.replace("state=", "stale="),
        answer.replace("state=", "state=&statf="),
        "http://127.0.0.1/callback".to_owned(),
    ] {
        assert_eq!(finish(&gateway, &wrong).await.unwrap_err().kind(), ErrorKind::Denied, "{wrong}");
    }
    assert!(servers.seen("/token").is_empty());
    // Each is taken once, whatever comes of it.
    finish(&gateway, &answer).await.unwrap();
    assert_eq!(finish(&gateway, &answer).await.unwrap_err().kind(), ErrorKind::Denied);
    assert_eq!(servers.seen("/token").len(), 1);
}

#[tokio::test]
async fn an_answer_must_come_from_who_was_asked() {
    let servers = OAuthServers::start(Knobs::default());
    let gateway = Bench::of(&servers).build().await;
    for iss in ["https://evil.example", ""] {
        servers.set(|knobs| knobs.iss = Some(iss));
        assert_eq!(authorize(&gateway, &servers).await.unwrap_err().kind(), ErrorKind::Denied, "{iss:?}");
    }
    // A slash more is another name.
    let begun = begin(&gateway).await.unwrap();
    let issuer: String = url::form_urlencoded::byte_serialize(servers.issuer().as_bytes()).collect();
    let answer = servers.approve(&begun.url) + &format!("&iss={issuer}%2F");
    assert_eq!(finish(&gateway, &answer).await.unwrap_err().kind(), ErrorKind::Denied);
    assert!(servers.seen("/token").is_empty());
    // Who has not promised to name himself need not.
    servers.set(|knobs| knobs.metadata.push(("authorization_response_iss_parameter_supported", Value::Null)));
    assert!(authorize(&gateway, &servers).await.is_ok());
}

#[tokio::test]
async fn a_refusal_says_why_and_a_bare_code_will_do() {
    let servers = OAuthServers::start(Knobs::default());
    servers.set(|knobs| knobs.metadata.push(("authorization_response_iss_parameter_supported", Value::Null)));
    let gateway = Bench::of(&servers).build().await;
    let begun = begin(&gateway).await.unwrap();
    let refused = format!("{}?error=access_denied%1b%5b2J&state={}", begun.redirect_uri, begun.state);
    let error = finish(&gateway, &refused).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    assert!(error.to_string().contains("access_denied?[2J"), "{error}");

    let begun = begin(&gateway).await.unwrap();
    let answer = servers.approve(&begun.url);
    let code = answer.split("code=").nth(1).unwrap().split('&').next().unwrap();
    finish(&gateway, code).await.unwrap();
    let error = finish(&gateway, "another-code").await.unwrap_err();
    assert!(!format!("{error:?}").contains("another-code"));
}

#[tokio::test]
async fn tokens_that_cannot_be_kept_are_lost_or_kept_in_memory() {
    let servers = OAuthServers::start(Knobs::default());
    let mut bench = Bench::of(&servers);
    bench.secrets = Arc::new(crate::secrets::EnvBroker::new().with_allowed("NOTHING_OF_THIS_NAME"));
    let gateway = bench.build().await;
    let error = authorize(&gateway, &servers).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    let begun = begin(&gateway).await.unwrap();
    let answer = SecretValue::new(servers.approve(&begun.url));
    gateway.oauth_finish(&far(), &answer, false).await.unwrap();
    assert!(whoami(&gateway).await.is_ok());
    servers.end_tokens();
    assert!(whoami(&gateway).await.is_ok());
    assert!(gateway.oauth_revoke(&far()).await.unwrap().is_none());
    assert_needs_authorization(&whoami(&gateway).await.unwrap_err());
}

#[tokio::test]
async fn what_is_revoked_is_gone_on_both_sides() {
    let servers = OAuthServers::start(Knobs::default());
    let bench = Bench::of(&servers);
    let gateway = bench.build().await;
    assert_eq!(gateway.oauth_revoke(&far()).await.unwrap_err().kind(), ErrorKind::NotFound);
    authorize(&gateway, &servers).await.unwrap();
    whoami(&gateway).await.unwrap();
    assert!(gateway.oauth_revoke(&far()).await.unwrap().is_none());
    let hints: Vec<_> = servers.seen("/revoke").iter().map(|seen| seen.field("token_type_hint").unwrap()).collect();
    assert_eq!(hints, ["refresh_token", "access_token"]);
    assert!(servers.tokens().is_empty() && bench.secrets.list().await.unwrap().is_empty());
    assert_needs_authorization(&whoami(&gateway).await.unwrap_err());

    // Who takes nothing back is not asked, and the tokens are forgotten all the same.
    let silent = OAuthServers::start(Knobs::default());
    silent.set(|knobs| knobs.metadata.push(("revocation_endpoint", Value::Null)));
    let bench = Bench::of(&silent);
    let gateway = bench.build().await;
    authorize(&gateway, &silent).await.unwrap();
    assert_eq!(gateway.oauth_revoke(&far()).await.unwrap().unwrap().kind(), ErrorKind::Unsupported);
    assert!(bench.secrets.list().await.unwrap().is_empty());
}

#[tokio::test]
async fn an_operator_authorizes_a_server_that_an_agent_has_added() {
    let servers = OAuthServers::start(Knobs::default());
    let mut bench = Bench::of(&servers);
    bench.is_added = true;
    let gateway = bench.build().await;
    let session = gateway.open_session(SessionOptions::new()).await.unwrap();
    let ctx = CallContext::local().with_session(session);
    let add = async || {
        let request = Request::call_tool("mcp-add", &json!({"server": "far", "from": "team"})).unwrap();
        let answer = gateway.dispatch(&ctx, request).await.unwrap().result.unwrap();
        answer.read::<Value>().unwrap()
    };
    let answer = add().await;
    assert_eq!(answer["structuredContent"]["error"]["kind"], "unauthorized", "{answer}");
    authorize(&gateway, &servers).await.unwrap();
    assert_eq!(add().await["structuredContent"]["tools"][0]["tool"], "far.whoami");
    let answer = gateway.call_tool(&ctx, "far.whoami", &json!({})).await.unwrap();
    assert!(answer.get().contains("token ***"), "{}", answer.get());
    // The command line of an operator is another process, which knows of it what the catalog says.
    let elsewhere = bench.build().await;
    let error = begin(&elsewhere).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied, "found, and not to be reached by the settings that are known: {error}");
    let unknown = ServerName::new("nonsense").unwrap();
    let error = elsewhere.oauth_begin(&unknown, OAuthRequest::new()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}
