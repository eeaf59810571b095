//! `catalog key`, `sign` and `add --verify-key`; `catalog approve`.

use std::os::unix::fs::MetadataExt as _;

use serde_json::{Value, json};

use crate::catalogs;
use crate::registries::Registry;
use crate::support::Place;

const ONE: &str = "registry:\n  a: {type: server, title: A, image: mcp/a}\n";
const TWO: &str = "registry:\n  a: {type: server, title: A, image: mcp/a}\n  b: {type: server, image: mcp/b}\n";

fn json_of(place: &Place, line: &str) -> Value {
    serde_json::from_str(&place.ok(&format!("{line} --format json"))).unwrap()
}

/// A place with a key, and that key as it is public.
fn with_key() -> (Place, String) {
    let place = Place::new();
    let key = place.ok("catalog key signer.key").trim().to_owned();
    (place, key)
}

/// Runs a command that must be refused with a code and a text.
fn refused(place: &Place, line: &str, code: i32, why: &str) {
    let done = place.run(line.split(' '));
    let said = place.shown(&done);
    assert_eq!(done.status.code(), Some(code), "{line}: {said}");
    assert!(said.contains(why), "{line}: {said}");
}

#[test]
fn a_key_is_made_once_for_its_owner_only() {
    let (place, key) = with_key();
    assert!(key.starts_with("ed25519:"), "{key}");
    assert_eq!(std::fs::metadata(place.path("signer.key")).unwrap().mode() & 0o777, 0o600);
    assert_eq!(json_of(&place, "catalog key signer.key"), json!({"file": "signer.key", "public": key}));
    place.write("team.yaml", ONE);
    refused(&place, "catalog sign team.yaml --key none.key", 11, "catalog key none.key");
    refused(&place, "catalog sign none.yaml --key signer.key", 11, "none.yaml");
    place.write("broken.yaml", "registry: {a: {image: 7}}");
    refused(&place, "catalog sign broken.yaml --key signer.key", 10, "broken.yaml");
}

#[test]
fn a_catalog_is_taken_over_only_as_its_signer_signed_it() {
    let (place, key) = with_key();
    let other = place.ok("catalog key other.key").trim().to_owned();
    place.write("team.yaml", ONE);
    let add = format!("catalog add team team.yaml --verify-key {key}");
    refused(&place, &add, 15, "is not signed");
    place.write("team.yaml.sig", "{}");
    refused(&place, &add, 10, "no signature");
    assert_eq!(place.ok("catalog ls --format json"), "[]\n", "nothing was taken over");
    let signed = json_of(&place, "catalog sign team.yaml --key signer.key --version 5");
    assert_eq!(
        (&signed["file"], &signed["version"], &signed["key"]),
        (&json!("team.yaml.sig"), &json!(5), &json!(key))
    );
    refused(&place, &format!("catalog add team team.yaml --verify-key {other}"), 15, "another key");
    place.ok(&add);
    refused(&place, &format!("catalog create own --from team.yaml --verify-key {other}"), 15, "another key");
    let listed = json_of(&place, "catalog ls");
    assert_eq!((&listed[0]["signed"]["key"], &listed[0]["signed"]["version"]), (&json!(key), &json!(5)));
    assert!(place.ok("catalog ls").contains("synced, signed"));
    assert!(place.show("catalog show team").contains("signed in version 5"));
    // It is what the catalog says that is signed.
    place.write("team.yaml", &format!("# a remark\n{ONE}"));
    assert_eq!(json_of(&place, "catalog sync")[0]["change"], "updated");

    let copy = place.read("home/catalogs/team.yaml");
    place.write("team.yaml", TWO);
    refused(&place, "catalog sync team", 15, "of another catalog");
    std::fs::remove_file(place.path("team.yaml.sig")).unwrap();
    refused(&place, "catalog sync team", 15, "is not signed");
    place.ok("catalog sign team.yaml --key other.key --version 9");
    refused(&place, "catalog sync team", 15, "another key");
    place.ok("catalog sign team.yaml --key signer.key --version 9 --name elsewhere");
    refused(&place, "catalog sync team", 15, "`elsewhere`");
    place.ok("catalog sign team.yaml --key signer.key --version 4");
    refused(&place, "catalog sync team", 15, "--allow-older");
    place.ok("catalog sign team.yaml --key signer.key --version 5");
    refused(&place, "catalog sync team", 15, "two catalogs of one version");
    assert_eq!(place.read("home/catalogs/team.yaml"), copy, "the copy stays");
    let listed = json_of(&place, "catalog ls");
    assert_eq!((&listed[0]["state"], &listed[0]["servers"]), (&json!("stale"), &json!(1)));

    place.ok("catalog sign team.yaml --key signer.key --version 6");
    assert_eq!(json_of(&place, "catalog sync team")[0]["servers"], 2);
    place.write("team.yaml", ONE);
    place.ok("catalog sign team.yaml --key signer.key --version 3");
    refused(&place, "catalog sync team", 15, "is older");
    assert_eq!(json_of(&place, "catalog sync team --allow-older")[0]["change"], "updated");
    assert_eq!(json_of(&place, "catalog ls")[0]["signed"]["version"], 3);
}

