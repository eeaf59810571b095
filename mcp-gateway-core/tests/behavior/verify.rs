//! Every `Verifier`.

use mcp_gateway_core::ErrorKind;
use mcp_gateway_core::model::{Digest, ImageReference, Signer, VerifyMode, VerifyRule};
use mcp_gateway_core::verify::{DigestVerifier, ImageCheck, VerificationLevel, Verifier};

/// Checks a verifier that knows `example.test/tool:1` by the digest of ones.
pub(crate) async fn check_verifier(verifier: &dyn Verifier) {
    let (known, other) = (digest('1'), digest('2'));
    let tagged = image("example.test/tool:1");
    let verified = verifier.verify(&ImageCheck::new(tagged.clone(), Some(known.clone()))).await.unwrap();
    assert!(verified.level > VerificationLevel::None && !verified.detail.is_empty());
    // What is verified is the digest: the same tag with another one is another image, and so is one without.
    refused(verifier, &tagged, Some(&other)).await;
    refused(verifier, &tagged, None).await;
    let named = tagged.clone().with_digest(other.clone());
    refused(verifier, &named, Some(&known)).await;
    assert!(verifier.verify(&ImageCheck::new(named, Some(other))).await.unwrap().level > VerificationLevel::None);
    // Whatever is asked for and cannot be had is a refusal: a signer for nobody's image, and a digest for a local one.
    let signer = Signer::named("docker").unwrap();
    for (image, digest) in [(tagged, Some(known)), (image("mcp/time"), None)] {
        let rule = VerifyRule::new(VerifyMode::Required, Some(signer.clone()));
        let error = verifier.verify(&ImageCheck::new(image, digest).with_rule(rule)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Denied, "{}", error.report());
        assert!(error.hints().next().is_some());
    }
}

async fn refused(verifier: &dyn Verifier, image: &ImageReference, digest: Option<&Digest>) {
    let error = verifier.verify(&ImageCheck::new(image.clone(), digest.cloned())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied, "{}", error.report());
}

fn digest(of: char) -> Digest {
    Digest::new(format!("sha256:{}", of.to_string().repeat(64))).unwrap()
}

fn image(text: &str) -> ImageReference {
    ImageReference::parse(text).unwrap()
}

#[tokio::test]
async fn digests() {
    check_verifier(&DigestVerifier::new().with_pin("example.test/tool:1", digest('1'))).await;
}
