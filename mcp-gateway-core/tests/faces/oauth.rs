//! Tokens of authorization servers: which are let in, as whom, and what the others are told.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mcp_gateway_core::error::ErrorKind;
use mcp_gateway_core::transport::server::http::{HttpServer, HttpServerConfig, OAuthIssuer, OAuthResource};
use ring::hmac;
use serde_json::{Value, json};

use crate::authority::{Authority, Key, RESOURCE, now, signed};
use crate::host::{FakeHost, serve};
use crate::http::{Ask, OTHER_TOKEN, Reply, Server, TOKEN};
use crate::stream::initialize;

crate::tests![
    a_good_token_is_let_in_whatever_it_is_signed_with,
    a_bad_token_stays_out,
    a_signature_of_another_kind_stays_out,
    without_a_token_it_is_said_where_to_get_one,
    a_token_anywhere_but_in_its_header_is_none,
    a_missing_scope_is_named,
    scopes_give_roles,
    a_session_is_for_the_roles_it_was_opened_with,
    listening_ends_with_the_token,
    two_issuers_cannot_speak_of_the_same_user,
    a_token_cannot_take_the_name_of_another_principal,
    a_token_is_for_the_path_it_was_made_for,
    tokens_of_the_operator_stand_beside,
    metadata_is_for_everyone_who_names_the_server_rightly,
    a_path_of_the_public_address_is_in_the_metadata,
    the_public_name_is_a_host_that_clients_use,
    settings_that_cannot_be_right_are_refused,
];

pub(crate) async fn server(oauth: OAuthResource) -> Server {
    Server::with(|_| {}, |builder| builder.with_oauth(oauth)).await
}

impl Ask {
    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }
}

pub(crate) fn hello(server: &Server, token: &str) -> Ask {
    server.post(&initialize("2025-11-25")).bearer(token)
}

fn challenge(path: &str, more: &str) -> String {
    format!("Bearer {more}resource_metadata=\"{RESOURCE}/.well-known/oauth-protected-resource{path}\"")
}

async fn a_good_token_is_let_in_whatever_it_is_signed_with() {
    for key in Key::of_each_kind() {
        let authority = Authority::start(&key).await;
        let server = server(authority.resource()).await;
        for algorithm in key.algorithms() {
            for header in [
                json!({"alg": algorithm, "kid": key.name}),
                json!({"alg": algorithm, "typ": "JWT"}),
                // Where keys are is never taken from a token.
                json!({"alg": algorithm, "kid": key.name, "jku": "https://evil.example", "jwk": {"kty": "oct", "k": ""}}),
            ] {
                let token = key.sign_as(&header, &authority.claims("user"));
                assert_eq!(hello(&server, &token).status().await, 200, "{header}");
            }
        }
        assert_eq!(authority.fetches(), 1);
        assert_eq!(server.host.principals.lock().unwrap().first().unwrap(), "user");
    }
}

