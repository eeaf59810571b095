//! `catalog add`, `sync`, `create`, `export`, `pull`, `push`, `tag`: catalogs that come from elsewhere and go there.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::Place;

const ONE: &str = "name: far\nregistry:\n  a: {type: server, title: A, image: mcp/a}\n";
const TWO: &str =
    "name: far\nregistry:\n  a: {type: server, title: A, image: mcp/a}\n  b: {type: server, title: B, image: mcp/b}\n";

/// What a site answers: a status, a body and its entity tag.
type Answer = (u16, String, &'static str);

/// A site of this machine with one file; it answers until the test ends.
struct Site {
    address: String,
    answer: Arc<Mutex<Answer>>,
    conditions: Arc<Mutex<Vec<String>>>,
}

impl Site {
    fn start(body: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/far.yaml", listener.local_addr().unwrap());
        let answer = Arc::new(Mutex::new((200, body.to_owned(), "\"1\"")));
        let conditions = Arc::new(Mutex::new(Vec::new()));
        let (given, seen) = (Arc::clone(&answer), Arc::clone(&conditions));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                serve(stream.unwrap(), &given.lock().unwrap().clone(), &seen);
            }
        });
        Self { address, answer, conditions }
    }

    fn answers(&self, status: u16, body: &str, tag: &'static str) {
        *self.answer.lock().unwrap() = (status, body.to_owned(), tag);
    }
}

/// Answers one request; a client that knows the entity tag is told that nothing has changed.
fn serve(mut stream: TcpStream, (status, body, tag): &Answer, seen: &Mutex<Vec<String>>) {
    let known = BufReader::new(stream.try_clone().unwrap())
        .lines()
        .map_while(Result::ok)
        .take_while(|line| !line.is_empty())
        .find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("if-none-match").then(|| value.to_owned())
        });
    seen.lock().unwrap().extend(known.clone());
    let (status, body) = if known.as_deref() == Some(*tag) { (304, "") } else { (*status, body.as_str()) };
    let length = if status == 304 { String::new() } else { format!("content-length: {}\r\n", body.len()) };
    let head = format!("HTTP/1.1 {status} x\r\netag: {tag}\r\n{length}connection: close\r\n\r\n");
    stream.write_all((head + body).as_bytes()).unwrap();
}

fn json_of(place: &Place, line: &str) -> Value {
    serde_json::from_str(&place.ok(&format!("{line} --format json"))).unwrap()
}

#[test]
fn a_catalog_of_an_address_is_kept_up_to_date() {
    let (place, site) = (Place::new(), Site::start(ONE));
    let added = json_of(&place, &format!("catalog add far {}", site.address));
    assert_eq!(added, json!({"name": "far", "change": "added", "origin": site.address, "servers": 1}));
    let listed = json_of(&place, "catalog ls");
    assert_eq!(listed[0]["state"], "synced");
    assert_eq!(listed[0]["origin"], site.address);
    assert!(listed[0]["lastSync"].is_string());
    assert_eq!(json_of(&place, "catalog sync")[0]["change"], "unchanged");
    assert_eq!(*site.conditions.lock().unwrap(), ["\"1\""], "it is asked by the entity tag");
    site.answers(200, TWO, "\"2\"");
    assert_eq!(json_of(&place, "catalog sync far")[0]["change"], "updated");
    assert!(place.ok("catalog show b").contains("mcp/b"));
}

#[test]
fn what_is_garbage_or_gone_leaves_the_copy() {
    let (place, site) = (Place::new(), Site::start(ONE));
    place.write("near.yaml", &ONE.replace("mcp/a", "mcp/near"));
    place.ok(&format!("catalog add far {}", site.address));
    place.ok("catalog add near near.yaml");
    let copy = place.read("home/catalogs/far.yaml");
    place.write("near.yaml", TWO);
    for (status, body) in [(200, "registry: {a: {image: [}"), (200, "<html>sign in</html>"), (500, ""), (404, "no")] {
        site.answers(status, body, "\"3\"");
        let done = place.run(["catalog", "sync", "--format", "json"]);
        assert_ne!(done.status.code(), Some(0), "{body}");
        let changes: Value = serde_json::from_slice(&done.stdout).unwrap();
        assert_eq!(changes[0]["change"], "failed");
        assert_ne!(changes[1]["change"], "failed", "one that fails does not hold up the next");
        let said = String::from_utf8(done.stderr).unwrap();
        assert!(said.contains("far") && said.contains(&site.address) && said.contains("stays in use"), "{said}");
        assert_eq!(place.read("home/catalogs/far.yaml"), copy);
    }
    assert!(place.ok("catalog show near").contains('b'), "the one after it was fetched");
    let listed = json_of(&place, "catalog ls");
    assert_eq!(listed[0]["state"], "stale");
    assert!(listed[0]["failure"]["reason"].is_string());
    assert!(place.ok("catalog show a").contains("mcp/a"), "the servers are found as before");
    site.answers(200, TWO, "\"4\"");
    assert_eq!(json_of(&place, "catalog sync far")[0]["change"], "updated");
    assert_eq!(json_of(&place, "catalog ls")[0]["state"], "synced");
}

