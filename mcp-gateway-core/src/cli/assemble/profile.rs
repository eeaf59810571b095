//! Which servers there are, and how they are run.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use sha2::{Digest as _, Sha256};

use super::toolkit;
use crate::cli::Env;
use crate::cli::args::{NetworkArg, ProfileArgs, SelectionArgs, SettingArgs};
use crate::error::{Error, ErrorKind, Result};
use crate::model::ProfileName;
use crate::profile::{
    FileProfile, LockChange, MemoryProfile, NetworkSpec, NetworkWord, Profile, ProfileLock, ProfileSpec, ProfileStore,
    SpecChange,
};

/// The name of the profile that is meant when none is named.
pub(crate) const DEFAULT_PROFILE: &str = "default";

/// The profiles of the home.
pub(crate) fn profiles(env: &Env) -> ProfileStore {
    ProfileStore::new(env.home.profiles())
}

/// What a profile says; the default profile says nothing until it is there.
pub(crate) async fn profile_or_empty(env: &Env, name: &ProfileName) -> Result<ProfileSpec> {
    match profiles(env).open(name).await {
        Ok(profile) => profile.spec().await,
        Err(error) if is_default(name, &error) => Ok(ProfileSpec::new(name.clone())),
        Err(error) => Err(error),
    }
}

/// A profile to be changed; the default profile is made when it is not there.
pub(crate) async fn profile_to_change(env: &Env, name: &ProfileName) -> Result<FileProfile> {
    let store = profiles(env);
    match store.open(name).await {
        Err(error) if is_default(name, &error) => create_or_open(&store, name).await,
        opened => opened,
    }
}

async fn create_or_open(store: &ProfileStore, name: &ProfileName) -> Result<FileProfile> {
    match store.create(ProfileSpec::new(name.clone())).await {
        // Another process was faster, which is as good.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => store.open(name).await,
        created => created,
    }
}

/// Whether the profile that is missing is the one that needs not be made before it is used.
fn is_default(name: &ProfileName, error: &Error) -> bool {
    error.kind() == ErrorKind::NotFound && name.as_str() == DEFAULT_PROFILE
}

/// The profile of a run: what its file says, with what the flags say.
///
/// # Behavior
/// - The file is never changed by a run.
/// - What servers offer is recorded in the profile's own lock, unless the flags choose other servers or catalogs: then in
///   a lock that belongs to that choice, so that names in the profile's lock keep their meaning.
pub(crate) async fn profile(
    env: &Env,
    args: &ProfileArgs,
    selection: &SelectionArgs,
    settings: &SettingArgs,
) -> Result<RunProfile> {
    let mut spec = profile_or_empty(env, &args.profile).await?;
    let enabled = toolkit::apply(&mut spec, selection)?;
    let chosen = if selection.servers.is_empty() { enabled } else { Some(selection.servers.clone()) };
    if let Some(servers) = &chosen {
        let mut known = std::mem::take(&mut spec.servers);
        spec.servers =
            servers.iter().map(|name| (name.clone(), known.shift_remove(name).unwrap_or_default())).collect();
    }
    if !selection.tools.is_empty() {
        spec.tools.clone_from(&selection.tools);
    }
    apply(&mut spec, settings);
    let lock = if chosen.is_none() && selection.catalog.catalogs.is_empty() {
        lock_of(&profiles(env), &args.profile).await?
    } else {
        let folder = env.home.temporary_profiles(&key(&spec, &selection.catalog.catalogs));
        let store = ProfileStore::new(folder);
        match store.open(&args.profile).await {
            Err(error) if error.kind() == ErrorKind::NotFound => Arc::new(create_or_open(&store, &args.profile).await?),
            opened => Arc::new(opened?),
        }
    };
    Ok(RunProfile { spec: MemoryProfile::new(spec), lock })
}

/// What holds the lock of a profile; the default profile has none until it is there.
async fn lock_of(store: &ProfileStore, name: &ProfileName) -> Result<Arc<dyn Profile>> {
    match store.open(name).await {
        Ok(profile) => Ok(Arc::new(profile)),
        Err(error) if is_default(name, &error) => Ok(Arc::new(MemoryProfile::new(ProfileSpec::new(name.clone())))),
        Err(error) => Err(error),
    }
}

/// Fills in what neither the profile nor its servers say.
fn apply(spec: &mut ProfileSpec, settings: &SettingArgs) {
    if spec.isolation.is_none() {
        spec.isolation = settings.isolation.map(Into::into);
    }
    if spec.limits.memory.is_none() {
        spec.limits.memory.clone_from(&settings.memory);
    }
    spec.limits.cpus = spec.limits.cpus.or(settings.cpus);
    for server in spec.servers.values_mut() {
        if server.idle.is_none() {
            server.idle.clone_from(&settings.idle);
        }
        match settings.network {
            Some(NetworkArg::None) => server.network = Some(NetworkSpec::Word(NetworkWord::None)),
            Some(NetworkArg::Open) if server.network.is_none() => {
                server.network = Some(NetworkSpec::Word(NetworkWord::Open));
            }
            _ => {}
        }
    }
}

/// A short name for a choice of servers and catalogs.
fn key(spec: &ProfileSpec, catalogs: &[String]) -> String {
    let mut hasher = Sha256::new();
    for name in spec.servers.keys() {
        hasher.update(name.as_str());
        hasher.update([0]);
    }
    for catalog in catalogs {
        let path = PathBuf::from(catalog);
        let path = crate::util::fs::canonicalize(&path).unwrap_or(path);
        hasher.update([1]);
        hasher.update(path.as_os_str().as_encoded_bytes());
    }
    hex::encode(&hasher.finalize()[..8])
}

/// A profile whose specification is this run's alone, and whose lock is kept.
#[derive(Debug)]
pub(crate) struct RunProfile {
    spec: MemoryProfile,
    lock: Arc<dyn Profile>,
}

#[async_trait]
impl Profile for RunProfile {
    fn name(&self) -> &ProfileName {
        self.spec.name()
    }

    async fn spec(&self) -> Result<ProfileSpec> {
        self.spec.spec().await
    }

    async fn update(&self, change: SpecChange<'_>) -> Result<ProfileSpec> {
        self.spec.update(change).await
    }

    async fn lock(&self) -> Result<ProfileLock> {
        self.lock.lock().await
    }

    async fn update_lock(&self, change: LockChange<'_>) -> Result<ProfileLock> {
        self.lock.update_lock(change).await
    }
}