async fn a_bad_token_stays_out() {
    let (key, other) = (Key::new("1"), Key::new("1"));
    let authority = Authority::start(&key).await;
    let server = server(authority.resource()).await;
    let good = authority.claims("user");
    let with = |claim: &str, value: Value| key.sign(&good.clone().with(claim, value));
    let (signed, signature) = key.sign(&good).rsplit_once('.').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let typed = |typ: &str| key.sign_as(&json!({"alg": "ES256", "kid": "1", "typ": typ}), &good);
    let wider = URL_SAFE_NO_PAD.encode(good.clone().with("sub", "admin").0.to_string());
    for (what, token) in [
        ("another audience", with("aud", json!("https://other.example/mcp"))),
        ("another path", with("aud", json!(format!("{RESOURCE}/profiles/second/mcp")))),
        ("a longer audience", with("aud", json!(format!("{RESOURCE}/mcp/x")))),
        ("no audience", with("aud", Value::Null)),
        ("another issuer", with("iss", json!("https://other.example"))),
        ("almost the issuer", with("iss", json!(format!("{}/", authority.issuer())))),
        ("no issuer", with("iss", Value::Null)),
        ("expired", with("exp", json!(now() - 31))),
        ("without end", with("exp", Value::Null)),
        ("not yet valid", with("nbf", json!(now() + 60))),
        ("nobody", with("sub", Value::Null)),
        ("a name of nothing", with("sub", json!(" "))),
        ("tied to a key", with("cnf", json!({"jkt": "x"}))),
        ("another key of the same name", other.sign(&good)),
        ("another token's claims", format!("{}.{wider}.{signature}", signed.split_once('.').unwrap().0)),
        ("without signature", format!("{signed}.")),
        ("a proof", typed("dpop+jwt")),
        ("extensions", key.sign_as(&json!({"alg": "ES256", "kid": "1", "crit": ["b64"], "b64": false}), &good)),
        ("no JWT", "0123456789abcdef0123456789abcdef".to_owned()),
        ("much", format!("{signed}.{}", "A".repeat(20_000))),
    ] {
        let reply = hello(&server, &token).send().await;
        assert_eq!(reply.status(), 401, "{what}");
        let told = challenge("/mcp", "error=\"invalid_token\", ");
        assert_eq!(reply.header("www-authenticate"), Some(told.as_str()), "{what}");
        assert_eq!(reply.json().await, json!({"error": "the token is not accepted"}), "{what}");
    }
    assert_eq!(server.host.opened.load(std::sync::atomic::Ordering::SeqCst), 0);
    for soon in [with("exp", json!(now() - 5)), with("nbf", json!(now() + 5))] {
        assert_eq!(hello(&server, &soon).status().await, 200, "clocks may be off a little");
    }
}

/// What is meant for verifying must not serve as a secret, and no signature is no signature.
async fn a_signature_of_another_kind_stays_out() {
    for key in Key::of_each_kind() {
        let authority = Authority::start(&key).await;
        let server = server(authority.resource()).await;
        let claims = authority.claims("user");
        assert_eq!(hello(&server, &key.sign(&claims)).status().await, 200);
        let public = key.public();
        let secrets = ["n", "x", "y", "kid"].map(|member| public[member].as_str().unwrap_or_default().to_owned());
        for secret in secrets.iter().chain([&public.to_string()]) {
            for bytes in [secret.as_bytes().to_vec(), URL_SAFE_NO_PAD.decode(secret).unwrap_or_default()] {
                let signed = signed(&json!({"alg": "HS256", "kid": key.name}), &claims.0);
                let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &bytes), signed.as_bytes());
                let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag));
                assert_eq!(hello(&server, &token).status().await, 401);
            }
        }
        for algorithm in ["none", "None", "NONE", ""] {
            let signed = signed(&json!({"alg": algorithm, "kid": key.name}), &claims.0);
            for token in [format!("{signed}."), signed.clone(), format!("{signed}.AA")] {
                assert_eq!(hello(&server, &token).status().await, 401, "{algorithm}");
            }
        }
        for algorithm in ["RS256", "PS256", "ES256", "ES384", "EdDSA"] {
            if !key.algorithms().contains(&algorithm) {
                let token = key.sign_as(&json!({"alg": algorithm, "kid": key.name}), &claims);
                assert_eq!(hello(&server, &token).status().await, 401, "{algorithm}");
            }
        }
    }
}

async fn without_a_token_it_is_said_where_to_get_one() {
    let authority = Authority::start(&Key::new("1")).await;
    let server = server(authority.resource().with_scope("mcp:use").with_scope("mcp:call")).await;
    for (method, path, resource) in [
        ("POST", "/mcp", "/mcp"),
        ("GET", "/mcp", "/mcp"),
        ("DELETE", "/mcp", "/mcp"),
        ("POST", "/profiles/second/mcp", "/profiles/second/mcp"),
        ("GET", "/sse", "/sse"),
        ("POST", "/message?sessionId=x", "/sse"),
        ("GET", "/profiles/first/sse", "/profiles/first/sse"),
        ("POST", "/profiles/first/message", "/profiles/first/sse"),
    ] {
        let reply = server.ask(method, path).without("authorization").send().await;
        assert_eq!(reply.status(), 401, "{method} {path}");
        let told = format!("{}, scope=\"mcp:use mcp:call\"", challenge(resource, ""));
        assert_eq!(reply.header("www-authenticate"), Some(told.as_str()), "{method} {path}");
    }
    assert_eq!(authority.fetches(), 0);
}

