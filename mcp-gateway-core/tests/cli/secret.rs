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
    assert!(place.ok("secret ls").contains("API_KEY"));
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

#[test]
fn a_change_is_recorded_without_its_value_and_a_later_store_is_hidden() {
    let place = Place::with_catalog();
    place.ok("profile create dev --servers keeper");
    place.ok("profile create ops --servers keeper");
    assert!(place.run_with_input(["secret", "set", "KEEPER_TOKEN", "--expires", "2999-01-31"], VALUE).status.success());
    let set = ["profile", "secret", "set", "keeper", "--key", "KEEPER_TOKEN", "--profile", "dev"];
    assert!(place.run_with_input(set, VALUE).status.success());
    place.ok("secret rotate");
    place.ok("secret rm dev/keeper/KEEPER_TOKEN");
    let records = |profile: &str| {
        let line = format!("audit query --format json --profile {profile}");
        let said = place.ok(&line);
        let records = said.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        let of_secrets = records.filter(|record| record["event"]["action"].as_str().unwrap().starts_with("secret/"));
        of_secrets
            .map(|record| (record["event"]["action"].clone(), record["event"]["detail"]["key"].clone()))
            .collect::<Vec<_>>()
    };
    let everybodys = [("secret/set", Some("KEEPER_TOKEN")), ("secret/rotate", None)];
    let own = [("secret/set", Some("dev/keeper/KEEPER_TOKEN")), ("secret/remove", Some("dev/keeper/KEEPER_TOKEN"))];
    let told = |all: &[(&str, Option<&str>)]| -> Vec<_> {
        all.iter().map(|(action, key)| (serde_json::json!(action), serde_json::json!(key))).collect()
    };
    assert_eq!(records("dev"), told(&[everybodys[0], own[0], everybodys[1], own[1]]));
    assert_eq!(records("ops"), told(&everybodys));
    assert!(!place.ok("audit query --format json --profile dev").contains(VALUE));

    place.write("first.env", &format!("KEEPER_TOKEN={VALUE}\n"));
    let listed: Vec<serde_json::Value> =
        serde_json::from_str(&place.ok("secret ls --secrets file:first.env --format json")).unwrap();
    assert_eq!((&listed[0]["store"], &listed[0]["hidden"]), (&"file:first.env".into(), &serde_json::Value::Null));
    assert_eq!(listed[1]["hidden"], true);
}
