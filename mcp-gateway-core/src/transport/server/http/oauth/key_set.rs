//! Public keys of an issuer, and the signatures that they verify.
//!
//! By the library that TLS uses too (`util::tls`): what a crate for JWTs would add is a second one, and key kinds that have no
//! place here.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{self, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm};
use serde::Deserialize;
use serde_json::Value;

use super::jwt::Jwt;
use crate::error::{Error, ErrorKind, Result};

/// The most keys of one issuer that are kept.
const MAX_KEYS: usize = 64;

/// How tokens may be signed: with what only the issuer has. What says `none` or is signed with a shared secret has no place
/// in this list, so a public key can never be taken for such a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    Rs256,
    Rs384,
    Rs512,
    Ps256,
    Ps384,
    Ps512,
    Es256,
    Es384,
    EdDsa,
}

/// The keys of one issuer.
#[derive(Debug)]
pub(super) struct KeySet(Vec<PublicKey>);

/// What a set of keys makes of a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Good,
    Wrong,
    /// The key is none of these; there may be newer ones.
    UnknownKey,
}

#[derive(Debug)]
struct PublicKey {
    name: Option<String>,
    /// The only algorithm that it is for, where the issuer says so.
    algorithm: Option<Algorithm>,
    material: Material,
}

#[derive(Debug)]
enum Material {
    Rsa(RsaPublicKeyComponents<Vec<u8>>),
    /// A point, uncompressed.
    P256(Vec<u8>),
    /// A point, uncompressed.
    P384(Vec<u8>),
    Ed25519(Vec<u8>),
}

/// A key as JSON has it.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl Algorithm {
    /// The algorithm of a token's header.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "RS256" => Self::Rs256,
            "RS384" => Self::Rs384,
            "RS512" => Self::Rs512,
            "PS256" => Self::Ps256,
            "PS384" => Self::Ps384,
            "PS512" => Self::Ps512,
            "ES256" => Self::Es256,
            "ES384" => Self::Es384,
            "EdDSA" | "Ed25519" => Self::EdDsa,
            _ => return None,
        })
    }

    fn rsa(self) -> Option<&'static RsaParameters> {
        Some(match self {
            Self::Rs256 => &signature::RSA_PKCS1_2048_8192_SHA256,
            Self::Rs384 => &signature::RSA_PKCS1_2048_8192_SHA384,
            Self::Rs512 => &signature::RSA_PKCS1_2048_8192_SHA512,
            Self::Ps256 => &signature::RSA_PSS_2048_8192_SHA256,
            Self::Ps384 => &signature::RSA_PSS_2048_8192_SHA384,
            Self::Ps512 => &signature::RSA_PSS_2048_8192_SHA512,
            Self::Es256 | Self::Es384 | Self::EdDsa => return None,
        })
    }
}

impl KeySet {
    /// Reads a JWK set. Keys for other purposes and of other kinds are left out, as RFC 7517 asks.
    ///
    /// # Errors
    /// `InvalidConfig` when it is no JWK set or holds no key that could verify a token.
    pub(super) fn parse(text: &[u8]) -> Result<Self> {
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<Value>,
        }
        let set: Set = serde_json::from_slice(text).map_err(|cause| {
            Error::new(ErrorKind::InvalidConfig, "keys of the issuer are no JWK set").with_source(cause)
        })?;
        let keys: Vec<_> = set.keys.into_iter().filter_map(PublicKey::from_json).take(MAX_KEYS).collect();
        if keys.is_empty() {
            return Err(Error::new(
                ErrorKind::InvalidConfig,
                "keys of the issuer hold none that tokens could be signed with",
            )
            .with_hint("RSA keys of 2,048 bits and more, P-256, P-384 and Ed25519 are of use"));
        }
        Ok(Self(keys))
    }

    /// What these keys make of a token's signature.
    pub(super) fn verify(&self, jwt: &Jwt<'_>) -> Verdict {
        let named = |key: &PublicKey| jwt.key.is_some() && key.name == jwt.key;
        let mut fitting = self.0.iter().filter(|key| named(key) || key.name.is_none() || jwt.key.is_none());
        if fitting.any(|key| key.has_signed(jwt)) {
            return Verdict::Good;
        }
        if self.0.iter().any(named) { Verdict::Wrong } else { Verdict::UnknownKey }
    }
}

