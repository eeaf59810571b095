//! Images that must be signed, from a real registry: what is not signed as it should be leaves nothing running.

use std::sync::Arc;

use mcp_gateway_core::audit::{AuditQuery, AuditStore, MemoryAudit, Outcome};
use mcp_gateway_core::gateway::ServerState;
use mcp_gateway_core::model::{ServerEntry, Signer, VerificationLevel, VerifyMode};
use mcp_gateway_core::profile::{MemoryProfile, Profile, ProfileSpec};
use mcp_gateway_core::runtime::GatewayInstance;
use serde_json::{Value, json};

use crate::support::docker::{AWKWARD, Engine};
use crate::support::registry::Registry;
use crate::support::{Bench, Running, server_name};

const IDENTITY: &str = "https://github.com/acme/time/.github/workflows/release.yml@refs/tags/v1";
const ISSUER: &str = "https://token.test";

/// Two keys, two images, and the ways in which they are signed or not, each in a repository of its own.
const SIGN: &str = r#"
(umask 077; mkdir a b; cd a; "$COSIGN" generate-key-pair; cd ../b; "$COSIGN" generate-key-pair) 2>/dev/null
printf 'FROM mcp-gateway-test/awkward:1\nLABEL registry=%s\n' "$REGISTRY" | docker build -q -t "$REGISTRY/good:1" - >/dev/null
printf 'FROM mcp-gateway-test/awkward:1\nLABEL registry=%s tampered=yes\n' "$REGISTRY" | docker build -q -t "$REGISTRY/good:2" - >/dev/null
for name in other elsewhere keyless bundle provenance scanned unsigned; do docker tag "$REGISTRY/good:1" "$REGISTRY/$name:1"; done
docker tag "$REGISTRY/good:2" "$REGISTRY/moved:1"
digest_of() { docker inspect --format '{{range .RepoDigests}}{{println .}}{{end}}' "$REGISTRY/$1" | grep "^$REGISTRY/${1%:*}@" | cut -d@ -f2; }
for name in good:1 good:2 moved:1 other:1 elsewhere:1 keyless:1 bundle:1 provenance:1 scanned:1 unsigned:1; do docker push -q "$REGISTRY/$name" >/dev/null; done
good=$(digest_of good:1) moved=$(digest_of moved:1)
[ "$good" != "$moved" ]
off="--tlog-upload=false --allow-insecure-registry --yes"
{
    "$COSIGN" sign --key a/cosign.key $off "$REGISTRY/good@$good"
    "$COSIGN" sign --key b/cosign.key $off "$REGISTRY/other@$good"
    COSIGN_REPOSITORY="$REGISTRY/signatures" "$COSIGN" sign --key a/cosign.key $off "$REGISTRY/elsewhere@$good"
    "$COSIGN" sign --key a/cosign.key $off --upload=false --output-payload payload --output-signature signature "$REGISTRY/good@$good"
    "$COSIGN" attach signature --payload payload --signature signature --allow-insecure-registry "$REGISTRY/moved@$moved"
    printf '{"buildDefinition": {"buildType": "t", "externalParameters": {"workflow": {"repository": "https://github.com/acme/time"}}}, "runDetails": {"builder": {"id": "https://builder.test/v1"}}}' >provenance
    printf '{"spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT"}' >sbom
    "$COSIGN" attest --key a/cosign.key $off --type slsaprovenance1 --predicate provenance "$REGISTRY/provenance@$good"
    "$COSIGN" attest --key a/cosign.key $off --type spdxjson --predicate sbom "$REGISTRY/provenance@$good"
    "$COSIGN" attest --key a/cosign.key $off --type https://scanner.test/found --predicate sbom "$REGISTRY/scanned@$good"
    "$KEYLESS" keyless "$REGISTRY/keyless@$good" IDENTITY ISSUER
    cp keyless/root.json root.json
    TO=2021-01-01T00:00:00Z "$KEYLESS" keyless "$REGISTRY/keyless@$good" IDENTITY ISSUER
    cp keyless/root.json expired.json
    if [ -e "$COSIGN3" ]; then "$COSIGN3" sign --key a/cosign.key --use-signing-config=false $off "$REGISTRY/bundle@$good"; fi
} >&2
docker images --quiet --no-trunc --filter "reference=$REGISTRY/*" | sort --unique | xargs docker rmi --force >/dev/null
echo "$good"
"#;