#[test]
fn an_address_that_may_not_be_asked_is_refused() {
    let place = Place::new();
    for (origin, code) in [
        ("http://catalogs.example/far.yaml", 2),
        ("https://ann:pw@catalogs.example/far.yaml", 2),
        ("https://10.0.0.1/far.yaml", 15),
        ("ftp://catalogs.example/far.yaml", 2),
        ("oci://", 2),
        ("own", 2),
    ] {
        let done = place.run(["catalog", "add", "far", origin]);
        assert_eq!(done.status.code(), Some(code), "{origin}: {}", place.shown(&done));
    }
    assert_eq!(place.run(["catalog", "rm", "../scope"]).status.code(), Some(2));
    assert_eq!(place.ok("catalog ls --format json"), "[]\n");
}

#[test]
fn an_own_catalog_takes_servers_and_one_from_elsewhere_does_not() {
    let place = Place::new();
    place.write("two.yaml", TWO);
    place.ok("catalog add far two.yaml");
    place.ok("catalog create mine");
    let added = json_of(&place, "catalog add mine a two.yaml");
    assert_eq!(added, json!({"name": "mine", "change": "updated", "origin": "own", "servers": 1}));
    insta::assert_snapshot!("add_server_twice", place.show("catalog add mine a two.yaml"));
    insta::assert_snapshot!("add_server_unknown", place.show("catalog add mine c two.yaml"));
    insta::assert_snapshot!("add_server_elsewhere", place.show("catalog add far a two.yaml"));
    insta::assert_snapshot!("sync_own", place.show("catalog sync mine"));
    place.ok("catalog create all --from far");
    place.ok("catalog rm all a");
    place.ok("catalog export all all.yaml");
    assert_eq!(place.run(["catalog", "export", "all", "all.yaml"]).status.code(), Some(12));
    place.ok("catalog export all all.yaml --replace");
    assert_eq!(json_of(&place, "catalog import all.yaml --name again")["servers"], 1);
    assert_eq!(json_of(&place, "catalog show again")[0]["name"], "b");
}

/// A registry of this machine; it ends with this value.
pub(crate) struct Registry {
    pub(crate) address: String,
    process: Child,
    _folder: TempDir,
}