async fn a_token_anywhere_but_in_its_header_is_none() {
    let key = Key::new("1");
    let authority = Authority::start(&key).await;
    let server = server(authority.resource()).await;
    let token = key.sign(&authority.claims("user"));
    let in_query = server.ask("POST", &format!("/mcp?access_token={token}")).json(&initialize("2025-11-25"));
    assert_eq!(in_query.without("authorization").status().await, 401);
    let in_body = json!({"access_token": token, "jsonrpc": "2.0", "id": 1, "method": "ping"});
    assert_eq!(server.post(&in_body).without("authorization").status().await, 401);
    for value in [format!("Basic {token}"), format!("DPoP {token}"), token.clone(), "Bearer ".to_owned()] {
        let reply = hello(&server, "").header("authorization", &value).send().await;
        assert_eq!(reply.header("www-authenticate"), Some(challenge("/mcp", "").as_str()));
    }
    let twice = hello(&server, &token).also("authorization", &format!("Bearer {token}"));
    assert_eq!(twice.status().await, 401);
    assert_eq!(hello(&server, &token).status().await, 200);
}

async fn a_missing_scope_is_named() {
    let key = Key::new("1");
    let authority = Authority::start(&key).await;
    let server = server(authority.resource().with_scope("mcp:use").with_scope("mcp:call")).await;
    let scoped = |scope: Value| key.sign(&authority.claims("user").with("scope", scope));
    for scope in [Value::Null, json!(""), json!("mcp:use"), json!("mcp:use mcp:calls"), json!("MCP:USE MCP:CALL")] {
        let reply = hello(&server, &scoped(scope.clone())).send().await;
        assert_eq!(reply.status(), 403, "{scope}");
        let told = format!("{}, scope=\"mcp:use mcp:call\"", challenge("/mcp", "error=\"insufficient_scope\", "));
        assert_eq!(reply.header("www-authenticate"), Some(told.as_str()));
    }
    let in_scp = authority.claims("user").with("scp", json!(["mcp:use", "mcp:call"]));
    for token in [scoped(json!("mcp:call openid mcp:use")), key.sign(&in_scp)] {
        assert_eq!(hello(&server, &token).status().await, 200);
    }
    let forged = Key::new("1").sign(&authority.claims("user"));
    assert_eq!(hello(&server, &forged).status().await, 401, "scopes are of interest in good tokens only");
}

async fn scopes_give_roles() {
    let key = Key::new("1");
    let authority = Authority::start(&key).await;
    let oauth = authority.resource().with_role("mcp:admin", "admin").with_role("mcp:admin", "reader");
    let server = server(oauth.with_role("mcp:read", "reader")).await;
    for scope in ["", "other", "mcp:read", "mcp:read mcp:admin"] {
        let token = key.sign(&authority.claims("user").with("scope", scope));
        assert_eq!(hello(&server, &token).status().await, 200);
    }
    let none = Vec::<String>::new();
    let roles = server.host.roles.lock().unwrap().clone();
    assert_eq!(roles, [none.clone(), none, vec!["reader".to_owned()], vec!["admin".to_owned(), "reader".to_owned()]]);
}

