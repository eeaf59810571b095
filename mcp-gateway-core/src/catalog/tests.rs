use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    Catalog, FileCatalog, LayeredCatalog, LoadOptions, LoadReport, MemoryCatalog, SearchIndex, SearchQuery,
    fingerprint, template,
};
use crate::error::{ErrorKind, Result};
use crate::model::{ProcessPackage, RemoteTransport, ServerEntry, ServerKind, ServerName, VerifyMode};
use crate::util::{env_vars, fs};

fn load(text: &str) -> Result<LoadReport> {
    FileCatalog::parse("c.yaml", text, LoadOptions::new())
}

fn one(text: &str) -> (Arc<ServerEntry>, Vec<String>) {
    let report = load(text).unwrap();
    let entries: Vec<_> = report.catalog.entries().collect();
    assert_eq!(entries.len(), 1);
    (Arc::clone(entries[0]), report.warnings.iter().map(ToString::to_string).collect())
}

fn names(catalog: &FileCatalog) -> Vec<&str> {
    catalog.entries().map(|entry| entry.name.as_str()).collect()
}

/// The error's parts as a person sees them.
fn broken(text: &str) -> String {
    let error = load(text).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidConfig);
    error.hints().fold(error.to_string(), |text, hint| format!("{text}\nhint: {hint}"))
}

/// The public catalog that tests may use; `None`, and the reason printed, where it is not on this machine.
fn public_catalog() -> Option<PathBuf> {
    let folder = env_vars::get("MCP_GATEWAY_TEST_DATA")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"), PathBuf::from);
    let path = folder.join("docker-catalog.yaml");
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: {} does not exist; set MCP_GATEWAY_TEST_DATA", path.display());
    None
}

// === the public catalog ===

#[tokio::test]
async fn every_entry_of_the_public_catalog_is_read_without_loss() {
    let Some(path) = public_catalog() else { return };
    let report = FileCatalog::load(&path).await.unwrap();
    assert_eq!((report.catalog.name(), report.catalog.title()), ("docker-mcp", Some("Docker MCP Catalog")));
    assert_eq!(report.catalog.len(), 328);
    // One key in it has no meaning where it stands, and a few container tools are listed by name only.
    let is_nameless = |message: &str| message.contains("has no `container`");
    let messages = report.warnings.iter().map(|warning| warning.message.as_str());
    assert_eq!(
        messages.filter(|message| !is_nameless(message)).collect::<Vec<_>>(),
        ["unknown key `registry.uberall.env[0].env`"]
    );

    let source: Value = serde_saphyr::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    let source = source["registry"].as_object().unwrap();
    assert_eq!(source.len(), 328);
    for entry in report.catalog.list().await.unwrap() {
        let mut written = serde_json::to_value(&*entry).unwrap();
        assert_eq!(written.as_object_mut().unwrap().remove("name"), Some(json!(entry.name)));
        assert_eq!(written, source[entry.name.as_str()], "{}", entry.name);
        assert_eq!(fingerprint(&entry).len(), 64);
    }
}

#[tokio::test]
async fn what_is_written_is_read_again() {
    let Some(path) = public_catalog() else { return };
    let entries = FileCatalog::load(&path).await.unwrap().catalog.list().await.unwrap();
    let registry: serde_json::Map<_, _> =
        entries.iter().map(|entry| (entry.name.to_string(), serde_json::to_value(&**entry).unwrap())).collect();
    let text = json!({"version": 3, "name": "copy", "registry": registry}).to_string();
    let copy = FileCatalog::parse("copy.json", &text, LoadOptions::new()).unwrap().catalog;
    for entry in &entries {
        assert_eq!(copy.get(&entry.name).await.unwrap().as_ref(), Some(entry));
    }
}

