//! `server …`

use crate::support::Place;

#[test]
fn servers_are_added_listed_and_removed() {
    let place = Place::with_catalog();
    insta::assert_snapshot!("list_none", place.show("server list"));
    insta::assert_snapshot!("add", place.show("server add tiny keeper"));
    insta::assert_snapshot!("list", place.show("server ls"));
    insta::assert_snapshot!("list_json", place.show("server list --format json"));
    insta::assert_snapshot!("add_unknown", place.show("server add tinny"));
    insta::assert_snapshot!("remove", place.show("server rm keeper"));
    insta::assert_snapshot!("remove_unknown", place.show("server remove keeper"));
}

#[test]
fn a_server_that_cannot_start_is_listed_with_its_reason() {
    let place = Place::with_catalog();
    place.ok("server add tiny");
    place.write("home/catalogs/test.yaml", "name: test\nregistry: {}\n");
    insta::assert_snapshot!("list_refused", place.show("server list"));
}

#[test]
fn what_a_server_would_get_is_shown() {
    let place = Place::with_catalog();
    let shown = place.ok("server inspect keeper --format json");
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["secrets"][0]["set"], false);
    assert_eq!(shown["network"], "none");
    place.run_with_input(["profile", "secret", "set", "keeper", "--key", "KEEPER_TOKEN"], "hunter2-hunter2");
    let shown = place.ok("server inspect keeper");
    assert!(shown.contains("set: true") && !shown.contains("hunter2"), "{shown}");
    assert_eq!(place.run(["server", "inspect", "nobody"]).status.code(), Some(11));
}
