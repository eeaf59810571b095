//! `catalog add NAME registry:…` and `catalog sync`: registries of MCP servers.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::support::Place;

/// What is answered, by a part of what is asked: a page, or a text that is none.
type Answers = Vec<(&'static str, Value)>;

/// A registry of this machine; it answers until the test ends.
pub(crate) struct Registry {
    pub(crate) origin: String,
    answers: Arc<Mutex<Answers>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Registry {
    pub(crate) fn start(answers: Answers) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let origin = format!("registry:http://{}/", listener.local_addr().unwrap());
        let (answers, asked) = (Arc::new(Mutex::new(answers)), Arc::new(Mutex::new(Vec::new())));
        let (given, seen) = (Arc::clone(&answers), Arc::clone(&asked));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                serve(stream.unwrap(), &given.lock().unwrap(), &seen);
            }
        });
        Self { origin, answers, asked }
    }

    pub(crate) fn answers(&self, answers: Answers) {
        *self.answers.lock().unwrap() = answers;
    }
}

fn serve(mut stream: TcpStream, answers: &Answers, seen: &Mutex<Vec<String>>) {
    let lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    let path = head[0].split(' ').nth(1).unwrap().to_owned();
    let found = answers.iter().find(|(part, _)| path.contains(part)).map(|(_, page)| page);
    let (status, body) = match found {
        Some(Value::String(text)) => (200, text.clone()),
        Some(page) => (200, page.to_string()),
        None => (503, String::new()),
    };
    seen.lock().unwrap().push(path);
    let head = format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    stream.write_all((head + &body).as_bytes()).unwrap();
}

pub(crate) fn page(servers: &[Value], next: Option<&str>) -> Value {
    json!({"servers": servers, "metadata": {"count": servers.len(), "nextCursor": next}})
}

pub(crate) fn server(name: &str, package: &Value, official: &Value) -> Value {
    json!({
        "server": {"name": name, "description": format!("the server {name}"), "version": "1.0.0", "packages": [package]},
        "_meta": {"io.modelcontextprotocol.registry/official": official},
    })
}

fn image(name: &str, version: &str, at: &str) -> Value {
    let package = json!({"registryType": "oci", "identifier": format!("example.test/{name}:{version}")});
    server(&format!("io.test/{name}"), &package, &json!({"updatedAt": at, "status": "active"}))
}

fn json_of(place: &Place, line: &str) -> Value {
    serde_json::from_str(&place.ok(&format!("{line} --format json"))).unwrap()
}

#[test]
fn a_registry_is_a_catalog_that_is_kept_up_to_date() {
    let place = Place::new();
    let deleted = json!({"status": "deleted", "updatedAt": "2026-02-03T00:00:00Z"});
    let registry = Registry::start(vec![
        ("cursor=next", page(&[image("two", "1", "2026-02-01T00:00:00Z")], None)),
        (
            "",
            page(
                &[image("one", "1", "2026-01-01T00:00:00Z"), image("gone", "1", "2026-01-01T00:00:00Z")],
                Some("next"),
            ),
        ),
    ]);
    let added = json_of(&place, &format!("catalog add reg {}", registry.origin));
    assert_eq!(added, json!({"name": "reg", "change": "added", "origin": registry.origin, "servers": 3}));
    let listed = json_of(&place, "catalog ls");
    assert_eq!((&listed[0]["state"], &listed[0]["origin"]), (&json!("synced"), &json!(registry.origin)));
    assert_eq!(json_of(&place, "catalog show reg").as_array().unwrap().len(), 3);
    assert!(place.ok("catalog show io.test_one").contains("example.test/one:1"));
    assert!(place.ok("catalog search the server two").contains("io.test_two"));
    assert!(place.ok("catalog validate reg").contains("3 servers, 0 warnings"));

    registry.answers(vec![(
        "updated_since=2026-01-31T23%3A59%3A59",
        page(
            &[
                image("one", "2", "2026-02-02T00:00:00Z"),
                image("new", "1", "2026-02-02T00:00:00Z"),
                server("io.test/gone", &json!({}), &deleted),
            ],
            None,
        ),
    )]);
    assert_eq!(json_of(&place, "catalog sync reg")[0]["change"], "updated");
    let names: Vec<_> = json_of(&place, "catalog show reg")
        .as_array()
        .unwrap()
        .iter()
        .map(|row| format!("{} {}", row["name"].as_str().unwrap(), row["image"].as_str().unwrap()))
        .collect();
    assert_eq!(
        names,
        ["io.test_new example.test/new:1", "io.test_one example.test/one:2", "io.test_two example.test/two:1"]
    );
    registry.answers(vec![("updated_since=2026-02-02T23%3A59%3A59", page(&[], None))]);
    assert_eq!(json_of(&place, "catalog sync")[0]["change"], "unchanged");
    assert!(registry.asked.lock().unwrap().iter().all(|path| path.starts_with("/v0.1/servers?")));

    place.ok("catalog rm reg");
    let left: Vec<_> = std::fs::read_dir(place.home("catalogs"))
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("reg."))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_broken_registry_leaves_the_copy_and_is_named() {
    let place = Place::new();
    let registry = Registry::start(vec![("", page(&[image("one", "1", "2026-01-01T00:00:00Z")], None))]);
    place.ok(&format!("catalog add reg {}", registry.origin));
    let copy = place.read("home/catalogs/reg.yaml");
    let second = page(&[image("two", "1", "2026-01-02T00:00:00Z")], Some("next"));
    for broken in [json!("<html>sign in</html>"), json!({"servers": 7}), json!({"servers": [{"name": "../x"}]})] {
        registry.answers(vec![("cursor=next", broken), ("", second.clone())]);
        let done = place.run(["catalog", "sync"]);
        assert_ne!(done.status.code(), Some(0));
        let said = String::from_utf8(done.stderr).unwrap();
        assert!(said.contains("reg") && said.contains("127.0.0.1") && said.contains("stays in use"), "{said}");
        assert_eq!(place.read("home/catalogs/reg.yaml"), copy);
    }
    assert_eq!(json_of(&place, "catalog ls")[0]["state"], "stale");
    assert!(place.ok("catalog show io.test_one").contains("example.test/one:1"), "it is found as before");

    // What came before the broken page is not asked for again.
    registry.answers(vec![("cursor=next", page(&[image("three", "1", "2026-01-03T00:00:00Z")], None))]);
    assert_eq!(
        json_of(&place, "catalog sync")[0],
        json!({
            "name": "reg", "change": "updated", "origin": registry.origin, "servers": 3,
        })
    );
    assert_eq!(json_of(&place, "catalog ls")[0]["state"], "synced");

    // A copy that was edited, and one whose cursor is gone, are made anew.
    place.write("home/catalogs/reg.yaml", "registry: {}\n");
    registry.answers(vec![
        ("updated_since", json!("not to be asked")),
        ("", page(&[image("one", "5", "2026-01-01T00:00:00Z")], None)),
    ]);
    assert_eq!(json_of(&place, "catalog sync")[0]["servers"], 1);
    std::fs::remove_file(place.home("catalogs/reg.cursor.json")).unwrap();
    assert_eq!(json_of(&place, "catalog sync")[0]["change"], "unchanged");
}