impl Registry {
    /// A registry, if its program is there; a test without it prints why it is skipped.
    pub(crate) fn start() -> Option<Self> {
        let tools = std::env::var_os("MCP_GATEWAY_TEST_SIGNATURES").map_or_else(
            || std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/test-signatures"),
            Into::into,
        );
        let program = tools.join("bin/docker-registry");
        if !program.exists() {
            let why = std::fs::read_to_string(tools.join("why"));
            assert!(std::env::var_os("MCP_GATEWAY_TEST").is_none() || why.is_ok(), "there is no registry");
            let why = why.unwrap_or_else(|_| "there is no registry (make signatures)".to_owned());
            eprintln!("skipped: {}", why.trim());
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.yml");
        let store = folder.path().join("store");
        let config = format!(
            "version: 0.1\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: 127.0.0.1:0}}\n",
            store.display()
        );
        std::fs::write(&file, config).unwrap();
        let mut process = Command::new(program)
            .arg("serve")
            .arg(file)
            .env("OTEL_TRACES_EXPORTER", "none")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(process.stderr.take().unwrap());
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            while log.read_line(&mut line).unwrap_or(0) > 0 {
                if let Some((_, rest)) = line.split_once("listening on ") {
                    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ':');
                    let _ = tell.send(rest[..end.unwrap_or(rest.len())].to_owned());
                }
                line.clear();
            }
            // It is read to its end, so that the registry never waits for a reader.
            let _ = log.read_to_end(&mut Vec::new());
        });
        let address = told.recv_timeout(Duration::from_secs(60)).expect("the registry listens");
        Some(Self { address, process, _folder: folder })
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_catalog_goes_to_another_home_by_a_registry() {
    let Some(registry) = Registry::start() else { return };
    let (first, second) = (Place::new(), Place::new());
    let reference = format!("{}/team/tools:1", registry.address);
    first.write("one.yaml", ONE);
    first.ok("catalog create mine --from one.yaml");
    let pushed = json_of(&first, &format!("catalog push mine {reference}"));
    let by_digest = pushed["reference"].as_str().unwrap();
    assert!(by_digest.contains("/team/tools@sha256:"), "{by_digest}");
    let pulled = json_of(&second, &format!("catalog pull {reference}"));
    assert_eq!(
        pulled,
        json!({"name": "tools", "change": "added", "origin": format!("oci://{reference}"), "servers": 1})
    );
    assert!(second.ok("catalog show a").contains("mcp/a"));
    assert_eq!(json_of(&second, "catalog sync")[0]["change"], "unchanged");
    first.write("two.yaml", TWO);
    first.ok("catalog add mine b two.yaml");
    first.ok(&format!("catalog push mine {reference}"));
    assert_eq!(json_of(&second, "catalog sync tools")[0]["change"], "updated");
    assert_eq!(json_of(&second, "catalog ls")[0]["servers"], 2);
    let tagged = json_of(&first, &format!("catalog tag {by_digest} old"));
    assert_eq!(tagged["reference"], by_digest, "a tag is another name of the same");
    second.ok(&format!("catalog add old oci://{}/team/tools:old", registry.address));
    assert_eq!(json_of(&second, "catalog show old").as_array().unwrap().len(), 1);
    second.ok(&format!("catalog pull {by_digest}"));
    assert_eq!(json_of(&second, "catalog show tools").as_array().unwrap().len(), 1, "of the same repository");
    second.ok("catalog create other");
    let refused = second.run(["catalog", "pull", &reference, "--name", "other"]);
    assert_eq!(refused.status.code(), Some(12), "one that is the home's own is not lost by a pull");
    let missing = second.run(["catalog", "pull", &format!("{}/team/none:1", registry.address)]);
    assert_eq!(missing.status.code(), Some(11), "{}", second.shown(&missing));
}

#[test]
fn a_registry_that_is_not_there_is_said() {
    let place = Place::with_catalog();
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for line in [
        format!("catalog push test {gone}/team/tools:1"),
        format!("catalog pull {gone}/team/tools:1"),
        format!("catalog tag {gone}/team/tools:1 2"),
        format!("catalog add time docker://{gone}/team/time:1"),
    ] {
        let done = place.run(line.split(' '));
        assert_eq!(done.status.code(), Some(28), "{line}: {}", place.shown(&done));
    }
    assert_eq!(place.run(["catalog", "push", "test", "no reference"]).status.code(), Some(2));
    assert_eq!(place.run(["catalog", "pull", "https://catalogs.example/x"]).status.code(), Some(2));
}

#[test]
fn what_is_done_to_catalogs_is_in_the_trail_of_each_profile() {
    let place = Place::new();
    place.write("far.yaml", ONE);
    place.ok("profile create dev");
    place.ok("catalog add far far.yaml --verify required");
    place.write("far.yaml", TWO);
    place.ok("catalog sync far");
    place.ok("catalog rm far");
    let records = place.ok("audit query --profile dev --format json");
    let action = |record: &Value| record["event"]["action"].as_str().unwrap().to_owned();
    let shown: Vec<_> = records
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|record| action(record).starts_with("catalog/"))
        .map(|record| {
            let detail = &record["event"]["detail"];
            (action(&record), detail["catalog"].clone(), detail["servers"].clone(), detail["verify"].clone())
        })
        .collect();
    let far = || json!("far");
    assert_eq!(
        shown,
        [
            ("catalog/add".to_owned(), far(), json!(1), Value::Null),
            ("catalog/verify".to_owned(), far(), Value::Null, json!("required")),
            ("catalog/sync".to_owned(), far(), json!(2), Value::Null),
            ("catalog/remove".to_owned(), far(), json!(0), Value::Null),
        ]
    );
}