/// A server of a repository.
struct Case<'a> {
    registry: &'a Registry,
    engine: &'a Engine,
    image: &'a str,
    signer: Option<Signer>,
    verify: Option<VerifyMode>,
    root: &'a str,
}

impl Case<'_> {
    async fn start(&self) -> (Running, Arc<MemoryAudit>) {
        let mut entry = ServerEntry::image(server_name("s"), format!("{}/{}", self.registry.address, self.image));
        entry.signer.clone_from(&self.signer);
        let audit = Arc::new(MemoryAudit::new());
        let mut bench = Bench::new().with_entry(entry, |spec| spec.verify = self.verify);
        bench.spec.verify.trust_root = Some(self.registry.path(self.root).display().to_string());
        bench.audit = Some(Arc::<MemoryAudit>::clone(&audit));
        (bench.with_engine(&self.engine.host()).build().await, audit)
    }

    /// The server runs; gives what was found out about its image.
    async fn runs(&self) -> Value {
        let (running, audit) = self.start().await;
        let (ctx, ..) = running.session().await;
        running.tools(&ctx).await;
        running.echoes(&ctx, "s").await;
        let found = running.status("s").await.verification;
        let inspection = running.gateway.inspect(&server_name("s")).await.unwrap();
        assert_eq!(inspection.verification, found);
        let lock = running.gateway.inspect(&server_name("s")).await.unwrap().recorded;
        assert_eq!(
            lock.as_deref(),
            found.as_ref().and_then(|found| found.digest.as_ref()).map(|digest| digest.as_str())
        );
        let records = checks(&audit).await;
        assert_eq!(records.len(), 1, "an image is checked once: {records:?}");
        assert_eq!(records[0]["outcome"], "ok");
        running.end().await;
        serde_json::to_value(found).unwrap()
    }

    /// The server does not run, nothing of the image was fetched, and nothing is left; gives the reason.
    async fn is_refused(&self, outcome: Outcome) -> String {
        let (running, audit) = self.start().await;
        let (ctx, ..) = running.session().await;
        assert!(running.tools(&ctx).await.iter().all(|tool| !tool.contains("echo")), "{}", self.image);
        let status = running.status("s").await;
        assert_eq!(status.state, ServerState::Failed, "{}", self.image);
        let label = GatewayInstance::home_label(&running.home.path().join("run"));
        assert_eq!(self.engine.containers(&label).await, [] as [Value; 0], "{}", self.image);
        let local = format!(r#"docker images --quiet "$REGISTRY/{}""#, self.image.split(':').next().unwrap());
        assert_eq!(self.registry.run(&local).await, "", "nothing of {} is fetched", self.image);
        let records = checks(&audit).await;
        assert!(!records.is_empty(), "{}: {:?}", self.image, status.reason);
        assert!(records.iter().all(|record| record["outcome"] == outcome.as_str()), "{records:?}");
        running.end().await;
        status.reason.unwrap()
    }
}

async fn checks(audit: &MemoryAudit) -> Vec<Value> {
    let records = audit.query(&AuditQuery::all()).await.unwrap();
    let records = records.iter().map(|record| serde_json::to_value(&record.event).unwrap());
    records.filter(|record| record["action"] == "image/verify").collect()
}

