//! `scope …`, and what a scope does to the other verbs.

use crate::support::Place;

const SCOPE: &str = "deny:\n  - {server: boxed, reason: not looked at yet}\n";

fn place() -> Place {
    let place = Place::with_catalog();
    place.write("home/scope.yaml", SCOPE);
    place
}

#[test]
fn what_the_home_shuts_out_is_found_and_added_by_no_verb() {
    let place = place();
    insta::assert_snapshot!("scope_check_out", place.show("scope check boxed"));
    insta::assert_snapshot!("scope_check_in", place.show("scope check tiny --format json"));
    insta::assert_snapshot!("scope_show", place.show("scope show"));
    insta::assert_snapshot!("scope_add", place.show("server add boxed"));
    insta::assert_snapshot!("scope_catalog_show", place.show("catalog show boxed"));
    assert!(!place.ok("catalog search container").contains("boxed"));
    place.ok("server add tiny");
}

#[test]
fn a_server_that_is_shut_out_later_is_refused_and_a_broken_scope_lets_nothing_begin() {
    let place = Place::with_catalog();
    place.ok("server add boxed tiny");
    place.write("home/scope.yaml", SCOPE);
    let list = place.ok("server list --format json");
    assert!(list.contains("not looked at yet"), "{list}");
    place.write("home/scope.yaml", "allow:\n  - {}\n");
    insta::assert_snapshot!("scope_broken", place.show("server list"));
    place.write("home/scope.yaml", "# nothing yet\n");
    insta::assert_snapshot!("scope_empty", place.show("server list"));
}