impl PublicKey {
    fn from_json(value: Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(value).ok()?;
        let is_for_signatures = jwk.usage.as_deref().is_none_or(|usage| usage == "sig")
            && jwk.key_ops.as_ref().is_none_or(|operations| operations.iter().any(|operation| operation == "verify"));
        let algorithm = match &jwk.alg {
            Some(name) => Some(Algorithm::from_name(name)?),
            None => None,
        };
        let material = jwk.material().filter(|_| is_for_signatures)?;
        Some(Self { name: jwk.kid, algorithm, material })
    }

    fn has_signed(&self, jwt: &Jwt<'_>) -> bool {
        if self.algorithm.is_some_and(|only| only != jwt.algorithm) {
            return false;
        }
        let verify = |algorithm: &'static dyn VerificationAlgorithm, key: &[u8]| {
            UnparsedPublicKey::new(algorithm, key).verify(jwt.signed, &jwt.signature).is_ok()
        };
        match (&self.material, jwt.algorithm) {
            (Material::Rsa(key), algorithm) => {
                algorithm.rsa().is_some_and(|rsa| key.verify(rsa, jwt.signed, &jwt.signature).is_ok())
            }
            (Material::P256(point), Algorithm::Es256) => verify(&signature::ECDSA_P256_SHA256_FIXED, point),
            (Material::P384(point), Algorithm::Es384) => verify(&signature::ECDSA_P384_SHA384_FIXED, point),
            (Material::Ed25519(key), Algorithm::EdDsa) => verify(&signature::ED25519, key),
            (Material::P256(_) | Material::P384(_) | Material::Ed25519(_), _) => false,
        }
    }
}

impl Jwk {
    fn material(&self) -> Option<Material> {
        match (self.kty.as_str(), self.crv.as_deref()) {
            ("RSA", _) => {
                let (n, e) = (number(self.n.as_ref())?, number(self.e.as_ref())?);
                // The library verifies nothing with a shorter one, which would look like a wrong signature.
                (n.len() >= 2048 / 8).then_some(Material::Rsa(RsaPublicKeyComponents { n, e }))
            }
            ("EC", Some("P-256")) => self.point(32).map(Material::P256),
            ("EC", Some("P-384")) => self.point(48).map(Material::P384),
            ("OKP", Some("Ed25519")) => bytes(self.x.as_ref()).filter(|key| key.len() == 32).map(Material::Ed25519),
            _ => None,
        }
    }

    fn point(&self, length: usize) -> Option<Vec<u8>> {
        let (x, y) = (bytes(self.x.as_ref())?, bytes(self.y.as_ref())?);
        (x.len() == length && y.len() == length).then(|| [vec![4], x, y].concat())
    }
}

fn bytes(text: Option<&String>) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text?).ok()
}

