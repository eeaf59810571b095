use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use super::{PackageImages, RegistrySource, RegistryState, from_server_json};
use crate::catalog::{Catalog as _, FileCatalog, LoadOptions};
use crate::error::ErrorKind;
use crate::model::{ProcessPackage, ServerEntry, ServerKind};
use crate::util::http::testing::TestServer;

fn entry(document: &Value) -> ServerEntry {
    from_server_json(&document.to_string()).unwrap()
}

fn refused(document: &Value) -> String {
    from_server_json(&document.to_string()).unwrap_err().report()
}

fn with(package: Value) -> Value {
    json!({"name": "io.github.ann/weather", "description": "x", "version": "1.2.3", "packages": [package]})
}

fn oci(more: Value) -> Value {
    let mut package =
        json!({"registryType": "oci", "identifier": "ghcr.io/ann/weather:1.2.3", "transport": {"type": "stdio"}});
    package.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    with(package)
}

#[test]
fn an_image_gets_its_arguments_and_variables_and_nothing_else() {
    let entry = entry(&oci(json!({
        "environmentVariables": [
            {"name": "API_KEY", "isSecret": true, "isRequired": true, "description": "the key"},
            {"name": "OPTIONAL_KEY", "isSecret": true},
            {"name": "UNITS", "default": "metric", "choices": ["metric", "imperial"]},
            {"name": "MODE", "value": "fixed"},
            {"name": "URL", "value": "https://{host}/{other}", "variables": {"host": {"isRequired": true}}},
        ],
        "packageArguments": [
            {"type": "positional", "value": "serve"},
            {"type": "named", "name": "--port", "format": "number", "default": 80},
            {"type": "named", "name": "--verbose"},
            {"type": "positional", "valueHint": "cities", "isRepeated": true},
            {"type": "named", "name": "--key", "isSecret": true, "isRequired": true},
        ],
        "runtimeArguments": [
            {"type": "named", "name": "-i"},
            {"type": "named", "name": "-e", "value": "REGION={region}", "variables": {"region": {"default": "eu"}}},
            {"type": "named", "name": "--privileged"},
            {"type": "named", "name": "--network", "value": "host"},
            {"type": "named", "name": "-v", "value": "/:/host"},
            {"type": "positional", "value": "--device=/dev/sda"},
        ],
    })));
    let mut written = serde_json::to_value(&entry).unwrap();
    written.sort_all_objects();
    insta::assert_snapshot!(serde_json::to_string_pretty(&written).unwrap(), @r##"
    {
      "command": [
        "serve",
        "{{io.github.ann_weather.port|named:--port}}",
        "--verbose",
        "{{io.github.ann_weather.cities|into}}",
        "--key",
        "${KEY}"
      ],
      "config": [
        {
          "name": "io.github.ann_weather",
          "properties": {
            "UNITS": {
              "default": "metric",
              "enum": [
                "metric",
                "imperial"
              ],
              "type": "string"
            },
            "cities": {
              "type": "string"
            },
            "host": {
              "type": "string"
            },
            "port": {
              "default": 80,
              "type": "number"
            },
            "region": {
              "default": "eu",
              "type": "string"
            }
          },
          "required": [
            "host"
          ],
          "type": "object"
        }
      ],
      "description": "x",
      "env": [
        {
          "name": "UNITS",
          "value": "{{io.github.ann_weather.UNITS}}"
        },
        {
          "name": "MODE",
          "value": "fixed"
        },
        {
          "name": "URL",
          "value": "https://{{io.github.ann_weather.host}}/{other}"
        },
        {
          "name": "REGION",
          "value": "{{io.github.ann_weather.region}}"
        }
      ],
      "image": "ghcr.io/ann/weather:1.2.3",
      "metadata": {
        "notes": [
          "runtime argument `--privileged` is left out",
          "runtime argument `--network=host` is left out",
          "runtime argument `-v=/:/host` is left out",
          "runtime argument `--device=/dev/sda` is left out"
        ],
        "owner": "io.github.ann",
        "package": "oci:ghcr.io/ann/weather:1.2.3",
        "registryName": "io.github.ann/weather",
        "status": "active",
        "version": "1.2.3"
      },
      "name": "io.github.ann_weather",
      "secrets": [
        {
          "description": "the key",
          "env": "API_KEY",
          "name": "io.github.ann_weather.API_KEY"
        },
        {
          "env": "OPTIONAL_KEY",
          "name": "io.github.ann_weather.OPTIONAL_KEY",
          "required": false
        },
        {
          "env": "KEY",
          "name": "io.github.ann_weather.key"
        }
      ],
      "type": "server"
    }
    "##);
    let text = json!({"registry": {"io.github.ann_weather": entry}}).to_string();
    let again = FileCatalog::parse("c.json", &text, LoadOptions::new()).unwrap();
    assert_eq!(again.warnings.iter().map(ToString::to_string).collect::<Vec<_>>(), [""; 0]);
    assert_eq!(**again.catalog.entries().next().unwrap(), entry, "a catalog's file says the same");
}

#[test]
fn what_only_the_operator_may_say_is_refused_where_it_is_needed() {
    for (more, said) in [
        (
            json!({"runtimeArguments": [{"type": "named", "name": "-v", "value": "/:/x", "isRequired": true}]}),
            "-v=/:/x",
        ),
        (
            json!({"runtimeArguments": [{"type": "named", "name": "--mount", "value": "type=bind,src={s},dst=/p",
            "variables": {"s": {"format": "filepath"}}, "isRequired": true}]}),
            "--mount",
        ),
        (json!({"runtimeArguments": [{"type": "named", "name": "--env", "value": "LD_PRELOAD=/x.so"}]}), "LD_PRELOAD"),
        (json!({"environmentVariables": [{"name": "PATH", "value": "/x"}]}), "PATH"),
        (json!({"environmentVariables": [{"name": "https_proxy", "value": "http://evil"}]}), "https_proxy"),
        (json!({"environmentVariables": [{"name": "node_options"}]}), "node_options"),
        (json!({"environmentVariables": [{"name": "A=B"}]}), "A=B"),
        (json!({"environmentVariables": [{"name": "A"}, {"name": "A"}]}), "twice"),
        (json!({"environmentVariables": [{"name": "A", "value": "{{github.token}}"}]}), "template"),
        (
            json!({"environmentVariables": [{"name": "A", "value": "{x}{x}b", "variables": {"x": {"value": "{"}}}]}),
            "template",
        ),
        (
            json!({"environmentVariables": [{"name": "A", "value": "${x}", "variables": {"x": {"isSecret": true}}}]}),
            "template",
        ),
        (json!({"environmentVariables": [{"name": "A", "value": "$HOME"}]}), "template"),
        (json!({"environmentVariables": [{"name": "A", "value": "x\ny"}]}), "control"),
        (json!({"packageArguments": [{"type": "named", "name": "--a|or:x}}", "valueHint": "y"}]}), "option"),
        (json!({"packageArguments": [{"type": "positional", "value": "{{x|or:y}}"}]}), "template"),
        (json!({"transport": {"type": "sse", "url": "http://localhost:1/sse"}}), "sse"),
        (json!({"transport": {"type": "streamable-http", "url": "http://10.0.0.1:80/mcp"}}), "10.0.0.1"),
        (json!({"transport": {"type": "streamable-http", "url": "http://localhost:{{x}}/mcp"}}), "port"),
        (json!({"fileSha256": "0".repeat(64)}), "SHA-256"),
        (json!({"identifier": "ghcr.io/ann/weather"}), "neither a tag nor a digest"),
        (json!({"identifier": "--privileged"}), "--privileged"),
        (json!({"identifier": "a b:1"}), "image reference"),
    ] {
        let report = refused(&oci(more.clone()));
        assert!(report.contains(said), "{more}: {report}");
    }
}

#[test]
fn a_path_is_the_operators_to_say_even_where_the_publisher_proposes_one() {
    let entry = entry(&with(json!({
        "registryType": "npm", "registryBaseUrl": "https://registry.npmjs.org/", "identifier": "@ann/files", "version": "1.2.3",
        "packageArguments": [
            {"type": "positional", "valueHint": "target_dir", "format": "filepath", "default": "/etc", "isRequired": true},
            {"type": "positional", "value": "/etc/shadow"},
        ],
    })));
    let process = entry.process.as_ref().unwrap();
    assert_eq!(process.package, ProcessPackage::Npm("@ann/files@1.2.3".to_owned()));
    assert_eq!(process.args, ["{{io.github.ann_weather.target_dir}}", "/etc/shadow"]);
    assert_eq!(process.read, ["{{io.github.ann_weather.target_dir|into}}"]);
    assert!(process.write.is_empty());
    let schema = serde_json::to_value(&entry.config[0]).unwrap();
    assert_eq!(schema["properties"]["target_dir"]["default"], Value::Null);
    assert_eq!(schema["required"], json!(["target_dir"]));
}

#[test]
fn packages_are_pinned_and_come_from_where_the_operator_says() {
    let python = entry(&with(json!({"registry_type": "pypi", "identifier": "weather-mcp", "version": "0.5.0",
        "runtime_hint": "uvx", "runtime_arguments": [{"type": "named", "name": "--python", "value": "3.12"}]})));
    assert_eq!(python.process.unwrap().package, ProcessPackage::Pypi("weather-mcp==0.5.0".to_owned()));
    assert_eq!(python.metadata.unwrap().extra["notes"], json!(["runtime argument `--python=3.12` is left out"]));
    for (package, said) in [
        (json!({"registryType": "npm", "identifier": "a", "version": "latest"}), "not one package"),
        (json!({"registryType": "npm", "identifier": "a", "version": "^1.0.0"}), "not one package"),
        (json!({"registryType": "npm", "identifier": "a", "version": "1.x"}), "not one package"),
        (json!({"registryType": "npm", "identifier": "a"}), "not one package"),
        (json!({"registryType": "npm", "identifier": "git+ssh://x", "version": "1.0.0"}), "not one package"),
        (json!({"registryType": "pypi", "identifier": "--index-url", "version": "1.0"}), "not one package"),
        (
            json!({"registryType": "npm", "registryBaseUrl": "https://evil.example", "identifier": "a", "version": "1.0.0"}),
            "evil.example",
        ),
        (
            json!({"registryType": "npm", "identifier": "a", "version": "1.0.0",
            "runtimeArguments": [{"type": "named", "name": "--package", "value": "evil"}]}),
            "--package=evil",
        ),
        (
            json!({"registryType": "pypi", "identifier": "a", "version": "1.0",
            "runtimeArguments": [{"type": "positional", "value": "evil"}]}),
            "evil",
        ),
        (
            json!({"registryType": "npm", "identifier": "a", "version": "1.0.0",
            "packageArguments": [{"type": "named", "name": "--key", "isSecret": true, "isRequired": true}]}),
            "secret",
        ),
        (json!({"registryType": "nuget", "identifier": "A", "version": "1.0.0"}), "`nuget` are not run here"),
        (
            json!({"registryType": "mcpb", "identifier": "https://x/y.mcpb", "fileSha256": "0".repeat(64)}),
            "`mcpb` are not run",
        ),
        (json!({"registryType": "cargo", "identifier": "a", "version": "1.0.0"}), "not known"),
    ] {
        let report = refused(&with(package.clone()));
        assert!(report.contains(said), "{package}: {report}");
    }
}

#[test]
fn remotes_carry_their_headers_as_secrets() {
    let document = json!({
        "name": "com.example/hosted", "description": "x", "version": "1", "remotes": [
            {"type": "sse", "url": "http://plain.example/sse"},
            {"type": "streamable-http", "url": "https://{tenant}.example.com/mcp",
             "variables": {"tenant": {"isRequired": true, "default": "eu"}},
             "headers": [
                {"name": "Authorization", "value": "Bearer {token}", "variables": {"token": {"isSecret": true, "isRequired": true}}},
                {"name": "X-Api-Key", "isSecret": true},
                {"name": "X-Region", "default": "eu"},
            ]},
        ],
    });
    let entry = entry(&document);
    assert_eq!(entry.kind, ServerKind::Remote);
    let remote = entry.remote.as_ref().unwrap();
    assert_eq!(remote.url, "https://{{com.example_hosted.tenant}}.example.com/mcp");
    assert_eq!(remote.headers["Authorization"], "Bearer ${TOKEN}");
    assert_eq!(remote.headers["X-Api-Key"], "${X_API_KEY}");
    assert_eq!(remote.headers["X-Region"], "{{com.example_hosted.X-Region}}");
    let secrets: Vec<_> = entry.secrets.iter().map(|secret| (secret.env.as_str(), secret.required)).collect();
    assert_eq!(secrets, [("TOKEN", None), ("X_API_KEY", Some(false))]);
    assert_eq!(entry.metadata.as_ref().unwrap().extra["notes"], json!(["remote: its address is not `https`"]));
    for (remote, said) in [
        (json!({"type": "websocket", "url": "https://x"}), "websocket"),
        (json!({"type": "sse", "url": "file:///etc/passwd"}), "https"),
        (json!({"type": "sse", "url": "https://x/{k}", "variables": {"k": {"isSecret": true}}}), "secret"),
        (json!({"type": "sse", "url": "https://x", "headers": [{"name": "Host", "value": "y"}]}), "Host"),
        (
            json!({"type": "sse", "url": "https://x", "headers": [{"name": "Mcp-Session-Id", "value": "y"}]}),
            "Mcp-Session-Id",
        ),
        (json!({"type": "sse", "url": "https://x", "headers": [{"name": "A", "value": "x\r\nB: y"}]}), "control"),
        (json!({"type": "sse", "url": "https://{{x}}/"}), "template"),
    ] {
        let report = refused(&json!({"name": "a/b", "remotes": [remote]}));
        assert!(report.contains(said), "{remote}: {report}");
    }
    assert!(refused(&json!({"name": "a/b"})).contains("neither a package nor an address"));
}

#[test]
fn what_is_no_server_json_is_an_error_that_says_so() {
    for text in
        ["", "[]", "{}", r#"{"name": 1}"#, r#"{"name": "a/b", "packages": [1]}"#, r#"{"name": "a/b", "remotes": {}}"#]
    {
        assert!(from_server_json(text).is_err(), "{text}");
    }
    let hidden = json!({"name": "a/b", "title": "T\u{202e}x\u{200b}", "description": "\u{1b}[31mred",
        "websiteUrl": "javascript:alert(1)", "icons": [{"src": "http://x/i.png"}], "remotes": [{"type": "sse", "url": "https://x"}]});
    let entry = entry(&hidden);
    assert_eq!((entry.title.as_deref(), entry.description.as_deref()), (Some("Tx"), Some("[31mred")));
    assert_eq!((entry.readme, entry.icon), (None, None));
}

// === a registry ===

/// One server of a page.
fn item(name: &str, version: &str, official: Value) -> Value {
    let package = json!({"registryType": "oci", "identifier": format!("example.test/x:{version}"), "transport": {"type": "stdio"}});
    json!({
        "server": {"name": name, "description": "x", "version": version, "packages": [package]},
        "_meta": {"io.modelcontextprotocol.registry/official": official},
    })
}

/// What the registry answers to which query, until it is changed.
type Answers = Arc<Mutex<Vec<(&'static str, String)>>>;

async fn registry(answers: &Answers) -> (TestServer, RegistrySource) {
    let answers = Arc::clone(answers);
    let server = TestServer::start(move |request, mut reply| {
        let found = answers.lock().unwrap().iter().find(|(part, _)| request.path.contains(part)).cloned();
        async move {
            match found {
                Some((_, body)) if body == "hang" => reply.gone().await,
                Some((_, body)) if body.parse::<u16>().is_ok() => reply.send(body.parse().unwrap(), &[], "").await,
                Some((_, body)) => reply.send(200, &[("Content-Type", "application/json")], &body).await,
                None => reply.send(404, &[], "").await,
            }
        }
    })
    .await;
    let source = RegistrySource::new(&server.url("")).unwrap();
    (server, source)
}

fn page(servers: Vec<Value>, next: Option<&str>) -> String {
    json!({"servers": servers, "metadata": {"count": 1, "nextCursor": next}}).to_string()
}

fn names(catalog: &str) -> Vec<String> {
    let read = FileCatalog::parse("c.json", catalog, LoadOptions::new()).unwrap();
    assert_eq!(read.catalog.name(), "c");
    read.catalog.entries().map(|entry| format!("{} {}", entry.name, entry.image.as_ref().unwrap())).collect()
}

#[tokio::test]
async fn a_visit_takes_every_page_and_the_next_one_only_what_changed() {
    let first = "2026-01-01T00:00:00Z";
    let answers = Answers::new(Mutex::new(vec![
        ("cursor=p%262", page(vec![item("a/two", "1", json!({"updatedAt": "2026-01-02T00:00:00Z"}))], None)),
        (
            "",
            page(
                vec![
                    item("a/one", "1", json!({"updatedAt": first})),
                    item("a/gone", "1", json!({"status": "deleted"})),
                    item("a/old", "1", json!({"isLatest": false})),
                    json!({"server": {"name": "a/odd", "packages": []}}),
                ],
                Some("p&2"),
            ),
        ),
    ]));
    let (server, source) = registry(&answers).await;
    let mut state = RegistryState::new();
    let synced = source.sync(&mut state).await.unwrap();
    assert_eq!(names(&synced.catalog), ["a_one example.test/x:1", "a_two example.test/x:1"]);
    let found = (synced.servers, synced.changed, synced.removed, synced.refused.len());
    assert_eq!(found, (2, 3, 0, 1));
    assert!(synced.refused[0].reason.report().contains("neither a package"), "{:?}", synced.refused);
    assert!(!server.seen()[0].path.contains("updated_since"));

    *answers.lock().unwrap() = vec![(
        "",
        page(
            vec![
                item("a/one", "2", json!({"updatedAt": "2026-01-03T00:00:00Z", "isLatest": true})),
                item("a/two", "1", json!({"status": "deleted"})),
                item("a/three", "1", json!({"status": "deprecated", "statusMessage": "use four"})),
            ],
            None,
        ),
    )];
    let mut state = RegistryState::parse(&state.to_text().unwrap()).unwrap();
    let synced = source.sync(&mut state).await.unwrap();
    assert_eq!(names(&synced.catalog), ["a_one example.test/x:2", "a_three example.test/x:1"]);
    assert_eq!((synced.changed, synced.removed), (2, 1));
    assert!(synced.catalog.contains("(deprecated) x") && synced.catalog.contains("use four"));
    let asked = server.seen().last().unwrap().path.clone();
    assert!(
        asked.contains("version=latest") && asked.contains("updated_since=2026-01-01T23%3A59%3A59.000Z"),
        "{asked}"
    );
}

#[tokio::test]
async fn garbage_is_refused_whole_and_what_was_known_stays() {
    let answers = Answers::new(Mutex::new(vec![("", page(vec![item("a/one", "1", json!({}))], None))]));
    let (_server, source) = registry(&answers).await;
    let mut state = RegistryState::new();
    source.sync(&mut state).await.unwrap();
    let endless = page(vec![], Some("again"));
    for (garbage, kind) in [
        ("<html>", ErrorKind::Protocol),
        ("{}", ErrorKind::Protocol),
        (r#"{"servers": {}}"#, ErrorKind::Protocol),
        (r#"{"servers": [], "metadata": {"nextCursor": 7}}"#, ErrorKind::Protocol),
        (r#"{"servers": [{"server": {"name": "../../etc"}}]}"#, ErrorKind::Protocol),
        (r#"{"servers": [7]}"#, ErrorKind::Protocol),
        (endless.as_str(), ErrorKind::Protocol),
        ("404", ErrorKind::Protocol),
        ("429", ErrorKind::Network),
        ("503", ErrorKind::Network),
    ] {
        *answers.lock().unwrap() = vec![("", garbage.to_owned())];
        let error = source.sync(&mut state).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{garbage}: {error:?}");
        assert!(error.report().contains("127.0.0.1"), "{error:?}");
    }
    *answers.lock().unwrap() = vec![("", page(vec![item("a/two", "1", json!({}))], None))];
    let synced = source.sync(&mut state).await.unwrap();
    assert!(names(&synced.catalog).contains(&"a_two example.test/x:1".to_owned()));
}

#[tokio::test]
async fn a_visit_that_failed_goes_on_where_it_was() {
    let first = || page(vec![item("a/one", "1", json!({}))], Some("second"));
    let answers = Answers::new(Mutex::new(vec![("cursor=second", "503".to_owned()), ("", first())]));
    let (server, source) = registry(&answers).await;
    let mut state = RegistryState::new();
    source.sync(&mut state).await.unwrap_err();
    answers.lock().unwrap()[0].1 = page(vec![item("a/two", "1", json!({}))], None);
    let mut state = RegistryState::parse(&state.to_text().unwrap()).unwrap();
    let synced = source.sync(&mut state).await.unwrap();
    assert_eq!(synced.servers, 2);
    let asked: Vec<_> = server.seen().iter().map(|request| request.path.contains("cursor=second")).collect();
    assert_eq!(asked, [false, true, true], "the first page is not asked for again");

    // A cursor that means nothing any more: from the beginning.
    let mut state = RegistryState::new();
    answers.lock().unwrap()[0].1 = "503".to_owned();
    source.sync(&mut state).await.unwrap_err();
    *answers.lock().unwrap() =
        vec![("cursor=second", "400".to_owned()), ("", page(vec![item("a/new", "1", json!({}))], None))];
    assert_eq!(names(&source.sync(&mut state).await.unwrap().catalog), ["a_new example.test/x:1"]);
}

#[tokio::test]
async fn a_registry_that_does_not_answer_is_given_up() {
    let answers = Answers::new(Mutex::new(vec![("", "hang".to_owned())]));
    let (_server, source) = registry(&answers).await;
    let short = Duration::from_millis(50);
    let error = source.with_timeouts(short, short).sync(&mut RegistryState::new()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
}

#[tokio::test]
async fn names_that_differ_in_case_only_are_one_and_another_registry_begins_anew() {
    let both = vec![item("a/One", "1", json!({})), item("a/one", "1", json!({}))];
    let answers = Answers::new(Mutex::new(vec![("", page(both, None))]));
    let (server, source) = registry(&answers).await;
    let mut state = RegistryState::new();
    let synced = source.sync(&mut state).await.unwrap();
    assert_eq!((names(&synced.catalog), synced.refused.len()), (vec!["a_One example.test/x:1".to_owned()], 1));
    let images = PackageImages::new().with_node(&format!("node@sha256:{}", "a".repeat(64))).unwrap();
    let source = source.with_images(images);
    assert!(!RegistryState::parse(&state.to_text().unwrap()).unwrap().to_text().unwrap().contains("images"));
    source.sync(&mut state).await.unwrap();
    assert!(!server.seen().last().unwrap().path.contains("updated_since"), "entries are made for other images");
    *answers.lock().unwrap() = vec![("", page(vec![item("b/two", "1", json!({}))], None))];
    let (_other, source) = registry(&answers).await;
    assert_eq!(names(&source.sync(&mut state).await.unwrap().catalog), ["b_two example.test/x:1"]);
}

#[test]
fn addresses_that_could_be_anything_are_refused() {
    for bad in [
        "",
        "registry",
        "http://registry.example",
        "ftp://x",
        "https://u:p@x",
        "https://x/?a=b",
        "http://169.254.169.254",
    ] {
        assert!(RegistrySource::new(bad).is_err(), "{bad}");
    }
    for good in ["https://registry.example/api/", "http://localhost:8080", "http://[::1]:1"] {
        assert!(RegistrySource::new(good).is_ok(), "{good}");
    }
}