#[tokio::test]
async fn only_what_is_signed_as_it_should_be_runs() {
    let Some(engine) = Engine::with_images(&[AWKWARD]).await else { return };
    let Some(registry) = Registry::start(&engine).await else { return };
    let digest = registry.run(&SIGN.replace("IDENTITY", IDENTITY).replace("ISSUER", ISSUER)).await;
    let key = Signer::of_key(registry.read("a/cosign.pub")).unwrap();
    let keyless = Signer::of_identity(IDENTITY.replace("v1", "*"), ISSUER).unwrap();
    let case = |image, signer: &Signer| Case {
        registry: &registry,
        engine: &engine,
        image,
        signer: Some(signer.clone()),
        verify: None,
        root: "root.json",
    };

    // Those that are not signed as they should be come first: nothing of the image is there yet.
    let denied = Outcome::Denied;
    let has = |reason: String, word: &str| assert!(reason.contains(word), "{word}: {reason}");
    has(case("unsigned:1", &key).is_refused(denied).await, "the image is not signed");
    has(case("good:2", &key).is_refused(denied).await, "the image is not signed");
    has(case("other:1", &key).is_refused(denied).await, "it is not by the signer's key");
    has(case("moved:1", &key).is_refused(denied).await, "it is of another image");
    has(case("elsewhere:1", &key).is_refused(denied).await, "the image is not signed");
    has(case("scanned:1", &key).is_refused(denied).await, "`https://scanner.test/found` is no signature");
    has(case("keyless:1", &key).is_refused(denied).await, "it is not by the signer's key");
    has(case("good:1", &keyless).is_refused(denied).await, "no signature of the image is its signer's");
    let somebody = Signer::of_identity("https://github.com/evil/time/*", ISSUER).unwrap();
    has(case("keyless:1", &somebody).is_refused(denied).await, IDENTITY);
    let elsewhere = Signer::of_identity(IDENTITY, "https://token.evil.test").unwrap();
    has(case("keyless:1", &elsewhere).is_refused(denied).await, "issuer");
    has(Case { root: "expired.json", ..case("keyless:1", &keyless) }.is_refused(denied).await, "its signer's");
    let mut logged = key.clone();
    logged.log = true;
    has(case("good:1", &logged).is_refused(denied).await, "not in a transparency log");
    let mut wrong = key.clone();
    wrong.source = Some("https://github.com/evil/time".to_owned());
    has(case("provenance:1", &wrong).is_refused(denied).await, "its source is https://github.com/acme/time");
    has(case("good:1", &wrong).is_refused(denied).await, "no provenance by the signer");
    wrong = key.clone();
    wrong.builder = Some("https://builder.test/v2".to_owned());
    has(case("provenance:1", &wrong).is_refused(denied).await, "its builder is https://builder.test/v1");
    let nobody = Case { signer: None, verify: Some(VerifyMode::Required), ..case("good:1", &key) };
    has(nobody.is_refused(denied).await, "nobody says by whom");
    let wrong_if_present = Case { verify: Some(VerifyMode::IfPresent), ..case("other:1", &key) };
    has(wrong_if_present.is_refused(denied).await, "its signer's");

    let found = case("good:1", &key).runs().await;
    assert_eq!(
        (&found["level"], &found["signer"], &found["digest"]),
        (&json!("signed"), &json!("a key"), &json!(digest))
    );
    assert!(found["time"].as_str().unwrap().ends_with('Z'));
    let found = case("keyless:1", &keyless).runs().await;
    assert_eq!(found["signer"], format!("{IDENTITY} ({ISSUER})"));
    let mut apart = key.clone();
    apart.repository = Some(format!("{}/signatures", registry.address));
    assert_eq!(case("elsewhere:1", &apart).runs().await["level"], "signed");
    let mut right = key.clone();
    right.source = Some("git+https://github.com/acme/time.git".to_owned());
    right.builder = Some("https://builder.test/*".to_owned());
    let found = case("provenance:1", &right).runs().await;
    assert_eq!(found["source"], "https://github.com/acme/time");
    assert_eq!(found["builder"], "https://builder.test/v1");
    let sbom = found["sboms"][0].as_str().unwrap();
    assert!(sbom.contains("/provenance@sha256:") && sbom.ends_with("(spdx)"), "{sbom}");
    if registry.has_cosign_3() {
        assert_eq!(case("bundle:1", &key).runs().await["level"], "signed");
    }
    let unsigned = Case { verify: Some(VerifyMode::IfPresent), ..case("unsigned:1", &key) };
    assert_eq!(unsigned.runs().await["level"], "none");
    registry.forget_images().await;
}