async fn a_session_is_for_the_roles_it_was_opened_with() {
    let key = Key::new("1");
    let authority = Authority::start(&key).await;
    let server = server(authority.resource().with_role("mcp:admin", "admin")).await;
    let token = |subject: &str, scope: &str| key.sign(&authority.claims(subject).with("scope", scope));
    let session = |reply: Reply| reply.header("mcp-session-id").unwrap().to_owned();
    let wide = session(hello(&server, &token("user", "mcp:admin")).send().await);
    let call = |token: &str| server.call(&wide, 1, "echo", json!({"text": "x"})).bearer(token);
    assert_eq!(call(&token("user", "mcp:admin more")).status().await, 200, "a newer token of the same kind");
    for other in [token("user", ""), token("other", "mcp:admin"), TOKEN.to_owned()] {
        assert_eq!(call(&other).status().await, 404);
        assert_eq!(server.listen(&wide).bearer(&other).status().await, 404);
        let delete = server.ask("DELETE", "/mcp").header("mcp-session-id", &wide);
        assert_eq!(delete.bearer(&other).status().await, 404);
    }
    let expired = key.sign(&authority.claims("user").with("scope", "mcp:admin").with("exp", now() - 60));
    assert_eq!(call(&expired).status().await, 401, "each request needs a good token");
    let narrow = session(hello(&server, &token("user", "")).send().await);
    let upwards = server.call(&narrow, 1, "echo", json!({"text": "x"})).bearer(&token("user", "mcp:admin"));
    assert_eq!(upwards.status().await, 404);
}

/// Each request needs a good token, so a client that only listens does too.
async fn listening_ends_with_the_token() {
    let key = Key::new("1");
    let authority = Authority::start(&key).await;
    let server = server(authority.resource()).await;
    let token = |path: &str, left: i64| {
        let audience = format!("{RESOURCE}{path}");
        // Half a minute more for clocks that are off.
        key.sign(&authority.claims("user").with("exp", now() - 30 + left).with("aud", audience))
    };
    let session = hello(&server, &token("/mcp", 60)).send().await.header("mcp-session-id").unwrap().to_owned();
    let mut stream = server.listen(&session).bearer(&token("/mcp", 5)).send().await.events();
    let mut sse = server.ask("GET", "/sse").bearer(&token("/sse", 5)).send().await.events();
    assert_eq!(sse.next().await.unwrap().name, "endpoint");
    assert!(stream.next().await.is_none() && sse.next().await.is_none());
    server.host.until("the session of the stream ends with it", |host| &host.closed, 1).await;
    assert_eq!(server.listen(&session).bearer(&token("/mcp", 0)).status().await, 401);
    assert_eq!(server.listen(&session).bearer(&token("/mcp", 60)).status().await, 200, "the session is there");
}

async fn two_issuers_cannot_speak_of_the_same_user() {
    let (a, b) = (Key::new("1"), Key::new("1"));
    let (first, second) = (Authority::start(&a).await, Authority::start(&b).await);
    let server = server(first.resource().with_issuer(OAuthIssuer::new(second.issuer()))).await;
    let (of_first, of_second) = (a.sign(&first.claims("user")), b.sign(&second.claims("user")));
    let session = hello(&server, &of_first).send().await.header("mcp-session-id").unwrap().to_owned();
    let call = |token: &str| server.call(&session, 1, "echo", json!({"text": "x"})).bearer(token);
    assert_eq!((call(&of_first).status().await, call(&of_second).status().await), (200, 404));
    assert_eq!(hello(&server, &of_second).status().await, 200);
    let names = [format!("{}#user", first.issuer()), format!("{}#user", second.issuer())];
    assert_eq!(*server.host.principals.lock().unwrap(), names);
    for crossed in [b.sign(&first.claims("user")), a.sign(&second.claims("user"))] {
        assert_eq!(hello(&server, &crossed).status().await, 401, "one issuer signs for the other");
    }
}

async fn a_token_cannot_take_the_name_of_another_principal() {
    let key = Key::new("1");
    let authority = Authority::start(&key).await;
    let server = server(authority.resource()).await;
    // The operator's tokens are of `ann` and `bob`, and `local` is who runs the gateway.
    for (subject, status) in [("ann", 401), ("bob", 401), ("local", 401), ("anne", 200)] {
        assert_eq!(hello(&server, &key.sign(&authority.claims(subject))).status().await, status, "{subject}");
    }
    let client = authority.claims("").with("sub", Value::Null).with("client_id", "app");
    assert_eq!(hello(&server, &key.sign(&client)).status().await, 200);
    assert_eq!(*server.host.principals.lock().unwrap(), ["anne", "client:app"]);
}