#[test]
fn what_was_required_is_not_lost_by_a_replacement() {
    let (place, key) = with_key();
    place.write("team.yaml", ONE);
    place.ok("catalog sign team.yaml --key signer.key --version 2");
    place.write("signer.pub", &format!("{key}\n"));
    place.ok("catalog add team team.yaml --verify-key signer.pub");
    place.write("more.yaml", TWO);
    refused(&place, "catalog add team more.yaml --replace", 15, "is not signed");
    place.ok("catalog sign more.yaml --key signer.key --name team --version 1");
    refused(&place, "catalog add team more.yaml --replace", 15, "is older");
    place.ok("catalog add team more.yaml --replace --allow-older");
    assert_eq!(json_of(&place, "catalog ls")[0]["signed"]["key"], json!(key));
    refused(&place, "catalog add team more.yaml --replace --link", 2, "catalog rm team");
    refused(&place, "catalog create team --replace", 2, "catalog rm team");
    place.ok(&format!("catalog create own --from team --verify-key {key}"));
    place.ok("catalog rm team");
    place.ok("catalog add team more.yaml");
    refused(&place, &format!("catalog create other --from team --verify-key {key}"), 15, "not held to this key");
    assert_eq!(json_of(&place, "catalog ls")[0]["signed"], Value::Null);

    let registry = Registry::start(Vec::new());
    refused(&place, &format!("catalog add reg {} --verify-key {key}", registry.origin), 2, "signed as a catalog");
    refused(&place, &format!("catalog add l team.yaml --link --verify-key {key}"), 2, "--link");
    refused(&place, "catalog add team team.yaml --verify-key ed25519:AAAA", 2, "catalog key");
    refused(&place, "catalog sign team --key signer.key", 2, "catalog create");
    refused(&place, "catalog sign . --key signer.key", 2, "folder");
}

#[test]
fn the_signature_of_an_address_is_beside_it() {
    let (place, key) = with_key();
    place.write("team.yaml", ONE);
    place.ok("catalog sign team.yaml --key signer.key");
    let signature = || json!(place.read("team.yaml.sig"));
    let site = Registry::start(vec![("/team.yaml.sig", signature()), ("/team.yaml", json!(ONE))]);
    let address = format!("{}team.yaml", site.origin.strip_prefix("registry:").unwrap());
    place.ok(&format!("catalog add team {address} --verify-key {key}"));
    site.answers(vec![("/team.yaml.sig", signature()), ("/team.yaml", json!(TWO))]);
    refused(&place, "catalog sync team", 15, "of another catalog");
    place.write("team.yaml", TWO);
    place.ok("catalog sign team.yaml --key signer.key");
    site.answers(vec![("/team.yaml.sig", signature()), ("/team.yaml", json!(TWO))]);
    assert_eq!(json_of(&place, "catalog sync team")[0]["servers"], 2);
}

#[test]
fn a_signature_goes_with_a_catalog_by_a_registry_and_a_file() {
    let Some(registry) = catalogs::Registry::start() else { return };
    let (place, key) = with_key();
    let there = Place::new();
    let reference = format!("{}/team/tools:1", registry.address);
    place.write("one.yaml", ONE);
    place.write("two.yaml", TWO);
    place.ok("catalog create mine --from one.yaml");
    place.ok("catalog sign mine --key signer.key");
    place.ok(&format!("catalog push mine {reference}"));
    there.ok(&format!("catalog add tools oci://{reference} --verify-key {key}"));
    assert_eq!(json_of(&there, "catalog ls")[0]["signed"]["name"], "mine");
    place.ok("catalog export mine out.yaml");
    place.ok(&format!("catalog add out out.yaml --verify-key {key}"));

    // What is changed is not signed any more.
    place.ok("catalog add mine b two.yaml");
    place.ok(&format!("catalog push mine {reference}"));
    refused(&there, "catalog sync", 15, "is not signed");
    refused(&there, &format!("catalog pull {reference}"), 15, "is not signed");
    place.ok("catalog sign mine --key signer.key");
    place.write("home/catalogs/mine.yaml", ONE);
    refused(&place, &format!("catalog push mine {reference}"), 13, "changed after it was signed");
    place.ok("catalog sign mine --key signer.key");
    place.ok(&format!("catalog push mine {reference}"));
    assert_eq!(json_of(&there, &format!("catalog pull {reference}"))["servers"], 1);
}

