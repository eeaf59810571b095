//! `secret …`

use std::os::unix::fs::PermissionsExt as _;

use crate::support::Place;

const VALUE: &str = "hunter2-hunter2";

#[test]
fn a_secret_is_stored_without_being_shown() {
    let place = Place::new();
    let done = place.run_with_input(["secret", "set", "API_KEY"], &format!("{VALUE}\n"));
    insta::assert_snapshot!("set", place.shown(&done));
    insta::assert_snapshot!("ls", place.show("secret ls"));
    insta::assert_snapshot!("ls_json", place.show("secret ls --format json"));
    for entry in ["secrets.age", "identity.key"] {
        let path = place.home(entry);
        assert!(!String::from_utf8_lossy(&std::fs::read(&path).unwrap()).contains(VALUE), "{entry}");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{entry}");
    }
    insta::assert_snapshot!("rm", place.show("secret rm API_KEY"));
    insta::assert_snapshot!("rm_twice", place.show("secret rm API_KEY"));
}

#[test]
fn dockers_form_works_and_warns() {
    let place = Place::new();
    let shown = place.show(&format!("secret set API_KEY={VALUE}"));
    assert!(!shown.contains(VALUE));
    insta::assert_snapshot!("set_on_command_line", shown);
    assert_eq!(place.ok("secret ls"), "NAME     PROFILE  SERVER\nAPI_KEY\n");
}

#[test]
fn an_empty_secret_is_refused() {
    let place = Place::new();
    insta::assert_snapshot!("empty", place.shown(&place.run_with_input(["secret", "set", "API_KEY"], "\n")));
    assert_eq!(place.run(["secret", "set", "API_KEY="]).status.code(), Some(2));
    assert_eq!(place.run_with_input(["secret", "set", "a b"], VALUE).status.code(), Some(2));
}

#[test]
fn a_profile_has_secrets_of_its_own() {
    let place = Place::with_catalog();
    place.ok("profile create dev --servers keeper");
    insta::assert_snapshot!("profile_ls_missing", place.show("profile secret ls --profile dev"));
    let set = ["profile", "secret", "set", "keeper", "--key", "KEEPER_TOKEN", "--profile", "dev"];
    let done = place.run_with_input(set, VALUE);
    insta::assert_snapshot!("profile_set", place.shown(&done));
    insta::assert_snapshot!("profile_ls", place.show("profile secret ls --profile dev --format json"));
    let done =
        place.run_with_input(["profile", "secret", "set", "keeper", "--key", "OTHER", "--profile", "dev"], VALUE);
    insta::assert_snapshot!("profile_set_undeclared", place.shown(&done));
    place.ok("profile secret rm keeper --key KEEPER_TOKEN --profile dev");
    assert_eq!(
        place
            .run_with_input(["profile", "secret", "set", "keeper", "--key", "X", "--profile", "dve"], VALUE)
            .status
            .code(),
        Some(11)
    );
}

#[test]
fn the_environment_counts_only_when_asked_for() {
    let place = Place::with_catalog();
    place.ok("profile create dev --servers keeper");
    let set = |line: &str| {
        let mut command = place.command(line.split(' '));
        let done = crate::support::wait(command.env("KEEPER_TOKEN", VALUE).spawn().unwrap());
        String::from_utf8(done.stdout).unwrap()
    };
    assert!(set("profile secret ls --profile dev --format json").contains("\"set\": false"));
    assert!(set("profile secret ls --profile dev --format json --secrets env").contains("\"set\": true"));
    place.write(".env", &format!("KEEPER_TOKEN={VALUE}\n"));
    assert!(place.ok("profile secret ls --profile dev --format json --secrets .env").contains("\"set\": true"));
}