async fn a_token_is_for_the_path_it_was_made_for() {
    let key = Key::new("1");
    let authority = Authority::start(&key).await;
    let server = server(authority.resource().with_audience("api://gateway")).await;
    let token = |audience: Value| key.sign(&authority.claims("user").with("aud", audience));
    let own = |path: &str| json!(format!("{RESOURCE}{path}"));
    let (mcp, named, second) = ("/mcp", "/profiles/first/mcp", "/profiles/second/mcp");
    for (audience, let_in) in [
        (own(mcp), vec![mcp]),
        (own("/mcp/"), vec![mcp]),
        (own(named), vec![named]),
        (own(second), vec![second]),
        (json!([own(second), own(mcp)]), vec![mcp, second]),
        (own(""), vec![mcp]),
        (own("/"), vec![mcp]),
        (own("/sse"), vec![]),
        (own("//mcp"), vec![]),
        (json!("gw.example"), vec![]),
        (json!("api://gateway"), vec![mcp, named, second]),
        (json!(["other", "api://gateway"]), vec![mcp, named, second]),
    ] {
        for path in [mcp, named, second] {
            let ask = server.ask("POST", path).json(&initialize("2025-11-25")).bearer(&token(audience.clone()));
            let status = if let_in.contains(&path) { 200 } else { 401 };
            assert_eq!(ask.status().await, status, "{audience} at {path}");
        }
    }
    let sse = |audience: &str| server.ask("GET", "/sse").bearer(&token(own(audience)));
    assert_eq!((sse("/sse").status().await, sse("/mcp").status().await), (200, 401));
}

async fn tokens_of_the_operator_stand_beside() {
    let key = Key::new("1");
    let authority = Authority::start(&key).await;
    let server = server(authority.resource()).await;
    for token in [TOKEN, OTHER_TOKEN] {
        assert_eq!(hello(&server, token).status().await, 200);
    }
    assert_eq!(authority.fetches(), 0);
    assert_eq!(hello(&server, &key.sign(&authority.claims("user"))).status().await, 200);
    assert_eq!(*server.host.principals.lock().unwrap(), ["ann", "bob", "user"]);
}

async fn metadata_is_for_everyone_who_names_the_server_rightly() {
    let authority = Authority::start(&Key::new("1")).await;
    let server = server(authority.resource().with_scope("mcp:use").with_role("mcp:admin", "admin")).await;
    let at = |path: &str| {
        server.ask("GET", &format!("/.well-known/oauth-protected-resource{path}")).without("authorization")
    };
    for path in ["", "/mcp", "/sse", "/profiles/first/mcp", "/profiles/second/mcp", "/profiles/second/sse"] {
        let reply = at(path).send().await;
        assert_eq!(reply.status(), 200, "{path}");
        let wanted = json!({
            "resource": format!("{RESOURCE}{path}"),
            "authorization_servers": [authority.issuer()],
            "scopes_supported": ["mcp:admin", "mcp:use"],
            "bearer_methods_supported": ["header"],
        });
        assert_eq!(reply.json().await, wanted, "{path}");
    }
    assert_eq!(at("/profiles/third/mcp").status().await, 404);
    assert_eq!(at("/message").status().await, 404);
    for host in ["evil.example", "gw.example.evil.example", ""] {
        assert_eq!(at("/mcp").header("host", host).status().await, 403, "{host}");
    }
    let plain = Server::start().await;
    assert_eq!(plain.ask("GET", "/.well-known/oauth-protected-resource/mcp").status().await, 404);
}

