//! `profile …`

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Stdio;

use crate::support::{Place, wait, without_digests};

/// An editor that is a shell script, called with the draft's path.
fn editor(place: &Place, script: &str) -> PathBuf {
    let path = place.write("an editor.sh", &format!("#!/bin/sh\nset -e\n{script}\n"));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

fn edit(place: &Place, script: &str) -> String {
    let path = editor(place, script);
    let mut command = place.command(["profile", "edit", "dev"]);
    // A path with a space, quoted, and an argument: the variable holds words, not one file name.
    let done = wait(command.env("EDITOR", format!("'{}' --wait", path.display())).spawn().unwrap());
    place.shown(&done)
}

#[test]
fn profiles_are_made_shown_changed_and_deleted() {
    let place = Place::with_catalog();
    insta::assert_snapshot!("none", place.show("profile ls"));
    insta::assert_snapshot!("create", place.show("profile create dev --servers tiny,keeper"));
    insta::assert_snapshot!("create_twice", place.show("profile create dev --servers tiny"));
    insta::assert_snapshot!("create_unknown_server", place.show("profile create other --servers tiny,keper"));
    insta::assert_snapshot!("ls", place.show("profile ls"));
    insta::assert_snapshot!("ls_json", place.show("profile ls --format json"));
    insta::assert_snapshot!("show", place.show("profile show dev"));
    insta::assert_snapshot!("show_json", place.show("profile show dev --format json"));
    insta::assert_snapshot!("add_server", place.show("profile add-server dev --server boxed"));
    insta::assert_snapshot!("remove_server", place.show("profile remove-server dev --server keeper"));
    insta::assert_snapshot!("remove_server_twice", place.show("profile remove-server dev --server keeper"));
    insta::assert_snapshot!("add_to_missing", place.show("profile add-server dve --server tiny"));
    assert!(place.ok("profile show dev").contains("boxed"));
    insta::assert_snapshot!("delete", place.show("profile delete dev"));
    insta::assert_snapshot!("delete_twice", place.show("profile delete dev"));
}

#[test]
fn a_profile_travels_as_a_file() {
    let place = Place::with_catalog();
    place.ok("profile create dev --servers tiny");
    place.ok("profile export dev spec.yaml --spec");
    assert_eq!(place.read("spec.yaml"), "name: dev\nservers:\n  tiny: {}\n");
    place.ok("profile export dev out.yaml");
    assert_eq!(place.read("out.yaml"), place.ok("profile export dev"));
    assert_eq!(place.run(["profile", "import", "out.yaml"]).status.code(), Some(12));
    place.ok("profile import out.yaml --replace");
    place.ok("profile delete dev");
    insta::assert_snapshot!("import", without_digests(&place.show("profile import out.yaml")));
    assert!(place.ok("profile show dev").contains("tiny"));
    place.ok("profile import spec.yaml --as again");
    place.write("broken.yaml", "name: lab\nserverz: {}\n");
    insta::assert_snapshot!("import_broken", place.show("profile import broken.yaml"));
    assert_eq!(place.run(["profile", "show", "lab"]).status.code(), Some(11));
}

#[test]
fn an_edit_replaces_the_profile_when_it_is_right() {
    let place = Place::with_catalog();
    place.ok("profile create dev --servers tiny");
    insta::assert_snapshot!("edit", edit(&place, r#"test "$1" = --wait; printf 'description: edited\n' >> "$2""#));
    assert!(place.ok("profile show dev").contains("description: edited"));
    insta::assert_snapshot!("edit_nothing", edit(&place, "true"));
    assert!(!place.home("drafts").exists() || std::fs::read_dir(place.home("drafts")).unwrap().next().is_none());
}

#[test]
fn a_broken_edit_leaves_the_profile_as_it_was() {
    let place = Place::with_catalog();
    place.ok("profile create dev --servers tiny");
    let before = place.ok("profile show dev");
    let shown = edit(&place, r#"printf 'serverz: {}\n' >> "$2""#);
    assert!(shown.starts_with("exit: 10\n"), "{shown}");
    assert!(shown.contains("serverz") && shown.contains("your draft is kept in"), "{shown}");
    assert_eq!(place.ok("profile show dev"), before);
    assert_eq!(std::fs::read_dir(place.home("drafts")).unwrap().count(), 1);
    assert!(edit(&place, "exit 7").starts_with("exit: 2\n"), "an editor that fails changes nothing");
    assert_eq!(place.ok("profile show dev"), before);
}

#[test]
fn an_edit_does_not_undo_what_another_process_changed_meanwhile() {
    let place = Place::with_catalog();
    place.ok("profile create dev --servers tiny");
    let script = format!(
        "{} profile add-server dev --server keeper\nprintf 'description: mine\\n' >> \"$2\"",
        crate::support::BINARY
    );
    let shown = edit(&place, &script);
    assert!(shown.starts_with("exit: 13\n"), "{shown}");
    assert!(place.ok("profile show dev").contains("keeper"));
}

#[test]
fn processes_that_change_a_profile_at_once_lose_nothing() {
    let place = Place::with_catalog();
    place.ok("profile create dev");
    let children: Vec<_> = ["tiny", "keeper", "boxed"]
        .into_iter()
        .cycle()
        .take(12)
        .map(|server| {
            let mut command = place.command(["profile", "add-server", "dev", "--server", server]);
            command.stdout(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    for child in children {
        let done = wait(child);
        assert!(done.status.success(), "{}", place.shown(&done));
    }
    let shown = place.ok("profile show dev");
    assert!(["tiny", "keeper", "boxed"].iter().all(|server| shown.contains(server)), "{shown}");
}

#[test]
fn a_broken_profile_does_not_hide_the_others() {
    let place = Place::with_catalog();
    place.ok("profile create dev --servers tiny");
    place.write("home/profiles/bad.yaml", "name: bad\nservers: [\n");
    let shown = place.show("profile ls");
    assert!(shown.starts_with("exit: 0\n") && shown.contains("dev") && shown.contains("(broken)"), "{shown}");
}
