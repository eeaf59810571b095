//! `profile export`, `import`, `push`, `pull`, `diff` and `templates`.

use crate::support::{Place, without_digests};

#[test]
fn a_profile_goes_to_another_home_with_its_secrets_listed() {
    let (first, second) = (Place::with_catalog(), Place::with_catalog());
    first.ok("profile create dev --servers tiny,keeper --description shared");
    let stored = first.run_with_input(
        ["profile", "secret", "set", "keeper", "--key", "KEEPER_TOKEN", "--profile", "dev"],
        "kept-at-home",
    );
    assert!(stored.status.success(), "{}", first.shown(&stored));
    first.ok("profile export dev dev.json");
    let text = first.read("dev.json");
    assert!(!text.contains("kept-at-home"));
    second.write("dev.json", &text);
    let taken: serde_json::Value = serde_json::from_str(&second.ok("profile import dev.json --format json")).unwrap();
    assert_eq!(taken["servers"][1]["server"], "keeper");
    insta::assert_snapshot!("import_again", second.show("profile import dev.json"));
    insta::assert_snapshot!("import_as", without_digests(&second.show("profile import dev.json --as lab")));
    insta::assert_snapshot!("same", second.show("profile diff dev lab"));
    second.ok("profile remove-server lab --server tiny");
    insta::assert_snapshot!("diff", second.show("profile diff dev lab"));
    second.write("dev.json", &text.replace("shared", "stolen"));
    insta::assert_snapshot!("import_changed", second.show("profile import dev.json --replace"));
    second.write("dev.json", &text);
    let other = format!("sha256:{}", "0".repeat(64));
    assert_eq!(second.run(["profile", "import", "dev.json", "--replace", "--digest", &other]).status.code(), Some(15));
}

#[test]
fn templates_are_shown_and_begun_with() {
    let place = Place::new();
    insta::assert_snapshot!("templates", place.show("profile templates"));
    insta::assert_snapshot!("template", place.show("profile templates read-only"));
    insta::assert_snapshot!("template_unknown", place.show("profile create lab --template read-onyl"));
    insta::assert_snapshot!("template_create", place.show("profile create lab --template read-only"));
    assert!(place.ok("profile show lab").starts_with("# "), "with its comments");
    assert_eq!(place.run(["profile", "create", "lab", "--template", "data"]).status.code(), Some(12));
}

#[test]
fn a_registry_that_is_not_there_is_said() {
    let place = Place::with_catalog();
    place.ok("profile create dev --servers tiny");
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for line in [format!("profile push dev {gone}/team/dev:1"), format!("profile pull {gone}/team/dev:1")] {
        let done = place.run(line.split(' '));
        assert_eq!(done.status.code(), Some(28), "{}", place.shown(&done));
    }
    assert_eq!(place.run(["profile", "push", "dev", "no reference"]).status.code(), Some(2));
}