async fn a_path_of_the_public_address_is_in_the_metadata() {
    let key = Key::new("1");
    let authority = Authority::start(&key).await;
    let mut oauth = authority.resource();
    oauth.address = "https://GW.example:443/tools/".to_owned();
    let server = server(oauth).await;
    let reply = server.post(&initialize("2025-11-25")).without("authorization").send().await;
    let told = "Bearer resource_metadata=\"https://gw.example/.well-known/oauth-protected-resource/tools/mcp\"";
    assert_eq!(reply.header("www-authenticate"), Some(told));
    // A proxy may hand on the path as it came, or without its own part.
    for (path, resource) in [("/tools/mcp", "/tools/mcp"), ("/mcp", "/tools/mcp"), ("/tools", "/tools"), ("", "/tools")]
    {
        let reply = server.ask("GET", &format!("/.well-known/oauth-protected-resource{path}")).send().await;
        assert_eq!(reply.json().await["resource"], format!("https://gw.example{resource}"), "{path}");
    }
    let token = |audience: &str| key.sign(&authority.claims("user").with("aud", audience));
    assert_eq!(hello(&server, &token("https://gw.example/tools/mcp")).status().await, 200);
    assert_eq!(hello(&server, &token("https://gw.example/mcp")).status().await, 401);
}

async fn the_public_name_is_a_host_that_clients_use() {
    let key = Key::new("1");
    let authority = Authority::start(&key).await;
    let server = server(authority.resource()).await;
    let token = key.sign(&authority.claims("user"));
    for (host, status) in [("gw.example", 200), ("GW.example:443", 200), ("other.example", 403)] {
        assert_eq!(hello(&server, &token).header("host", host).status().await, status, "{host}");
    }
}

async fn settings_that_cannot_be_right_are_refused() {
    let good = || OAuthResource::new(RESOURCE).with_issuer(OAuthIssuer::new("https://login.example"));
    let at = |address: &str| OAuthResource::new(address).with_issuer(OAuthIssuer::new("https://login.example"));
    let mut late = good();
    late.leeway = std::time::Duration::from_secs(3600);
    let symmetric = json!({"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}).to_string();
    for (what, oauth, kind) in [
        ("no issuer", OAuthResource::new(RESOURCE), ErrorKind::InvalidConfig),
        ("twice", good().with_issuer(OAuthIssuer::new("https://login.example")), ErrorKind::InvalidConfig),
        ("plain", at("http://gw.example"), ErrorKind::InvalidConfig),
        ("no address", at("gw.example"), ErrorKind::InvalidConfig),
        ("the path of a profile", at("https://gw.example/mcp"), ErrorKind::InvalidConfig),
        ("a query", at("https://gw.example/?a"), ErrorKind::InvalidConfig),
        ("a plain issuer", good().with_issuer(OAuthIssuer::new("http://a.example")), ErrorKind::InvalidConfig),
        ("a fragment", good().with_issuer(OAuthIssuer::new("https://a.example#b")), ErrorKind::InvalidConfig),
        ("a private issuer", good().with_issuer(OAuthIssuer::new("https://10.1.2.3")), ErrorKind::Denied),
        (
            "a cloud's issuer",
            good().with_issuer(OAuthIssuer::new("https://169.254.169.254")).allow_private(),
            ErrorKind::Denied,
        ),
        ("a scope of two", good().with_scope("a b"), ErrorKind::InvalidConfig),
        ("a quoted scope", good().with_scope("a\""), ErrorKind::InvalidConfig),
        ("a scope of nothing", good().with_role("", "admin"), ErrorKind::InvalidConfig),
        ("a scope of others", good().with_scope("offline_access"), ErrorKind::InvalidConfig),
        ("no role", good().with_role("a", ""), ErrorKind::InvalidConfig),
        ("no audience", good().with_audience(""), ErrorKind::InvalidConfig),
        ("much leeway", late, ErrorKind::InvalidConfig),
        (
            "no keys",
            good().with_issuer(OAuthIssuer::new("https://a.example").with_jwks("{}")),
            ErrorKind::InvalidConfig,
        ),
        (
            "secrets",
            good().with_issuer(OAuthIssuer::new("https://a.example").with_jwks(symmetric)),
            ErrorKind::InvalidConfig,
        ),
    ] {
        let mut config = HttpServerConfig::default();
        config.address.set_port(0);
        let server = HttpServer::builder().with_config(config).with_host("first", serve(&FakeHost::new()));
        let error = server.with_oauth(oauth).bind().await.unwrap_err();
        assert_eq!(error.kind(), kind, "{what}: {error}");
        assert!(!error.report().contains("c2VjcmV0"));
    }
}