#[test]
fn a_pull_that_requires_a_key_leaves_nothing_behind_when_it_is_another() {
    let Some(registry) = catalogs::Registry::start() else { return };
    let (place, key) = with_key();
    let other = place.ok("catalog key other.key").trim().to_owned();
    let there = Place::new();
    let reference = format!("{}/team/tools:1", registry.address);
    place.write("one.yaml", ONE);
    place.write("two.yaml", TWO);
    place.ok("catalog create mine --from one.yaml");
    place.ok(&format!("catalog push mine {reference}"));
    let pull = format!("catalog pull {reference} --verify-key");
    refused(&there, &format!("{pull} {key}"), 15, "is not signed");
    place.ok("catalog sign mine --key other.key");
    place.ok(&format!("catalog push mine {reference}"));
    refused(&there, &format!("{pull} {key}"), 15, "another key");
    refused(&there, &format!("{pull} ed25519:AAAA"), 2, "catalog key");
    assert_eq!(there.ok("catalog ls --format json"), "[]\n");
    assert!(
        there.home("catalogs").read_dir().is_ok_and(|files| files.count() == 0) || !there.home("catalogs").exists()
    );

    place.ok("catalog sign mine --key signer.key --version 5");
    place.ok(&format!("catalog push mine {reference}"));
    there.write("signer.pub", &key);
    there.ok(&format!("{pull} signer.pub"));
    assert_eq!(json_of(&there, "catalog ls")[0]["signed"]["key"], json!(key));
    // What was required stays required, in the next pull and in a sync.
    let copy = there.read("home/catalogs/tools.yaml");
    place.ok("catalog add mine b two.yaml");
    place.ok("catalog sign mine --key other.key");
    place.ok(&format!("catalog push mine {reference}"));
    refused(&there, &format!("catalog pull {reference}"), 15, "another key");
    refused(&there, "catalog sync", 15, "another key");
    place.ok("catalog sign mine --key signer.key --version 4");
    place.ok(&format!("catalog push mine {reference}"));
    refused(&there, &format!("catalog pull {reference}"), 15, "is older");
    assert_eq!(there.read("home/catalogs/tools.yaml"), copy);
    there.ok(&format!("catalog pull {reference} --allow-older"));
    // A key that is given anew takes the place of the one before.
    refused(&there, &format!("{pull} {other}"), 15, "another key");
    place.ok("catalog sign mine --key other.key");
    place.ok(&format!("catalog push mine {reference}"));
    assert_eq!(json_of(&there, &format!("{pull} {other}"))["servers"], 2);
}