#[tokio::test]
async fn what_was_verified_starts_while_its_registry_is_down_and_nothing_else_does() {
    let Some(engine) = Engine::with_images(&[AWKWARD]).await else { return };
    let Some(mut registry) = Registry::start(&engine).await else { return };
    registry
        .run(
            r#""$COSIGN" generate-key-pair 2>/dev/null
            printf 'FROM mcp-gateway-test/awkward:1\nLABEL registry=%s\n' "$REGISTRY" | docker build -q -t "$REGISTRY/good:1" - >/dev/null
            docker push -q "$REGISTRY/good:1" >/dev/null
            image=$(docker inspect --format '{{index .RepoDigests 0}}' "$REGISTRY/good:1")
            "$COSIGN" sign --key cosign.key --tlog-upload=false --allow-insecure-registry --yes "$image" 2>/dev/null"#,
        )
        .await;
    let key = Signer::of_key(registry.read("cosign.pub")).unwrap();
    let mut entry = ServerEntry::image(server_name("s"), format!("{}/good:1", registry.address));
    entry.signer = Some(key.clone());
    let bench = || Bench::new().with_entry(entry.clone(), |_| {}).with_engine(&engine.host());
    let profile: Arc<dyn Profile> = Arc::new(MemoryProfile::new(bench().spec));
    let with = |profile: &Arc<dyn Profile>| {
        let mut bench = bench();
        bench.profile = Some(Arc::clone(profile));
        bench.build()
    };
    let running = with(&profile).await;
    let (ctx, ..) = running.session().await;
    running.tools(&ctx).await;
    running.end().await;
    let locked = profile.lock().await.unwrap().servers[&server_name("s")].verification.clone().unwrap();
    assert_eq!(locked.level, VerificationLevel::Signed);

    registry.stop().await;
    let running = with(&profile).await;
    let (ctx, ..) = running.session().await;
    running.echoes(&ctx, "s").await;
    running.end().await;

    // The same image, never verified for this profile; then verified, but for another signer.
    let fresh: ProfileSpec = profile.spec().await.unwrap();
    let mut other = fresh.clone();
    let stranger = Signer::of_identity(IDENTITY, ISSUER).unwrap();
    other.verify.signers.insert(format!("{}/*", registry.address), stranger);
    let changed: Arc<dyn Profile> = Arc::new(MemoryProfile::new(other));
    let lock = profile.lock().await.unwrap();
    changed
        .update_lock(Box::new(move |own| {
            *own = lock;
            Ok(())
        }))
        .await
        .unwrap();
    let fresh: Arc<dyn Profile> = Arc::new(MemoryProfile::new(fresh));
    for profile in [fresh, changed] {
        let running = with(&profile).await;
        let (ctx, ..) = running.session().await;
        running.tools(&ctx).await;
        assert!(running.call(&ctx, "s.echo", json!({"text": "x"})).await.is_err());
        let status = running.status("s").await;
        assert_eq!(status.state, ServerState::Failed);
        let label = GatewayInstance::home_label(&running.home.path().join("run"));
        assert_eq!(engine.containers(&label).await, [] as [Value; 0]);
        running.end().await;
    }
    registry.forget_images().await;
}

#[tokio::test]
async fn a_local_image_can_have_no_signature() {
    let Some(engine) = Engine::with_images(&[AWKWARD]).await else { return };
    let signer = Signer::of_identity(IDENTITY, ISSUER).unwrap();
    for (verify, state) in [
        (None, ServerState::Failed),
        (Some(VerifyMode::IfPresent), ServerState::Running),
        (Some(VerifyMode::Off), ServerState::Running),
    ] {
        let mut entry = ServerEntry::image(server_name("s"), AWKWARD);
        entry.signer = Some(signer.clone());
        let bench = Bench::new().with_entry(entry, |spec| spec.verify = verify).with_engine(&engine.host());
        let running = bench.build().await;
        let (ctx, ..) = running.session().await;
        running.tools(&ctx).await;
        if state == ServerState::Running {
            running.echoes(&ctx, "s").await;
        }
        let status = running.status("s").await;
        assert_eq!(status.state, state, "{verify:?}: {:?}", status.reason);
        if state == ServerState::Failed {
            assert!(status.reason.unwrap().contains("no registry has a digest of"));
        }
        running.end().await;
    }
}
