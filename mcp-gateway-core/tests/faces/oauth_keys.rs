//! Where the keys of issuers come from, and what happens while they do not come.

use std::time::Duration;

use mcp_gateway_core::transport::server::http::{OAuthIssuer, OAuthResource};
use serde_json::{Value, json};

use crate::authority::{Authority, Key, Mood, RESOURCE};
use crate::oauth::{hello, server};
use crate::until;

crate::tests![
    a_new_key_is_found_and_an_old_one_forgotten,
    unknown_keys_do_not_make_the_gateway_fetch_at_will,
    an_issuer_that_does_not_answer_lets_nobody_in,
    one_that_answers_nonsense_lets_nobody_in,
    keys_that_are_there_outlast_their_issuer,
    many_clients_wait_for_one_fetch,
    metadata_is_found_wherever_it_may_be,
    one_issuer_does_not_speak_for_another,
    keys_elsewhere_have_to_be_allowed,
    keys_that_were_given_are_not_fetched,
];

async fn a_new_key_is_found_and_an_old_one_forgotten() {
    let (old, new) = (Key::new("1"), Key::new("2"));
    let authority = Authority::start(&old).await;
    let server = server(authority.resource()).await;
    let (by_old, by_new) = (old.sign(&authority.claims("user")), new.sign(&authority.claims("user")));
    assert_eq!(hello(&server, &by_old).status().await, 200);
    assert_eq!(hello(&server, &by_new).status().await, 401);
    authority.rotate(&new);
    assert_eq!(hello(&server, &by_old).status().await, 200, "nothing says that its key is gone");
    assert_eq!(hello(&server, &by_new).status().await, 200);
    assert_eq!(hello(&server, &by_old).status().await, 401);
    // Without names of keys a new one is found too.
    let newest = Key::new("3");
    authority.rotate(&newest);
    let token = newest.sign_as(&json!({"alg": "ES256"}), &authority.claims("user"));
    assert_eq!(hello(&server, &token).status().await, 200);
}

async fn unknown_keys_do_not_make_the_gateway_fetch_at_will() {
    let key = Key::new("1");
    let authority = Authority::start(&key).await;
    let mut oauth = authority.resource();
    oauth.fetch_interval = Duration::from_secs(3600);
    let server = server(oauth).await;
    assert_eq!(hello(&server, &key.sign(&authority.claims("user"))).status().await, 200);
    for number in 0..20 {
        let stranger = Key::new(&format!("stranger-{number}"));
        assert_eq!(hello(&server, &stranger.sign(&authority.claims("user"))).status().await, 401);
    }
    assert_eq!(authority.fetches(), 1);
    assert_eq!(hello(&server, &key.sign(&authority.claims("user"))).status().await, 200);
}

async fn an_issuer_that_does_not_answer_lets_nobody_in() {
    let key = Key::new("1");
    let authority = Authority::start(&key).await;
    for (mood, seconds) in [(Mood::Down, 20), (Mood::Slow, 2), (Mood::Huge, 20)] {
        let mut oauth = authority.resource();
        oauth.fetch_timeout = Duration::from_secs(seconds);
        oauth.fetch_interval = Duration::from_secs(3600);
        let server = server(oauth).await;
        authority.mood(mood.clone());
        let before = authority.fetches();
        for _ in 0..3 {
            let reply = hello(&server, &key.sign(&authority.claims("user"))).send().await;
            assert_eq!((reply.status(), reply.header("retry-after")), (503, Some("3600")), "{mood:?}");
            assert_eq!(reply.header("www-authenticate"), None);
            assert_eq!(reply.json().await, json!({"error": "tokens cannot be checked now"}));
        }
        assert_eq!(authority.fetches(), before + 1, "{mood:?}");
        let forged = key.sign(&authority.claims("user").with("aud", "other"));
        assert_eq!(hello(&server, &forged).status().await, 401, "what can be told is told");
    }
    let gone = authority.resource();
    let token = key.sign(&authority.claims("user"));
    drop(authority);
    assert_eq!(hello(&server(gone).await, &token).status().await, 503);
}

async fn one_that_answers_nonsense_lets_nobody_in() {
    let key = Key::new("1");
    let authority = Authority::start(&key).await;
    let server = server(authority.resource()).await;
    let token = key.sign(&authority.claims("user"));
    let secret = json!({"keys": [{"kty": "oct", "kid": "1", "k": "c2VjcmV0"}]});
    for nonsense in [json!(null), json!({"keys": "none"}), json!({"keys": []}), secret] {
        authority.mood(Mood::Says(nonsense.clone()));
        assert_eq!(hello(&server, &token).status().await, 503, "{nonsense}");
    }
    authority.mood(Mood::Good);
    assert_eq!(hello(&server, &token).status().await, 200, "and it may recover");
}

