//! The plugin of the Docker CLI.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use crate::support::{BINARY, Place, wait};

#[test]
fn the_plugin_says_what_it_is() {
    let place = Place::new();
    let plugin = place.path("docker-mcp");
    symlink(BINARY, &plugin).unwrap();
    let done = wait(place.command_of(&plugin, ["docker-cli-plugin-metadata"]).spawn().unwrap());
    let metadata: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(metadata["SchemaVersion"], "0.1.0");
    assert_eq!(metadata["Version"], env!("CARGO_PKG_VERSION"));
    assert!(metadata["Vendor"].is_string() && metadata["ShortDescription"].is_string());
}

#[test]
fn the_plugins_commands_are_those_of_the_binary() {
    let place = Place::with_catalog();
    let plugin = place.path("docker-mcp");
    symlink(BINARY, &plugin).unwrap();
    let run = |line: &str| {
        let done = wait(place.command_of(&plugin, line.split(' ')).spawn().unwrap());
        place.shown(&done)
    };
    assert_eq!(run("mcp catalog ls"), place.show("catalog ls"));
    assert_eq!(run("--context default mcp catalog ls"), place.show("catalog ls"));
    assert!(run("mcp catalog ls --help").contains("Usage: docker mcp catalog ls"));
    assert!(run("help mcp").contains("Usage: docker mcp"));
}

#[test]
fn the_plugin_is_installed_and_removed() {
    let place = Place::new();
    insta::assert_snapshot!("install", place.show("toolkit install"));
    let plugin = place.path("user/.docker/cli-plugins/docker-mcp");
    assert_eq!(plugin.canonicalize().unwrap(), Path::new(BINARY).canonicalize().unwrap());
    place.ok("toolkit install --copy");
    assert!(plugin.symlink_metadata().unwrap().is_file());
    insta::assert_snapshot!("uninstall", place.show("toolkit uninstall"));
    assert!(!plugin.exists());
    insta::assert_snapshot!("uninstall_twice", place.show("toolkit uninstall"));
}

#[test]
fn another_plugin_of_the_name_is_left_alone() {
    let place = Place::new();
    let plugin = place.write("config/cli-plugins/docker-mcp", "#!/bin/sh\n");
    let run = |line: &str| {
        let mut command = place.command(line.split(' '));
        wait(command.env("DOCKER_CONFIG", place.path("config")).spawn().unwrap())
    };
    insta::assert_snapshot!("install_foreign", place.shown(&run("toolkit install")));
    assert_eq!(run("toolkit uninstall").status.code(), Some(12));
    assert!(plugin.exists());
    assert!(run("toolkit install --force").status.success());
    assert!(run("toolkit uninstall").status.success());
}

#[test]
fn docker_itself_runs_the_plugin() {
    let place = Place::with_catalog();
    if Command::new("docker").arg("--version").output().is_err() {
        eprintln!("skipped: the docker client is not installed");
        return;
    }
    place.ok("toolkit install");
    let mut command = place.command_of(Path::new("docker"), ["mcp", "catalog", "ls", "--format", "json"]);
    let done = wait(command.spawn().unwrap());
    assert_eq!(place.shown(&done), place.show("catalog ls --format json"));
}
