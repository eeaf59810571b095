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
    assert_eq!(place.ok("secret ls"), "NAME     PROFILE  SERVER  EXPIRES\nAPI_KEY\n");
}

#[test]
fn a_secret_is_good_until_it_expires() {
    let place = Place::new();
    let set =
        |expires: &str| place.run_with_input(["secret", "set", "API_KEY", "--expires", expires], &format!("{VALUE}\n"));
    assert!(set("2999-01-31").status.success());
    insta::assert_snapshot!("ls_expires", place.show("secret ls"));
    insta::assert_snapshot!("ls_expires_json", place.show("secret ls --format json"));
    insta::assert_snapshot!("expires_wrong", place.show("secret set API_KEY --expires soon"));
    assert_eq!(place.run(["secret", "set", "API_KEY", "--expires", "1999-01-31"]).status.code(), Some(2));
    assert!(place.run_with_input(["secret", "set", "API_KEY"], VALUE).status.success());
    assert!(!place.ok("secret ls").contains("2999"), "a new value has no expiry of the old one");
    place.ok("secret rm API_KEY");
    assert_eq!(place.ok("secret ls --format json").trim(), "[]");
}

#[test]
fn the_store_is_encrypted_anew() {
    let place = Place::new();
    insta::assert_snapshot!("rotate_nothing", place.show("secret rotate"));
    assert!(place.run_with_input(["secret", "set", "API_KEY"], VALUE).status.success());
    let before = ["secrets.age", "identity.key"].map(|name| std::fs::read(place.home(name)).unwrap());
    insta::assert_snapshot!("rotate", place.show("secret rotate"));
    let after = ["secrets.age", "identity.key"].map(|name| std::fs::read(place.home(name)).unwrap());
    assert!(before[0] != after[0] && before[1] != after[1]);
    assert!(place.ok("secret ls").contains("API_KEY"));
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
