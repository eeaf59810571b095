//! Clients in a folder of their own, connected and disconnected.

use std::fs;

use super::*;

struct User {
    folder: tempfile::TempDir,
    clients: Clients,
}

impl User {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(&folder.path().join(".mcp-gateway")).unwrap();
        let clients = home.clients_at(Places::of(System::Linux, folder.path()));
        Self { folder, clients }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    #[expect(clippy::disallowed_methods, reason = "a client writes its files in any way")]
    fn write(&self, name: &str, text: &str) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        crate::util::fs::read_to_string(&self.path(name)).unwrap()
    }
}

fn options() -> ClientOptions {
    ClientOptions { program: Some("/usr/bin/mcp-gateway".into()), ..ClientOptions::default() }
}

/// Makes every client of the table look installed.
fn install_all(user: &User) {
    for known in KNOWN {
        for sign in known
            .signs
            .iter()
            .filter(|sign| sign.starts_with("~/") || sign.starts_with("$XDG") || sign.starts_with("$SUPPORT"))
        {
            let path = user.clients.places.resolve(sign).unwrap();
            if path.extension().is_none_or(|extension| extension != "json") {
                fs::create_dir_all(path).unwrap();
            }
        }
    }
}

#[tokio::test]
async fn every_client_is_connected_and_disconnected() {
    let user = User::new();
    install_all(&user);
    let project = user.path("project");
    for known in KNOWN {
        for scope in [ClientScope::User, ClientScope::Project] {
            if scope == ClientScope::Project && known.project.is_none() {
                continue;
            }
            let options = ClientOptions { scope, folder: Some(project.clone()), ..options() };
            let change = user.clients.connect(known.name, options.clone()).await.unwrap();
            assert!(change.changed && change.path.exists(), "{}", known.name);
            let again = user.clients.connect(known.name, options.clone()).await.unwrap();
            assert!(!again.changed, "{} is connected already", known.name);
            let all = user.clients.list(Some(&project));
            let status = all.iter().find(|status| status.client == known.name && status.scope == scope).unwrap();
            assert!(status.connected && status.installed && status.path == change.path, "{status:?}");
            assert_eq!(status.profile.as_deref(), Some("default"));
            assert_eq!(status.program.as_deref(), Some("/usr/bin/mcp-gateway"));
            assert!(user.clients.disconnect(known.name, options.clone()).await.unwrap().changed);
            assert!(!change.path.exists(), "{}: a file that was made for the gateway goes with it", known.name);
            assert!(!user.clients.disconnect(known.name, options).await.unwrap().changed);
        }
    }
    assert!(user.clients.list(Some(&project)).iter().all(|status| !status.connected && status.problem.is_none()));
}

#[tokio::test]
async fn what_a_person_wrote_stays_to_the_byte() {
    let user = User::new();
    let text = "// Zed settings\r\n{\r\n\t\"context_servers\": {}, // none\r\n\t\"theme\": \"One\",\r\n}";
    user.write(".config/zed/settings.json", text);
    user.clients.connect("zed", options()).await.unwrap();
    let connected = user.read(".config/zed/settings.json");
    // Somebody changes something else meanwhile.
    user.write(".config/zed/settings.json", &connected.replace("\"One\"", "\"Two\""));
    user.clients.disconnect("zed", options()).await.unwrap();
    assert_eq!(user.read(".config/zed/settings.json"), text.replace("\"One\"", "\"Two\""));
}

#[tokio::test]
async fn another_profile_takes_the_place_of_the_first() {
    let user = User::new();
    let text = "model = \"x\"";
    user.write(".codex/config.toml", text);
    user.clients.connect("codex", options()).await.unwrap();
    let store = user.clients.home.profiles();
    let dev = ProfileName::new("dev").unwrap();
    let missing = ClientOptions { profile: Some(dev.clone()), ..options() };
    let error = user.clients.connect("codex", missing.clone()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "a profile that is not there");
    store.create(crate::profile::ProfileSpec::new(dev)).await.unwrap();
    assert!(user.clients.connect("codex", missing).await.unwrap().changed);
    let status = user.clients.list(None).into_iter().find(|status| status.client == "codex").unwrap();
    assert_eq!(status.profile.as_deref(), Some("dev"));
    assert_eq!(user.read(".codex/config.toml").matches("mcp-gateway]").count(), 1);
    user.clients.disconnect("codex", options()).await.unwrap();
    assert_eq!(user.read(".codex/config.toml"), text);
}

#[tokio::test]
async fn what_is_somebody_elses_is_left_alone() {
    let user = User::new();
    let text = r#"{"mcpServers": {"mcp-gateway": {"command": "docker", "args": ["mcp", "gateway", "run"]}}}"#;
    user.write(".cursor/mcp.json", text);
    for done in [user.clients.connect("cursor", options()).await, user.clients.disconnect("cursor", options()).await] {
        assert_eq!(done.unwrap_err().kind(), ErrorKind::AlreadyExists);
    }
    assert_eq!(user.read(".cursor/mcp.json"), text);
    let other = ClientOptions { name: Some("ours".to_owned()), ..options() };
    user.clients.connect("cursor", other.clone()).await.unwrap();
    assert!(user.read(".cursor/mcp.json").contains("\"docker\""));
    user.clients.disconnect("cursor", other).await.unwrap();
    assert_eq!(user.read(".cursor/mcp.json"), text);
    let forced = ClientOptions { force: true, backup: true, ..options() };
    let change = user.clients.connect("cursor", forced).await.unwrap();
    assert_eq!(crate::util::fs::read_to_string(&change.backup.unwrap()).unwrap(), text);
    assert!(!user.read(".cursor/mcp.json").contains("docker"));
}