#[test]
fn a_signature_that_came_with_a_copy_goes_on_with_it() {
    let Some(registry) = catalogs::Registry::start() else { return };
    let (place, key) = with_key();
    let (middle, last) = (Place::new(), Place::new());
    let [first, second] = ["team/tools:1", "mirror/tools:1"].map(|name| format!("{}/{name}", registry.address));
    let signature = |place: &Place| place.home("catalogs/tools.yaml.sig").exists();
    place.write("one.yaml", &format!("# a remark that a rendering would lose\n{ONE}"));
    place.write("two.yaml", TWO);
    place.ok("catalog create mine --from one.yaml");
    place.ok("catalog sign mine --key signer.key");
    place.ok(&format!("catalog push mine {first}"));
    // Without a key, too: who reads it after this one may have one.
    middle.ok(&format!("catalog pull {first}"));
    let pushed = json_of(&middle, &format!("catalog push tools {second}"));
    assert_eq!(pushed["notes"], Value::Null, "nothing stayed behind");
    let there = format!("catalog pull {second} --verify-key {key}");
    assert_eq!(json_of(&last, &there)["change"], "added");
    assert_eq!(json_of(&last, "catalog ls")[0]["signed"]["name"], "mine");
    assert_eq!(last.read("home/catalogs/tools.yaml"), place.read("home/catalogs/mine.yaml"));
    // A tag is another name of the same artifact, and a file has its signature beside it.
    middle.ok(&format!("catalog tag {second} old"));
    let tagged = second.replace(":1", ":old").replace("127.0.0.old", "127.0.0.1");
    last.ok(&format!("catalog pull {tagged} --name tagged --verify-key {key}"));
    middle.ok("catalog export tools out.yaml");
    middle.ok(&format!("catalog add out out.yaml --verify-key {key}"));
    // A sync brings the new signature along, and takes away one that is no more.
    place.ok("catalog add mine b two.yaml");
    place.ok("catalog sign mine --key signer.key");
    place.ok(&format!("catalog push mine {first}"));
    assert_eq!(json_of(&middle, "catalog sync tools")[0]["change"], "updated");
    middle.ok(&format!("catalog push tools {second}"));
    assert_eq!(json_of(&last, "catalog sync tools")[0]["servers"], 2);

    // What was changed here is not what was signed there, be it only a remark.
    let copy = middle.read("home/catalogs/tools.yaml");
    middle.write("home/catalogs/tools.yaml", &format!("{copy}# mine\n"));
    let note = "goes on without its signature";
    let done = middle.run(["catalog", "push", "tools", &second]);
    assert!(middle.shown(&done).contains(note) && done.status.success(), "{}", middle.shown(&done));
    refused(&last, "catalog sync tools", 15, "is not signed");
    let exported = json_of(&middle, "catalog export tools changed.yaml");
    assert!(exported["notes"][0].as_str().unwrap().contains(note), "{exported}");
    assert!(!middle.path("changed.yaml.sig").exists());
    // One of another catalog is never passed on as this one's.
    middle.write("home/catalogs/tools.yaml", &copy);
    middle.write("one.yaml", ONE);
    middle.ok("catalog key own.key");
    middle.ok("catalog sign one.yaml --key own.key");
    middle.write("home/catalogs/tools.yaml.sig", &middle.read("one.yaml.sig"));
    assert!(middle.show(&format!("catalog push tools {second}")).contains(note));
    refused(&last, "catalog sync tools", 15, "is not signed");

    assert!(signature(&middle));
    place.ok("catalog rm mine b");
    place.ok(&format!("catalog push mine {first}"));
    middle.ok("catalog sync tools");
    assert!(!signature(&middle), "there is none any more");
    middle.ok("catalog create own --from tools");
    place.ok("catalog sign mine --key signer.key");
    place.ok(&format!("catalog push mine {first}"));
    middle.ok(&format!("catalog pull {first}"));
    assert!(signature(&middle));
    middle.ok("catalog rm tools");
    assert!(!signature(&middle));
}

#[test]
fn an_approval_is_written_into_an_own_catalog_and_nowhere_else() {
    let place = Place::new();
    place.write("two.yaml", TWO);
    place.write("changed.yaml", &ONE.replace("mcp/a", "mcp/other"));
    place.ok("catalog add far two.yaml");
    place.ok("catalog create mine --from far");
    let done = place.run(["catalog", "approve", "mine", "a", "--by", "ann", "--note", "ticket 42", "--format", "json"]);
    let change: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(change, json!({"name": "mine", "change": "updated", "origin": "own", "servers": 2, "server": "a"}));
    let approved = json_of(&place, "catalog show a")["approved"].clone();
    assert_eq!((&approved["by"], &approved["note"]), (&json!("ann"), &json!("ticket 42")));
    assert!(approved["at"].as_str().unwrap().ends_with('Z') && approved["entry"].as_str().unwrap().len() == 64);
    place.write("home/scope.yaml", "allow:\n  - {approved: true}\n");
    assert_eq!(json_of(&place, "scope check a")["admitted"], true);
    refused(&place, "scope check b", 1, "no rule lets it in");

    place.ok("catalog add mine a changed.yaml --replace");
    refused(&place, "scope check a", 1, "no rule lets it in");
    refused(&place, "catalog approve mine a --revoke", 11, "nobody has approved");
    place.ok("catalog approve mine a --by ann");
    place.ok("catalog approve mine a --revoke");
    refused(&place, "scope check a", 1, "no rule lets it in");

    refused(&place, "catalog approve far a --by ann", 2, "catalog create NAME --from far");
    refused(&place, "catalog approve mine c --by ann", 11, "no server `c`");
    refused(&place, "catalog approve none a --by ann", 11, "no catalog `none`");
    refused(&place, "catalog approve mine a", 2, "--by");
    let done = place.run(["catalog", "approve", "mine", "a", "--by", " "]);
    assert_eq!(done.status.code(), Some(2), "{}", place.shown(&done));
}
