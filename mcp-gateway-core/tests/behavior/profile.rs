//! What every profile must do.

use std::sync::Arc;

use mcp_gateway_core::model::{ProfileName, ServerName};
use mcp_gateway_core::profile::{FileProfile, MemoryProfile, Profile, ProfileSpec, ProfileStore, ServerSpec};
use mcp_gateway_core::util::env_vars;
use mcp_gateway_core::{Error, ErrorKind};

/// Checks a profile that has no servers and no pins yet.
pub(crate) async fn check_profile(profile: Arc<dyn Profile>) {
    let spec = profile.spec().await.unwrap();
    assert_eq!((&spec.name, spec.servers.len()), (profile.name(), 0));
    assert_eq!(profile.lock().await.unwrap().servers.len(), 0);

    let added = ServerName::new("first").unwrap();
    let next = profile.update(Box::new(|spec| add(spec, &added))).await.unwrap();
    assert_eq!(next.servers.len(), 1);
    assert_eq!(profile.spec().await.unwrap(), next, "a change is seen by the next reader");

    let failed = profile.update(Box::new(|spec| {
        spec.servers.clear();
        Err(Error::new(ErrorKind::Denied, "no"))
    }));
    assert_eq!(failed.await.unwrap_err().kind(), ErrorKind::Denied);
    let renamed = profile.update(Box::new(|spec| {
        spec.name = ProfileName::new("other").unwrap();
        Ok(())
    }));
    assert_eq!(renamed.await.unwrap_err().kind(), ErrorKind::InvalidInput);
    let broken = profile.update(Box::new(|spec| {
        spec.limits.memory = Some("much".to_owned());
        Ok(())
    }));
    assert_eq!(broken.await.unwrap_err().kind(), ErrorKind::InvalidConfig);
    assert_eq!(profile.spec().await.unwrap(), next, "a change that fails changes nothing");

    let locked = profile.update_lock(Box::new(|lock| {
        lock.servers.entry(added.clone()).or_default().identity = "sha256:x".to_owned();
        lock.names.tools.insert("t".to_owned(), "first.t".to_owned());
        Ok(())
    }));
    let locked = locked.await.unwrap();
    assert_eq!(profile.lock().await.unwrap(), locked, "a pin is seen by the next reader");
    assert_eq!(profile.spec().await.unwrap(), next, "a pin is no change of what a person wrote");
    let failed = profile.update_lock(Box::new(|lock| {
        lock.servers.clear();
        Err(Error::new(ErrorKind::Denied, "no"))
    }));
    assert_eq!(failed.await.unwrap_err().kind(), ErrorKind::Denied);
    assert_eq!(profile.lock().await.unwrap(), locked, "a pin that fails changes nothing");

    let mut writers = tokio::task::JoinSet::new();
    for number in 0..8 {
        let profile = Arc::clone(&profile);
        writers.spawn(async move {
            let added = ServerName::new(format!("s{number}")).unwrap();
            profile.update(Box::new(|spec| add(spec, &added))).await.unwrap();
        });
    }
    writers.join_all().await;
    assert_eq!(profile.spec().await.unwrap().servers.len(), 9, "no writer's change is lost");
}

fn add(spec: &mut ProfileSpec, server: &ServerName) -> mcp_gateway_core::Result<()> {
    spec.servers.insert(server.clone(), ServerSpec::default());
    Ok(())
}

fn spec() -> ProfileSpec {
    ProfileSpec::new(ProfileName::new("dev").unwrap())
}

#[tokio::test]
async fn memory_profile() {
    check_profile(Arc::new(MemoryProfile::new(spec()))).await;
}

#[tokio::test]
async fn file_profile() {
    let folder = tempfile::tempdir().unwrap();
    let store = ProfileStore::new(folder.path());
    check_profile(Arc::new(store.create(spec()).await.unwrap())).await;
}

/// Names the profile's file to a process that this test starts of itself.
const FILE: &str = "MCP_GATEWAY_TEST_PROFILE_FILE";
const PROCESSES: usize = 3;
const CHANGES: usize = 10;

#[tokio::test]
async fn several_processes_edit_one_profile() {
    if let Some(file) = env_vars::get(FILE) {
        let profile = FileProfile::open(file).await.unwrap();
        for number in 0..CHANGES {
            let added = ServerName::new(format!("s{}-{number}", std::process::id())).unwrap();
            profile.update(Box::new(|spec| add(spec, &added))).await.unwrap();
        }
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let profile = ProfileStore::new(folder.path()).create(spec()).await.unwrap();
    let start = |_| {
        let mut command = std::process::Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "profile::several_processes_edit_one_profile"]).env(FILE, profile.path());
        command.stdout(std::process::Stdio::null()).spawn().unwrap()
    };
    let children: Vec<_> = (0..PROCESSES).map(start).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(profile.spec().await.unwrap().servers.len(), PROCESSES * CHANGES, "no process's change is lost");
}