async fn keys_that_are_there_outlast_their_issuer() {
    let key = Key::new("1");
    let authority = Authority::start(&key).await;
    let server = server(authority.resource()).await;
    let token = key.sign(&authority.claims("user"));
    assert_eq!(hello(&server, &token).status().await, 200);
    authority.mood(Mood::Down);
    assert_eq!(hello(&server, &token).status().await, 200);
    let stranger = Key::new("2").sign(&authority.claims("user"));
    assert_eq!(hello(&server, &stranger).status().await, 503, "its key may be a newer one");
    assert_eq!(hello(&server, &token).status().await, 200);
}

async fn many_clients_wait_for_one_fetch() {
    let key = Key::new("1");
    let authority = Authority::start(&key).await;
    authority.mood(Mood::Slow);
    let server = server(authority.resource()).await;
    let token = key.sign(&authority.claims("user"));
    let asks: Vec<_> = (0..20).map(|_| tokio::spawn(hello(&server, &token).status())).collect();
    until("keys are asked for", || authority.fetches() == 1).await;
    authority.open_gate();
    for ask in asks {
        assert_eq!(ask.await.unwrap(), 200);
    }
    assert_eq!(authority.fetches(), 1);
}

async fn metadata_is_found_wherever_it_may_be() {
    let key = Key::new("1");
    let authority = Authority::start(&key).await;
    let (root, keys) = (authority.issuer(), format!("{}/keys", authority.issuer()));
    for (issuer, path) in [
        (root.clone(), "/.well-known/oauth-authorization-server"),
        (root.clone(), "/.well-known/openid-configuration"),
        (format!("{root}/"), "/.well-known/openid-configuration"),
        (format!("{root}/realms/a"), "/.well-known/oauth-authorization-server/realms/a"),
        (format!("{root}/realms/a"), "/.well-known/openid-configuration/realms/a"),
        (format!("{root}/realms/a"), "/realms/a/.well-known/openid-configuration"),
        (format!("{root}/realms/a/"), "/realms/a/.well-known/openid-configuration"),
    ] {
        authority.describe(path, &issuer, &keys);
        let server = server(OAuthResource::new(RESOURCE).with_issuer(OAuthIssuer::new(&issuer))).await;
        let token = key.sign(&authority.claims("user").with("iss", issuer.as_str()));
        assert_eq!(hello(&server, &token).status().await, 200, "{issuer} {path}");
    }
}

async fn one_issuer_does_not_speak_for_another() {
    let key = Key::new("1");
    let authority = Authority::start(&key).await;
    let server = server(authority.resource()).await;
    let keys = format!("{}/keys", authority.issuer());
    for other in ["https://other.example".to_owned(), format!("{}/", authority.issuer())] {
        authority.describe("/.well-known/oauth-authorization-server", &other, &keys);
        assert_eq!(hello(&server, &key.sign(&authority.claims("user"))).status().await, 503, "{other}");
    }
    assert_eq!(authority.fetches(), 0);
}

/// Metadata must not make the gateway ask whatever listens on this machine or beside it.
async fn keys_elsewhere_have_to_be_allowed() {
    let key = Key::new("1");
    let authority = Authority::start(&key).await;
    let token = key.sign(&authority.claims("user"));
    let ask = async |oauth: OAuthResource, token: &str| hello(&server(oauth).await, token).status().await;
    for elsewhere in [format!("http://localhost:{}/keys", authority.port()), "http://keys.example/keys".to_owned()] {
        authority.describe("/.well-known/oauth-authorization-server", &authority.issuer(), &elsewhere);
        assert_eq!(ask(authority.resource(), &token).await, 503, "{elsewhere}");
    }
    assert_eq!(authority.fetches(), 0);
    let elsewhere = format!("http://localhost:{}/keys", authority.port());
    authority.describe("/.well-known/oauth-authorization-server", &authority.issuer(), &elsewhere);
    assert_eq!(ask(authority.resource().allow_private(), &token).await, 200);
}

async fn keys_that_were_given_are_not_fetched() {
    let (key, other) = (Key::new("1"), Key::new("2"));
    let authority = Authority::start(&other).await;
    let set: Value = json!({"keys": [key.public()]});
    let issuer = OAuthIssuer::new(authority.issuer()).with_jwks(set.to_string());
    let server = server(OAuthResource::new(RESOURCE).with_issuer(issuer)).await;
    assert_eq!(hello(&server, &key.sign(&authority.claims("user"))).status().await, 200);
    assert_eq!(hello(&server, &other.sign(&authority.claims("user"))).status().await, 401);
    assert_eq!(authority.fetches(), 0);
    // An issuer that cannot be reached needs no rule for its address.
    let private = OAuthIssuer::new("https://10.1.2.3").with_jwks(set.to_string());
    let server = self::server(OAuthResource::new(RESOURCE).with_issuer(private)).await;
    let token = key.sign(&authority.claims("user").with("iss", "https://10.1.2.3"));
    assert_eq!(hello(&server, &token).status().await, 200);
}