/// A number without the zeros that some issuers put before it.
fn number(text: Option<&String>) -> Option<Vec<u8>> {
    let mut number = bytes(text)?;
    number.drain(..number.iter().position(|byte| *byte != 0)?);
    Some(number)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Header, claims and signature of examples that were published with their keys, their claims replaced: only what was
    /// signed and the signature matter here.
    fn verdict(keys: &Value, algorithm: Algorithm, kid: Option<&str>, token: &str) -> Verdict {
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let claims = serde_json::from_value(json!({"iss": "", "aud": "", "exp": 0})).unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        let key = kid.map(str::to_owned);
        let jwt = Jwt { algorithm, key, claims, signed: signed.as_bytes(), signature };
        KeySet::parse(json!({"keys": keys}).to_string().as_bytes()).unwrap().verify(&jwt)
    }

    /// RFC 7515, A.2.
    const RS256: &str = "eyJhbGciOiJSUzI1NiJ9.\
        eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.\
        cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t\
        1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12\
        jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlU\
        PQGe77Rw";

    fn rsa() -> Value {
        json!({
            "kty": "RSA", "kid": "r", "e": "AQAB",
            "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZ\
                  S-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2\
                  R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcD\
                  TW9gb54h4FRWyuXpoQ",
        })
    }

    /// RFC 7515, A.3.
    const ES256: &str = "eyJhbGciOiJFUzI1NiJ9.\
        eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.\
        DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

    fn p256() -> Value {
        json!({
            "kty": "EC", "kid": "p", "crv": "P-256",
            "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        })
    }

    /// RFC 8037, A.4.
    const ED25519: &str = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.\
        hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";

    fn ed25519() -> Value {
        json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})
    }

    #[test]
    fn published_examples_are_verified() {
        let keys = json!([rsa(), p256(), ed25519()]);
        for (algorithm, kid, token) in [
            (Algorithm::Rs256, Some("r"), RS256),
            (Algorithm::Rs256, None, RS256),
            (Algorithm::Es256, Some("p"), ES256),
            (Algorithm::EdDsa, None, ED25519),
            // The key that has no name may be the one that is meant.
            (Algorithm::EdDsa, Some("x"), ED25519),
        ] {
            assert_eq!(verdict(&keys, algorithm, kid, token), Verdict::Good, "{algorithm:?} {kid:?}");
            let (signed, signature) = token.rsplit_once('.').unwrap();
            let forged = format!("{signed}A.{signature}");
            assert_ne!(verdict(&keys, algorithm, kid, &forged), Verdict::Good, "{algorithm:?} {kid:?}");
        }
    }

    #[test]
    fn a_key_is_for_its_own_name_and_algorithm() {
        let keys = json!([rsa(), p256()]);
        assert_eq!(verdict(&keys, Algorithm::Rs256, Some("p"), RS256), Verdict::Wrong);
        assert_eq!(verdict(&keys, Algorithm::Rs256, Some("x"), RS256), Verdict::UnknownKey);
        assert_eq!(verdict(&keys, Algorithm::Es256, None, RS256), Verdict::UnknownKey);
        for wrong in [Algorithm::Ps256, Algorithm::Rs384, Algorithm::Rs512, Algorithm::Es256, Algorithm::EdDsa] {
            assert_eq!(verdict(&keys, wrong, Some("r"), RS256), Verdict::Wrong, "{wrong:?}");
        }
        let mut only = rsa();
        only["alg"] = "RS512".into();
        assert_eq!(verdict(&json!([only]), Algorithm::Rs256, Some("r"), RS256), Verdict::Wrong);
    }

    #[test]
    fn keys_for_other_purposes_are_left_out() {
        let with = |key: Value, member: &str, value: Value| {
            let mut key = key;
            key[member] = value;
            key
        };
        let short = format!("A{}", "A".repeat(170));
        let useless = json!([
            {"kty": "oct", "k": "c2VjcmV0"},
            with(p256(), "use", json!("enc")),
            with(p256(), "key_ops", json!(["sign"])),
            with(p256(), "alg", json!("HS256")),
            with(p256(), "crv", json!("P-521")),
            with(p256(), "x", json!("AA")),
            with(ed25519(), "x", json!("AA")),
            with(rsa(), "n", json!(short)),
            with(rsa(), "e", json!(null)),
            "no key",
        ]);
        for set in [json!({"keys": useless}), json!({"keys": []}), json!([]), json!({})] {
            let error = KeySet::parse(set.to_string().as_bytes()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidConfig);
            assert!(!error.report().contains("c2VjcmV0"));
        }
        let mut zero = URL_SAFE_NO_PAD.decode(rsa()["n"].as_str().unwrap()).unwrap();
        zero.insert(0, 0);
        let keys = json!([with(rsa(), "n", json!(URL_SAFE_NO_PAD.encode(zero)))]);
        assert_eq!(verdict(&keys, Algorithm::Rs256, None, RS256), Verdict::Good);
    }
}
