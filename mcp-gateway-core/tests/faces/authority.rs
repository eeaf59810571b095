//! An authorization server that publishes its metadata and keys, and signs whatever tokens a test wants.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mcp_gateway_core::transport::server::http::{OAuthIssuer, OAuthResource};
use mcp_gateway_core::util::clock;
use ring::rand::SystemRandom;
use ring::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaKeyPair, RsaPublicKeyComponents};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;

/// The public address of the servers under test; nothing listens there, and nothing has to.
pub(crate) const RESOURCE: &str = "https://gw.example";

/// How the authorization server answers when it is asked for its keys.
#[derive(Clone, Debug)]
pub(crate) enum Mood {
    Good,
    /// With an error.
    Down,
    /// When the gate has a permit.
    Slow,
    /// With more than anyone wants to read.
    Huge,
    /// With this.
    Says(Value),
}

/// A running authorization server; it ends with this value.
pub(crate) struct Authority {
    address: SocketAddr,
    told: Arc<Told>,
    task: AbortHandle,
}

struct Told {
    /// The metadata, by path.
    metadata: Mutex<Vec<(String, Value)>>,
    keys: Mutex<Vec<Value>>,
    mood: Mutex<Mood>,
    /// How often the keys were asked for.
    fetches: AtomicUsize,
    gate: Semaphore,
}