#[tokio::test]
async fn a_program_of_another_name_is_known_by_what_was_written() {
    let user = User::new();
    user.write(".kiro/settings/mcp.json", "{}");
    let wrapped = ClientOptions { program: Some("/opt/wrapper".into()), ..options() };
    user.clients.connect("kiro", wrapped.clone()).await.unwrap();
    let connected = user.read(".kiro/settings/mcp.json");
    user.write(".kiro/settings/mcp.json", &connected.replace("/opt/wrapper", "/opt/other"));
    let foreign = user.clients.disconnect("kiro", wrapped.clone()).await.unwrap_err();
    assert_eq!(foreign.kind(), ErrorKind::AlreadyExists, "it is not what was written");
    user.write(".kiro/settings/mcp.json", &connected);
    user.clients.disconnect("kiro", wrapped).await.unwrap();
    assert_eq!(user.read(".kiro/settings/mcp.json"), "{}");
}

#[tokio::test]
async fn a_new_file_has_what_its_client_needs_and_puts_no_older_one_out_of_use() {
    let user = User::new();
    user.write(".continue/config.json", "{}");
    let refused = user.clients.connect("continue", options()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unsupported);
    assert!(!user.path(".continue/config.yaml").exists());
    fs::remove_dir_all(user.path(".continue")).unwrap();
    fs::create_dir(user.path(".continue")).unwrap();
    let change = user.clients.connect("continue", options()).await.unwrap();
    assert!(change.diff.starts_with("@@ line 1 @@\n+name: Local Config\n"), "{}", change.diff);
    assert!(user.read(".continue/config.yaml").contains("schema: v1\nmcpServers:\n  - name: mcp-gateway\n"));
    let moved = ClientOptions { program: Some("/opt/mcp-gateway".into()), ..options() };
    assert!(user.clients.connect("continue", moved).await.unwrap().changed);
    assert!(user.read(".continue/config.yaml").starts_with("name: Local Config\n"));
    assert!(user.read(".continue/config.yaml").contains("/opt/mcp-gateway"));
    user.clients.disconnect("continue", options()).await.unwrap();
    assert!(!change.path.exists());
    // What came to it meanwhile stays, with what it needs.
    user.clients.connect("continue", options()).await.unwrap();
    let connected = user.read(".continue/config.yaml");
    user.write(".continue/config.yaml", &format!("{connected}models: []\n"));
    user.clients.disconnect("continue", options()).await.unwrap();
    assert!(user.read(".continue/config.yaml").starts_with("name: Local Config\nversion: 1.0.0\nschema: v1\n"));
    assert!(user.read(".continue/config.yaml").contains("models: []"));
}

#[tokio::test]
async fn nothing_is_written_where_it_cannot_be_right() {
    let user = User::new();
    let kind = async |client: &str, options: ClientOptions| {
        user.clients.connect(client, options).await.map(|change| change.changed).map_err(|error| error.kind())
    };
    assert_eq!(kind("cursor", options()).await, Err(ErrorKind::NotFound), "it is not installed");
    assert_eq!(kind("curser", options()).await, Err(ErrorKind::NotFound));
    let project = ClientOptions { scope: ClientScope::Project, ..options() };
    assert_eq!(kind("goose", project).await, Err(ErrorKind::NotFound), "it has no projects");
    let name = ClientOptions { name: Some("a b".to_owned()), force: true, ..options() };
    assert_eq!(kind("cursor", name).await, Err(ErrorKind::InvalidInput));
    let itself = ClientOptions { program: None, force: true, ..options() };
    assert_eq!(kind("cursor", itself).await, Err(ErrorKind::InvalidInput), "a test is not the gateway");
    user.write(".cursor/mcp.json", "{broken");
    assert_eq!(kind("cursor", options()).await, Err(ErrorKind::InvalidConfig));
    assert_eq!(user.read(".cursor/mcp.json"), "{broken");
    let status = user.clients.list(None).into_iter().find(|status| status.client == "cursor").unwrap();
    assert!(status.problem.unwrap().contains("mcp.json:1:2") && !status.connected);
    user.write(".kiro/settings/mcp.json", "{}");
    let dry = ClientOptions { dry_run: true, ..options() };
    assert_eq!(kind("kiro", dry).await, Ok(true));
    assert_eq!(user.read(".kiro/settings/mcp.json"), "{}", "it was only shown");
}

#[test]
fn the_table_of_clients_is_in_order() {
    assert!(KNOWN.is_sorted_by(|a, b| a.name < b.name));
    for system in [System::Linux, System::Mac, System::Windows] {
        let places = Places::of(system, "/home/of");
        for known in KNOWN {
            assert!(places.first(known.files).is_some(), "{} has no file on {system:?}", known.name);
        }
    }
}
