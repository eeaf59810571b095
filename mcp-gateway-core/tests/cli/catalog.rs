//! `catalog …`

use crate::support::{Place, fixtures};

#[test]
fn without_a_catalog_the_next_step_is_named() {
    let place = Place::new();
    insta::assert_snapshot!("none_ls", place.show("catalog ls"));
    insta::assert_snapshot!("none_show", place.show("catalog show github"));
    assert_eq!(place.ok("catalog ls --format json"), "[]\n");
}

#[test]
fn catalogs_are_listed_and_shown() {
    let place = Place::with_catalog();
    let listed = place.ok("catalog ls");
    assert!(listed.starts_with("NAME  SERVERS  STATE   LAST SYNC"), "{listed}");
    assert!(listed.lines().nth(1).unwrap().starts_with("test  3        synced  "), "{listed}");
    insta::assert_snapshot!("ls_json", place.show("catalog ls --format json"));
    insta::assert_snapshot!("show_catalog", place.show("catalog show test"));
    insta::assert_snapshot!("show_server", place.show("catalog show keeper"));
    insta::assert_snapshot!("show_server_json", place.show("catalog show boxed --format json"));
    insta::assert_snapshot!("show_unknown", place.show("catalog show kepper"));
    insta::assert_snapshot!("search", place.show("catalog search container"));
    insta::assert_snapshot!("search_nothing", place.show("catalog search qzxv wvxq"));
}

#[test]
fn a_catalog_is_replaced_only_when_asked_for() {
    let place = Place::with_catalog();
    insta::assert_snapshot!("add_twice", place.show("catalog add test servers.yaml"));
    place.ok("catalog add test servers.yaml --replace");
    insta::assert_snapshot!("add_bad_name", place.show("catalog add ../x servers.yaml"));
    place.ok("catalog rm test");
    insta::assert_snapshot!("rm_twice", place.show("catalog rm test"));
}

#[test]
fn a_later_catalog_wins_and_the_order_is_kept() {
    let place = Place::with_catalog();
    let other = "name: aaa\nregistry:\n  tiny:\n    type: server\n    title: Other\n    image: example.test/tiny\n";
    place.write("other.yaml", other);
    place.ok("catalog add aaa other.yaml --link");
    assert!(place.ok("catalog show tiny").contains("Other"));
    place.write("other.yaml", &other.replace("Other", "Changed"));
    assert!(place.ok("catalog show tiny").contains("Changed"), "a link follows its file");
    place.ok("catalog rm aaa");
    assert!(place.ok("catalog show tiny").contains("Tiny"));
    assert!(place.path("other.yaml").exists(), "the file that a link leads to stays");
}

#[test]
fn a_broken_file_is_refused_with_its_lines() {
    let place = Place::new();
    let broken = fixtures().join("broken.yaml");
    insta::assert_snapshot!("validate_broken", place.show(&format!("catalog validate {}", broken.display())));
    insta::assert_snapshot!(
        "validate_broken_json",
        place.show(&format!("catalog validate {} --format json", broken.display()))
    );
    insta::assert_snapshot!("add_broken", place.show(&format!("catalog add broken {}", broken.display())));
    assert_eq!(place.ok("catalog ls --format json"), "[]\n", "nothing of it was registered");
    insta::assert_snapshot!("validate_missing", place.show("catalog validate no-such.yaml"));
    place.write("wrong.yaml", "servers: {}\n");
    insta::assert_snapshot!("validate_wrong_key", place.show("catalog validate wrong.yaml"));
}

#[test]
fn a_good_file_is_counted() {
    let place = Place::with_catalog();
    insta::assert_snapshot!("validate", place.show("catalog validate servers.yaml"));
}

#[test]
fn whoever_registers_a_catalog_says_whether_its_images_must_be_signed() {
    let place = Place::new();
    place.write("c.yaml", "verify: off\nregistry:\n  a: {image: mcp/a, signer: docker}\n");
    let inspect =
        || -> serde_json::Value { serde_json::from_str(&place.ok("server inspect a --format json")).unwrap() };
    place.ok("catalog add c c.yaml");
    assert_eq!(inspect()["verify"]["mode"], "required", "what is said for the catalog's signer is not for this one");
    place.write("c.yaml", "verify: off\nsigner: docker\nregistry:\n  a: {image: mcp/a}\n");
    place.ok("catalog add c c.yaml --replace");
    assert_eq!(inspect()["verify"]["mode"], "off");
    place.ok("catalog add c c.yaml --replace --verify required");
    assert_eq!(inspect()["verify"]["mode"], "required");
    assert_eq!(inspect()["verify"]["signer"]["name"], "docker");
    place.ok("catalog add c c.yaml --replace");
    assert_eq!(inspect()["verify"]["mode"], "required", "the word stays until another one is said");
    let listed: serde_json::Value = serde_json::from_str(&place.ok("catalog ls --format json")).unwrap();
    assert_eq!(listed[0]["verify"], "required");
    place.ok("catalog rm c");
    place.ok("catalog add c c.yaml");
    assert_eq!(inspect()["verify"]["mode"], "off");
}

#[test]
fn tools_are_found_by_what_they_do() {
    let place = Place::new();
    place.write(
        "c.yaml",
        "registry:
  shop: {image: mcp/shop, metadata: {category: commerce}, tools: [{name: createInvoice, description: Bills a customer}, {name: listGoods}]}
  sky: {image: mcp/sky, metadata: {category: weather}, tools: [{name: get_forecast, description: Tells the weather}]}
",
    );
    place.ok("catalog add c c.yaml");
    let found = |command: &str| -> serde_json::Value { serde_json::from_str(&place.ok(command)).unwrap() };
    let tools = found("catalog search make an invoice for me --tools --format json");
    assert_eq!(tools[0]["name"], "createInvoice");
    assert_eq!(tools[0]["server"], "shop");
    assert_eq!(tools[0]["description"], "Bills a customer");
    let tools = found("catalog search weather --tools --category weather --source c --format json");
    assert_eq!(tools[0]["name"], "get_forecast");
    assert_eq!(found("catalog search weather --category commerce --format json"), serde_json::json!([]));
    assert_eq!(found("catalog search weather --source other --format json"), serde_json::json!([]));
}