impl Authority {
    /// A server that publishes one key.
    pub(crate) async fn start(key: &Key) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let told = Arc::new(Told {
            metadata: Mutex::default(),
            keys: Mutex::new(vec![key.public()]),
            mood: Mutex::new(Mood::Good),
            fetches: AtomicUsize::new(0),
            gate: Semaphore::new(0),
        });
        let router = Router::new().fallback(answer).with_state(Arc::clone(&told));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() }).abort_handle();
        let this = Self { address, told, task };
        this.describe("/.well-known/oauth-authorization-server", &this.issuer(), &format!("{}/keys", this.issuer()));
        this
    }

    /// Its issuer identifier.
    pub(crate) fn issuer(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// A gateway that trusts this server, and fetches keys whenever it wants to.
    pub(crate) fn resource(&self) -> OAuthResource {
        let mut resource = OAuthResource::new(RESOURCE).with_issuer(OAuthIssuer::new(self.issuer()));
        resource.fetch_interval = std::time::Duration::ZERO;
        resource
    }

    /// Puts metadata at a path, in place of what there was.
    pub(crate) fn describe(&self, path: &str, issuer: &str, keys: &str) {
        let metadata = json!({"issuer": issuer, "jwks_uri": keys, "response_types_supported": ["code"]});
        *self.told.metadata.lock().unwrap() = vec![(path.to_owned(), metadata)];
    }

    /// Publishes this key in place of those before.
    pub(crate) fn rotate(&self, key: &Key) {
        *self.told.keys.lock().unwrap() = vec![key.public()];
    }

    pub(crate) fn mood(&self, mood: Mood) {
        *self.told.mood.lock().unwrap() = mood;
    }

    pub(crate) fn fetches(&self) -> usize {
        self.told.fetches.load(Ordering::SeqCst)
    }

    /// Lets slow answers go out.
    pub(crate) fn open_gate(&self) {
        self.told.gate.add_permits(Semaphore::MAX_PERMITS / 2);
    }

    /// Claims of a token for `/mcp` that is good for an hour.
    pub(crate) fn claims(&self, subject: &str) -> Claims {
        Claims(json!({
            "iss": self.issuer(), "aud": format!("{RESOURCE}/mcp"), "sub": subject, "exp": now() + 3600, "iat": now(),
        }))
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(State(told): State<Arc<Told>>, request: Request) -> Response {
    let path = request.uri().path();
    if let Some((_, metadata)) = told.metadata.lock().unwrap().iter().find(|(at, _)| at == path) {
        return axum::Json(metadata.clone()).into_response();
    }
    if path != "/keys" {
        return StatusCode::NOT_FOUND.into_response();
    }
    told.fetches.fetch_add(1, Ordering::SeqCst);
    let mood = told.mood.lock().unwrap().clone();
    match mood {
        Mood::Good => {}
        Mood::Down => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Mood::Slow => drop(told.gate.acquire().await.unwrap()),
        Mood::Huge => return " ".repeat(8 * 1024 * 1024).into_response(),
        Mood::Says(value) => return axum::Json(value).into_response(),
    }
    axum::Json(json!({"keys": *told.keys.lock().unwrap()})).into_response()
}

/// A key of an authorization server.
pub(crate) struct Key {
    pub(crate) name: String,
    pair: Pair,
}

enum Pair {
    P256(EcdsaKeyPair),
    P384(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

impl Key {
    /// A fresh key for ES256.
    pub(crate) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), pair: Pair::P256(ecdsa(&signature::ECDSA_P256_SHA256_FIXED_SIGNING)) }
    }

    /// A key of each kind.
    pub(crate) fn of_each_kind() -> Vec<Self> {
        let ed25519 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        let file = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/faces/tls/rsa.pem"));
        let rsa = PrivateKeyDer::from_pem_file(file).unwrap();
        let pairs = [
            ("p256", Pair::P256(ecdsa(&signature::ECDSA_P256_SHA256_FIXED_SIGNING))),
            ("p384", Pair::P384(ecdsa(&signature::ECDSA_P384_SHA384_FIXED_SIGNING))),
            ("ed25519", Pair::Ed25519(Ed25519KeyPair::from_pkcs8(ed25519.as_ref()).unwrap())),
            ("rsa", Pair::Rsa(RsaKeyPair::from_pkcs8(rsa.secret_der()).unwrap())),
        ];
        pairs.into_iter().map(|(name, pair)| Self { name: name.to_owned(), pair }).collect()
    }

    /// The algorithms that it signs with.
    pub(crate) fn algorithms(&self) -> &'static [&'static str] {
        match self.pair {
            Pair::P256(_) => &["ES256"],
            Pair::P384(_) => &["ES384"],
            Pair::Ed25519(_) => &["EdDSA", "Ed25519"],
            Pair::Rsa(_) => &["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
        }
    }

    /// The public half as JSON has it.
    pub(crate) fn public(&self) -> Value {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let mut key = match &self.pair {
            Pair::P256(pair) | Pair::P384(pair) => {
                let point = &pair.public_key().as_ref()[1..];
                let (x, y) = point.split_at(point.len() / 2);
                let curve = if x.len() == 32 { "P-256" } else { "P-384" };
                json!({"kty": "EC", "crv": curve, "x": text(x), "y": text(y)})
            }
            Pair::Ed25519(pair) => json!({"kty": "OKP", "crv": "Ed25519", "x": text(pair.public_key().as_ref())}),
            Pair::Rsa(pair) => {
                let key = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public());
                json!({"kty": "RSA", "n": text(&key.n), "e": text(&key.e)})
            }
        };
        key["kid"] = self.name.as_str().into();
        key["use"] = "sig".into();
        key
    }

    /// A token with the first of its algorithms.
    pub(crate) fn sign(&self, claims: &Claims) -> String {
        self.sign_as(&json!({"alg": self.algorithms()[0], "kid": self.name, "typ": "at+jwt"}), claims)
    }

    /// A token with this header.
    pub(crate) fn sign_as(&self, header: &Value, claims: &Claims) -> String {
        let signed = signed(header, &claims.0);
        let (random, bytes) = (SystemRandom::new(), signed.as_bytes());
        let signature = match &self.pair {
            Pair::P256(pair) | Pair::P384(pair) => pair.sign(&random, bytes).unwrap().as_ref().to_vec(),
            Pair::Ed25519(pair) => pair.sign(bytes).as_ref().to_vec(),
            Pair::Rsa(pair) => {
                let padding: &dyn signature::RsaEncoding = match header["alg"].as_str().unwrap() {
                    "RS384" => &signature::RSA_PKCS1_SHA384,
                    "RS512" => &signature::RSA_PKCS1_SHA512,
                    "PS256" => &signature::RSA_PSS_SHA256,
                    "PS384" => &signature::RSA_PSS_SHA384,
                    "PS512" => &signature::RSA_PSS_SHA512,
                    _ => &signature::RSA_PKCS1_SHA256,
                };
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(padding, &random, bytes, &mut signature).unwrap();
                signature
            }
        };
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// What is signed.
pub(crate) fn signed(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(header), part(claims))
}

fn ecdsa(algorithm: &'static signature::EcdsaSigningAlgorithm) -> EcdsaKeyPair {
    let random = SystemRandom::new();
    let pair = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
    EcdsaKeyPair::from_pkcs8(algorithm, pair.as_ref(), &random).unwrap()
}

/// What a token says.
#[derive(Clone, Debug)]
pub(crate) struct Claims(pub(crate) Value);

impl Claims {
    /// Sets a claim; `null` takes it away.
    pub(crate) fn with(mut self, claim: &str, value: impl Into<Value>) -> Self {
        match value.into() {
            Value::Null => drop(self.0.as_object_mut().unwrap().remove(claim)),
            value => self.0[claim] = value,
        }
        self
    }
}

/// Seconds since the Unix epoch.
pub(crate) fn now() -> i64 {
    clock::now_millis() / 1000
}