#[test]
fn a_registry_seeds_an_own_catalog_and_wrong_addresses_are_refused() {
    let place = Place::new();
    let registry = Registry::start(vec![("", page(&[image("one", "1", "2026-01-01T00:00:00Z")], None))]);
    let made = json_of(&place, &format!("catalog create mine --from {}", registry.origin));
    assert_eq!((&made["origin"], &made["servers"]), (&json!("own"), &json!(1)));
    for (origin, code) in [
        ("registry:http://registry.example/", 2),
        ("registry:https://ann:pw@registry.example/", 2),
        ("registry:https://registry.example/?a=b", 2),
        ("registry:", 2),
        ("registry:https://10.0.0.1/", 15),
    ] {
        let done = place.run(["catalog", "add", "reg", origin]);
        assert_eq!(done.status.code(), Some(code), "{origin}: {}", place.shown(&done));
    }
}

#[test]
fn packages_are_run_in_the_image_that_was_chosen_for_them() {
    let place = Place::new();
    let package = |version: &str| json!({"registryType": "npm", "identifier": "weather", "version": version});
    let listed = |version: &str, at: &str| {
        page(&[server("io.test/weather", &package(version), &json!({"updatedAt": at}))], None)
    };
    let registry = Registry::start(vec![("", listed("1.0.0", "2026-01-01T00:00:00Z"))]);
    let image = format!("registry.example/node@sha256:{}", "a".repeat(64));
    place.ok(&format!("catalog add reg {} --node-image {image}", registry.origin));
    let entry = json_of(&place, "catalog show io.test_weather");
    assert_eq!((&entry["image"], &entry["process"]), (&json!(image), &Value::Null));
    registry.answers(vec![("updated_since", listed("1.1.0", "2026-01-02T00:00:00Z"))]);
    place.ok("catalog sync");
    let entry = json_of(&place, "catalog show io.test_weather");
    assert_eq!(entry["command"], json!(["npx", "--yes", "weather@1.1.0"]), "the image is kept");
    registry.answers(vec![("updated_since", json!("not to be asked")), ("", listed("1.1.0", "2026-01-02T00:00:00Z"))]);
    place.ok(&format!("catalog add reg {} --replace", registry.origin));
    assert_eq!(json_of(&place, "catalog show io.test_weather")["process"]["npm"], "weather@1.1.0");

    place.write("one.yaml", "registry: {a: {type: server, image: mcp/a}}\n");
    for line in [
        format!("catalog add other {} --node-image node:22", registry.origin),
        format!("catalog add other one.yaml --python-image {image}"),
    ] {
        assert_eq!(place.run(line.split(' ')).status.code(), Some(2), "{line}");
    }
}