#[tokio::test]
async fn the_public_catalog_can_be_searched() {
    let Some(path) = public_catalog() else { return };
    let mut index = SearchIndex::new();
    for entry in FileCatalog::load(&path).await.unwrap().catalog.list().await.unwrap() {
        index.put(entry, None);
    }
    let names = |query: &str| {
        let found = index.search(&SearchQuery::new(query).with_limit(20));
        found.matches.into_iter().map(|found| found.entry.name.to_string()).collect::<Vec<_>>()
    };
    let first = |query: &str| names(query).remove(0);
    assert!(first("github pull requests").contains("github"));
    assert!(first("current time in a timezone").contains("time"));
    assert!(first("stripe payments").contains("stripe"));
    assert_eq!(names("search the web"), names("search the web"));
}

// === every field ===

#[test]
fn every_field_has_its_place() {
    let (entry, warnings) = one("
registry:
  all:
    type: server
    title: All
    image: mcp/all:1
    command: [--port, 8080, '{{all.paths|into}}']
    volumes: ['{{all.paths|volume|into}}']
    user: 1000
    env: [{name: A, value: 1.10, example: x}, {name: B}]
    secrets: [{name: all.key, env: KEY, required: false, example: y}]
    config: [{name: all, type: object, properties: {paths: {type: array}}}]
    allowHosts: ['a.example:443']
    disableNetwork: true
    extraHosts: ['a:1.2.3.4']
    longLived: true
    oauth: {providers: [{provider: p, secret: all.token, env: TOKEN}], scopes: [read]}
    tools:
      - bare
      - {name: t, description: d, arguments: [{name: a, type: string, desc: x}], annotations: {readOnlyHint: true}}
    prefix: all_
    metadata: {category: c, tags: [x], license: MIT, owner: o, pulls: 3}
    policy: {allow: true}
    resources: {limits: {memory: 2Gb, cpu: 250m}}
    process: {npm: 'all@1.0.0', args: [--stdio], read: [/a], write: [/b]}
    http: 8080/mcp
    icon: i
    readme: r
    upstream: u
    dynamic: {tools: true}
");
    assert_eq!(warnings, [] as [&str; 0]);
    assert_eq!(entry.command, ["--port", "8080", "{{all.paths|into}}"]);
    assert_eq!(entry.user.as_deref(), Some("1000"));
    assert_eq!(entry.env[0].value.as_deref(), Some("1.10"));
    assert_eq!(entry.secrets[0].required, Some(false));
    assert_eq!(entry.config[0].schema["type"], "object");
    assert!(entry.disable_network && entry.long_lived);
    assert_eq!(entry.tools[0].name, "bare");
    assert_eq!(entry.tools[1].annotations["readOnlyHint"], true);
    assert_eq!(entry.metadata.as_ref().unwrap().extra["pulls"], 3);
    let limits = entry.resources.unwrap();
    assert_eq!((limits.memory_bytes, limits.cpus, limits.pids), (2 << 30, 0.25, 256));
    let process = entry.process.as_ref().unwrap();
    assert_eq!(process.package, ProcessPackage::Npm("all@1.0.0".to_owned()));
    assert_eq!(
        (process.read.as_slice(), process.write.as_slice()),
        (["/a".to_owned()].as_slice(), ["/b".to_owned()].as_slice())
    );
    assert_eq!(entry.http.as_deref(), Some("8080/mcp"));
    assert_eq!(entry.extra["dynamic"]["tools"], true);
}

#[test]
fn a_server_may_have_a_file_of_its_own_in_yaml_or_json() {
    let (entry, _) = one("name: a\ntype: remote\nremote: {url: https://a.example/mcp, transport_type: streaming}\n");
    assert_eq!((entry.name.as_str(), entry.kind), ("a", ServerKind::Remote));
    assert_eq!(entry.remote.as_ref().unwrap().transport, RemoteTransport::StreamableHttp);

    let text = "{\"name\": \"curl\", \"type\": \"poci\", \"tools\": [{\"name\": \"curl\",\n \"container\": {\"image\": \"alpine/curl\", \"command\": [\"{{args|into}}\"]}}]}";
    let report = FileCatalog::parse("curl.json", text, LoadOptions::new()).unwrap();
    let entry = report.catalog.entries().next().unwrap();
    assert_eq!(entry.tools[0].container.as_ref().unwrap().command, ["{{args|into}}"]);
    assert_eq!(report.catalog.name(), "curl");
}

#[test]
fn flat_resources_and_what_they_are_written_as() {
    let (entry, _) = one("registry: {a: {type: server, image: x, resources: {cpus: '0.25', memory: 256m, pids: 9}}}");
    let limits = entry.resources.unwrap();
    assert_eq!((limits.memory_bytes, limits.cpus, limits.pids), (256 << 20, 0.25, 9));
    let written = serde_json::to_value(&*entry).unwrap();
    assert_eq!(written["resources"], json!({"limits": {"memory": "268435456", "cpus": 0.25, "pids": 9}}));
    // Older catalogs count MCP resources under this name.
    assert_eq!(one("registry: {a: {type: server, image: x, resources: {}}}").0.resources, None);
}

// === problems ===

#[test]
fn unknown_keys_are_warned_of_and_kept() {
    let (entry, warnings) = one("
registry:
  a:
    type: server
    image: x
    volumess: [a]
    remote: {url: u, header: {}}
    secrets:
      - {name: a.b, env: B, requird: false}
");
    assert_eq!(
        warnings,
        [
            "c.yaml:6:5: unknown key `registry.a.volumess`; did you mean `volumes`?",
            "c.yaml:7:22: unknown key `registry.a.remote.header`; did you mean `headers`?",
            "c.yaml:9:29: unknown key `registry.a.secrets[0].requird`; did you mean `required`?",
        ]
    );
    assert_eq!(entry.extra["volumess"], json!(["a"]));
    assert_eq!(entry.remote.as_ref().unwrap().extra["header"], json!({}));
    assert_eq!(entry.secrets[0].extra["requird"], json!(false));
}

#[test]
fn what_cannot_be_right_is_an_error_with_file_and_line() {
    for (entry, expected) in [
        ("image: [x]", "`registry.a.image` must be a text, not a list (file: c.yaml:3:10)"),
        ("image: 5", "`registry.a.image` must be a text, not a number (file: c.yaml:3:10)\nhint: put it in quotes"),
        (
            "image: x\n  command: --all",
            "`registry.a.command` must be a list, not a text (file: c.yaml:4:12)\nhint: write `command: [...]`",
        ),
        (
            "image: x\n  longLived: 'yes'",
            "`registry.a.longLived` must be `true` or `false`, not a text (file: c.yaml:4:14)",
        ),
        (
            "image: --privileged",
            "`registry.a.image`: `--privileged` is not an image reference: the repository must start with a letter or digit (file: c.yaml:3:10)",
        ),
        (
            "image: x\n  tools: [{nam: t}]",
            "missing `registry.a.tools[0].name` (file: c.yaml:4:11)\nhint: is one of the other keys a misspelt `name`?",
        ),
        ("image: x\n  secrets: [{name: s}]", "missing `registry.a.secrets[0].env` (file: c.yaml:4:13)"),
        ("image: x\n  env: [{value: s}]", "missing `registry.a.env[0].name` (file: c.yaml:4:9)"),
        ("title: t", "missing `registry.a.type` (file: c.yaml:3:3)"),
        (
            "type: sever",
            "`registry.a.type` must be `server`, `remote` or `poci`, not `sever` (file: c.yaml:3:9)\nhint: did you mean `server`?",
        ),
        ("type: server", "missing `registry.a.image` (file: c.yaml:3:3)"),
        ("type: remote", "missing `registry.a.remote` (file: c.yaml:3:3)"),
        ("type: remote\n  remote: {transport_type: sse}", "missing `registry.a.remote.url` (file: c.yaml:4:11)"),
        (
            "type: remote\n  remote: {url: u, transport_type: ssh}",
            "`registry.a.remote.transport_type` must be `streamable-http` or `sse`, not `ssh` (file: c.yaml:4:36)",
        ),
        ("type: poci", "missing `registry.a.tools` (file: c.yaml:3:3)"),
        (
            "process: {}",
            "`registry.a.process` must have one of `command`, `npm` and `pypi`, not none (file: c.yaml:3:12)",
        ),
        (
            "image: x\n  http: mcp",
            "`registry.a.http` must be a port and a path, not `mcp` (file: c.yaml:4:9)\nhint: write such as `http: 8080/mcp`",
        ),
        (
            "image: x\n  resources: {memory: much}",
            "`registry.a.resources.memory`: `much` is not an amount of memory (file: c.yaml:4:23)\nhint: write bytes or a number with a unit, such as `512m` or `2g`",
        ),
        (
            "image: x\n  resources: {limits: {cpu: -1}}",
            "`registry.a.resources.limits.cpu` must be a number of cores, not `-1` (file: c.yaml:4:29)\nhint: write such as `0.5` or `500m`",
        ),
    ] {
        let found = broken(&format!("registry:\n a:\n  {entry}\n"));
        assert!(found.starts_with(expected), "{entry}\nexpected {expected}\nfound    {found}");
    }
    assert!(broken("registry: {-rf: {type: server, image: x}}").contains("`-rf` must start with a letter or digit"));
    assert!(
        broken("registry:\n a: {type: server, image: x}\n a: {type: server, image: y}")
            .contains("key `a` stands here twice")
    );
}

#[test]
fn all_problems_are_told_at_once() {
    let found = broken("registry:\n a: {type: server, image: 1}\n b: {type: remote}\n");
    assert_eq!(
        found,
        "`registry.a.image` must be a text, not a number (file: c.yaml:2:27, further problems: 1)\n\
         hint: put it in quotes\n\
         hint: c.yaml:3:5: missing `registry.b.remote`"
    );
}

#[test]
fn reading_leniently_leaves_out_and_names_what_is_broken() {
    let text = "registry:\n a: {type: server, image: 1}\n b: {type: server, image: x}\n";
    let report = FileCatalog::parse("c.yaml", text, LoadOptions::new().with_lenient(true)).unwrap();
    assert_eq!(names(&report.catalog), ["b"]);
    assert_eq!(report.refused[0].name, "a");
    assert!(report.refused[0].reason.to_string().contains("c.yaml:2:27"));
    // A file that is useless as a whole is an error even so.
    let lenient = LoadOptions::new().with_lenient(true);
    assert!(FileCatalog::parse("c.yaml", "registy: {}", lenient).is_err());
}

#[test]
fn a_wrong_top_level_key_is_never_an_empty_catalog() {
    for (text, expected) in [
        ("name: x\nregisty: {a: {}}", "catalog has no `registry`, but `registy` (file: c.yaml:2:1)"),
        ("version: 3\nservers: {a: {}}", "catalog has no `registry`, but `servers` (file: c.yaml:2:1)"),
        ("mcpServers: {}", "catalog has no `registry`, but `mcpServers` (file: c.yaml:1:1)"),
        ("name: x\nfoo: 1", "catalog has no `registry`; its keys are `name`, `foo` (file: c.yaml:1:1)"),
        ("{}", "catalog has no `registry`: the file has no keys"),
        ("[]", "file must be a mapping, not a list"),
        ("text", "file must be a mapping, not a text"),
        ("", "file "),
        ("registry: [a]", "`registry` must be a mapping, not a list (file: c.yaml:1:11)"),
    ] {
        let found = broken(text);
        assert!(found.starts_with(expected), "{text:?}\nexpected {expected}\nfound    {found}");
    }
    let report = load("registry: {}").unwrap();
    assert!(report.catalog.is_empty());
    assert_eq!(report.warnings[0].to_string(), "c.yaml:1:11: `registry` is empty: the catalog has no servers");
    assert!(load("registry:\n").unwrap().warnings[0].message.contains("is empty"));
}

#[test]
fn a_template_that_cannot_be_expanded_is_warned_of() {
    let (entry, warnings) = one("registry: {a: {type: server, image: x, volumes: ['{{a.b|volum}}']}}");
    assert!(warnings[0].contains("unknown function `volum`") && warnings[0].contains("did you mean `volume`?"));
    let scope = template::Scope::default();
    assert!(template::expand_list(&entry.volumes[0], &scope).is_err());
}

// === folders and layers ===

#[tokio::test]
async fn a_folder_is_one_catalog() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write_atomic(&folder.path().join(name), text.as_bytes()).unwrap();
    write("b.yaml", "name: b\ntype: server\nimage: b\n");
    write("a.json", "{\"name\": \"a\", \"type\": \"server\", \"image\": \"a\"}");
    write("notes.txt", "not a catalog");
    let report = FileCatalog::load(folder.path()).await.unwrap();
    assert_eq!(names(&report.catalog), ["a", "b"]);

    write("c.yaml", "registry: {a: {type: server, image: other}}");
    let error = FileCatalog::load(folder.path()).await.unwrap_err();
    assert!(error.to_string().contains("`a` is described by two files"), "{error}");
    let error = FileCatalog::load(folder.path().join("none.yaml")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn later_catalogs_override_and_hide() {
    let name = |name: &str| ServerName::new(name).unwrap();
    let base = MemoryCatalog::new("base")
        .with_entry(ServerEntry::image(name("a"), "a:1"))
        .with_entry(ServerEntry::image(name("aws-x"), "x"))
        .with_entry(ServerEntry::image(name("aws-y"), "y"));
    let over =
        load("hide: ['aws-*', a]\nregistry: {a: {type: server, image: 'a:2'}, aws-y: {type: server, image: y2}}")
            .unwrap();
    assert_eq!(over.warnings, []);
    let layered = LayeredCatalog::new(vec![Arc::new(base), Arc::new(over.catalog)]);
    assert_eq!(layered.name(), "base+c");
    let list = layered.list().await.unwrap();
    let images: Vec<_> = list.iter().map(|entry| entry.image.as_deref().unwrap()).collect();
    assert_eq!(images, ["a:2", "y2"]);
    assert_eq!(layered.get(&name("aws-x")).await.unwrap(), None);
    assert_eq!(layered.get(&name("a")).await.unwrap().unwrap().image.as_deref(), Some("a:2"));
}

#[test]
fn a_catalog_says_who_signs_its_images() {
    let text = "signer: docker\nverify: off\nregistry:\n  a: {image: mcp/a}\n  b: {image: x/b, signer: {identity: \"https://github.com/x/*\", issuer: \"https://t.example\"}}\n  c: {image: x/c, verify: if-present}\n  d: {type: remote, remote: {url: \"https://d.example\"}}\n";
    let read = |options| FileCatalog::parse("c.yaml", text, options).unwrap().catalog;
    let catalog = read(LoadOptions::new());
    let entries: Vec<_> =
        catalog.entries().map(|entry| (entry.signer.as_ref().map(ToString::to_string), entry.verify)).collect();
    let docker = Some("docker".to_owned());
    assert_eq!(
        entries,
        [
            (docker.clone(), Some(VerifyMode::Off)),
            // What is said of the catalog's signer is not said of another one.
            (Some("https://github.com/x/* (https://t.example)".to_owned()), None),
            (docker, Some(VerifyMode::IfPresent)),
            (None, None),
        ]
    );
    // Whoever registers it has the last word.
    let strict = read(LoadOptions::new().with_verify(Some(VerifyMode::Required)));
    assert!(strict.entries().all(|entry| entry.verify == Some(VerifyMode::Required)));
    for (wrong, said) in [
        ("registry:\n  a: {image: x, signer: someone}", "no signer is known as `someone`"),
        ("registry:\n  a: {image: x, signer: {key: x}}", "no public key"),
        ("registry:\n  a: {image: x, verify: maybe}", "`maybe` does not say"),
        ("signer: 7\nregistry:\n  a: {image: x}", "the name `docker`"),
    ] {
        let error = FileCatalog::parse("c.yaml", wrong, LoadOptions::new()).unwrap_err();
        assert!(error.report().contains(said) && error.report().contains("c.yaml"), "{}", error.report());
    }
}
