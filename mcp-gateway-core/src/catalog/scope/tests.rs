use std::sync::Arc;

use super::*;
use crate::catalog::{Catalog as _, FileCatalog, LayeredCatalog, LoadOptions, MemoryCatalog, SourcedCatalog};
use crate::model::{EntryApproval, Metadata, ProcessEntry, ProcessPackage, ServerName, Signer};

fn name(text: &str) -> ServerName {
    text.parse().unwrap()
}

fn scope(json: &str) -> Scope {
    Scope::new().with("org", &serde_json::from_str(json).unwrap()).unwrap()
}

fn entry(server: &str) -> ServerEntry {
    let mut entry = ServerEntry::image(name(server), "example.test/x");
    entry.metadata = Some(Metadata {
        category: Some("DevOps".to_owned()),
        license: Some("MIT".to_owned()),
        owner: Some("Acme".to_owned()),
        ..Metadata::default()
    });
    entry.source = Some("house".to_owned());
    entry
}

#[test]
fn every_condition_counts_and_what_is_not_said_matches_nothing() {
    let full = entry("time");
    let bare = ServerEntry::image(name("time"), "example.test/x");
    for (rule, of_full, of_bare) in [
        (r#"{"server": "time"}"#, true, true),
        (r#"{"server": "TIME"}"#, false, false),
        (r#"{"server": ["a*", "t*"]}"#, true, true),
        (r#"{"server": ["*", "!time"]}"#, false, false),
        (r#"{"publisher": "acme"}"#, true, false),
        (r#"{"publisher": "!acme"}"#, false, false),
        (r#"{"publisher": "!other"}"#, true, false),
        (r#"{"category": "dev*", "license": ["mit", "apache-2.0"]}"#, true, false),
        (r#"{"category": "devops", "license": "GPL-*"}"#, false, false),
        (r#"{"source": "house"}"#, true, false),
        (r#"{"source": "file:*"}"#, false, false),
        (r#"{"verification": "signer"}"#, false, false),
        (r#"{"verification": "unsigned"}"#, true, true),
        (r#"{"approved": true}"#, false, false),
        (r#"{"approved": false}"#, true, true),
    ] {
        let scope = scope(&format!(r#"{{"allow": [{rule}]}}"#));
        assert_eq!((scope.admits(&full), scope.admits(&bare)), (of_full, of_bare), "{rule}");
    }
}

#[test]
fn a_denial_wins_an_empty_list_lets_nothing_in_and_nobody_can_widen() {
    let entry = entry("time");
    assert!(Scope::new().admits(&entry));
    assert!(scope("{}").is_empty());
    assert!(!scope(r#"{"allow": []}"#).admits(&entry));
    assert!(!scope(r#"{"allow": [{"server": "*"}], "deny": [{"license": "mit"}]}"#).admits(&entry));
    let narrow = scope(r#"{"allow": [{"server": "github"}]}"#);
    let wide: ScopeSpec = serde_json::from_str(r#"{"allow": [{"server": "*"}]}"#).unwrap();
    let both = narrow.with("profile dev", &wide).unwrap();
    let said = both.decide(&entry);
    assert_eq!((said[0].admitted, said[1].admitted), (false, true));
    assert_eq!(said[1].rule.as_deref(), Some("allow[0]"));
    assert!(!both.admits(&entry));
}

#[test]
fn a_rule_that_would_cover_everything_by_mistake_is_refused() {
    for text in [r#"{"allow": [{}]}"#, r#"{"deny": [{"reason": "x"}]}"#, r#"{"deny": [{"server": ["a", ""]}]}"#] {
        let error = Scope::new().with("org", &serde_json::from_str(text).unwrap()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidConfig, "{text}");
    }
    for text in [r#"{"alow": []}"#, r#"{"allow": [{"servers": "x"}]}"#, r#"{"allow": [{"verification": "yes"}]}"#] {
        assert!(serde_json::from_str::<ScopeSpec>(text).is_err(), "{text}");
    }
}

#[test]
fn a_signature_is_demanded_where_nothing_else_lets_the_server_in() {
    let mut signed = entry("time");
    signed.signer = Some(Signer::named("docker").unwrap());
    let verified = scope(r#"{"allow": [{"verification": "verified"}]}"#);
    assert!(verified.admits(&signed) && verified.demands_signature(&signed));
    assert!(!scope(r#"{"allow": [{"verification": "signer"}]}"#).demands_signature(&signed));
    let either = scope(r#"{"allow": [{"verification": "verified"}, {"server": "time"}]}"#);
    assert!(either.admits(&signed) && !either.demands_signature(&signed));

    assert!(!verified.admits(&entry("time")), "nobody signs it");
    signed.process = Some(ProcessEntry::new(ProcessPackage::Npm("x@1.0.0".to_owned())));
    assert!(!verified.admits(&signed), "it could run without its image");
    signed.process = None;
    signed.verify = Some(VerifyMode::Off);
    assert!(!verified.admits(&signed), "its catalog turns verification off");
}

#[tokio::test]
async fn what_is_shut_out_is_not_there_and_still_stands_above_what_it_covers() {
    let below = MemoryCatalog::new("below").with_entry(entry("time")).with_entry(entry("git"));
    let above = MemoryCatalog::new("above").with_entry(entry("time"));
    let layers: Vec<Arc<dyn crate::catalog::Catalog>> = vec![
        Arc::new(SourcedCatalog::new(Arc::new(below), "below")),
        Arc::new(SourcedCatalog::new(Arc::new(above), "above")),
    ];
    let scope = scope(r#"{"deny": [{"source": "above", "reason": "not looked at yet"}]}"#);
    let catalog = ScopedCatalog::new(Arc::new(LayeredCatalog::new(layers)), scope);
    assert!(catalog.get(&name("time")).await.unwrap().is_none());
    let names: Vec<_> = catalog.list().await.unwrap().iter().map(|entry| entry.name.to_string()).collect();
    assert_eq!(names, ["git"]);
    let refusal = catalog.refusal(&name("time")).await.unwrap().unwrap();
    insta::assert_snapshot!(
        refusal.report(),
        @"server `time` is outside of the scope (scope: org, reason: not looked at yet, rule: deny[0])"
    );
    assert!(catalog.refusal(&name("git")).await.unwrap().is_none());
    assert!(catalog.refusal(&name("other")).await.unwrap().is_none());
}

#[test]
fn an_approval_is_of_what_was_approved() {
    let approved = |fingerprint: &str, image: &str| {
        let text = format!(
            "registry: {{time: {{type: server, image: {image}, \
             approved: {{by: ann, at: '2026-05-04T10:00:00Z'{fingerprint}}}}}}}"
        );
        let report = FileCatalog::parse("c.yaml", &text, LoadOptions::new()).unwrap();
        let entry = Arc::clone(report.catalog.entries().next().unwrap());
        (entry, report.warnings.len())
    };
    let (plain, warnings) = approved("", "a");
    assert_eq!((plain.approved.clone(), warnings), (Some(EntryApproval::new("ann", "2026-05-04T10:00:00Z")), 0));
    let bound = format!(", entry: {}", crate::catalog::fingerprint(&plain));
    assert!(approved(&bound, "a").0.approved.is_some());
    let (changed, warnings) = approved(&bound, "b");
    assert_eq!((changed.approved.clone(), warnings), (None, 1));
    for broken in ["{by: ann}", "{by: '', at: '2026-05-04T10:00:00Z'}", "{by: ann, at: yesterday}", "yes", "[]"] {
        let text = format!("registry: {{time: {{type: server, image: a, approved: {broken}}}}}");
        assert!(FileCatalog::parse("c.yaml", &text, LoadOptions::new()).is_err(), "{broken}");
    }
}
