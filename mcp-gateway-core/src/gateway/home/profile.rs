//! Which servers there are, and how they are run.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use sha2::{Digest as _, Sha256};

use super::options::{CatalogSource, OpenOptions, ProfileSource};
use super::{DEFAULT_PROFILE, Home, toolkit};
use crate::error::{Error, ErrorKind, Result};
use crate::model::ProfileName;
use crate::profile::{
    FileProfile, LockChange, MemoryProfile, NetworkSpec, NetworkWord, Profile, ProfileLock, ProfileSpec, ProfileStore,
    SpecChange,
};

/// Takes every tool out.
const NO_TOOL: &str = "!*:*";

impl Home {
    /// What a profile says; the default profile says nothing until it is there.
    ///
    /// # Errors
    /// `NotFound`, `InvalidConfig` when its file is broken, `Io`.
    pub async fn profile_or_empty(&self, name: &ProfileName) -> Result<ProfileSpec> {
        match self.profiles().open(name).await {
            Ok(profile) => profile.spec().await,
            Err(error) if is_default(name, &error) => Ok(ProfileSpec::new(name.clone())),
            Err(error) => Err(error),
        }
    }

    /// A profile with what was recorded of its servers, for a look that changes nothing.
    ///
    /// # Errors
    /// `NotFound`, `InvalidConfig` when its file is broken, `Io`.
    pub async fn recorded_profile(&self, name: &ProfileName) -> Result<Arc<dyn Profile>> {
        let options = OpenOptions { profile: Some(ProfileSource::Named(name.clone())), ..OpenOptions::default() };
        Ok(Arc::new(run_profile(self, &options).await?))
    }

    /// A profile to be changed; the default profile is made when it is not there.
    ///
    /// # Errors
    /// `NotFound`, `InvalidConfig` when its file is broken, `Io`.
    pub async fn profile_to_change(&self, name: &ProfileName) -> Result<FileProfile> {
        let store = self.profiles();
        match store.open(name).await {
            Err(error) if is_default(name, &error) => create_or_open(&store, name).await,
            opened => opened,
        }
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

/// The profile of a run: what its file says, with what the options say.
///
/// # Behavior
/// - The file is never changed by a run.
/// - What servers offer is recorded in the profile's own lock, unless the options choose other servers or catalogs: then
///   in a lock that belongs to that choice, so that names in the profile's lock keep their meaning.
pub(super) async fn run_profile(home: &Home, options: &OpenOptions) -> Result<RunProfile> {
    let (mut spec, named) = match &options.profile {
        None => (home.profile_or_empty(&ProfileName::new(DEFAULT_PROFILE)?).await?, true),
        Some(ProfileSource::Named(name)) => (home.profile_or_empty(name).await?, true),
        Some(ProfileSource::Spec(spec)) => {
            spec.validate()?;
            (ProfileSpec::clone(spec), false)
        }
    };
    let enabled = toolkit::apply(&mut spec, options)?;
    let chosen = options.servers.clone().or(enabled);
    if let Some(servers) = &chosen {
        let mut known = std::mem::take(&mut spec.servers);
        spec.servers =
            servers.iter().map(|name| (name.clone(), known.shift_remove(name).unwrap_or_default())).collect();
    }
    match options.tools.as_deref() {
        // An empty list in a profile means every tool; one that was asked for means none.
        Some([]) => spec.tools = vec![NO_TOOL.to_owned()],
        Some(tools) => spec.tools = tools.to_vec(),
        None => {}
    }
    apply(&mut spec, options);
    let lock = if named && chosen.is_none() && options.catalogs.is_empty() {
        lock_of(&home.profiles(), &spec.name).await?
    } else {
        let folder = home.temporary_profiles(&key(&spec, &options.catalogs));
        let store = ProfileStore::new(folder);
        match store.open(&spec.name).await {
            Err(error) if error.kind() == ErrorKind::NotFound => Arc::new(create_or_open(&store, &spec.name).await?),
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
fn apply(spec: &mut ProfileSpec, options: &OpenOptions) {
    let defaults = &options.defaults;
    spec.isolation = spec.isolation.or(defaults.isolation);
    if spec.limits.memory.is_none() {
        spec.limits.memory.clone_from(&defaults.memory);
    }
    spec.limits.cpus = spec.limits.cpus.or(defaults.cpus);
    for server in spec.servers.values_mut() {
        if server.idle.is_none() {
            server.idle.clone_from(&defaults.idle);
        }
        match defaults.network {
            Some(NetworkWord::None) => server.network = Some(NetworkSpec::Word(NetworkWord::None)),
            Some(NetworkWord::Open) if server.network.is_none() => {
                server.network = Some(NetworkSpec::Word(NetworkWord::Open));
            }
            _ => {}
        }
    }
}

/// A short name for a choice of servers and catalogs.
fn key(spec: &ProfileSpec, catalogs: &[CatalogSource]) -> String {
    let mut hasher = Sha256::new();
    for name in spec.servers.keys() {
        hasher.update(name.as_str());
        hasher.update([0]);
    }
    for catalog in catalogs {
        hasher.update([1]);
        match catalog {
            CatalogSource::Named(text) => {
                let path = Path::new(text);
                let path = crate::util::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
                hasher.update(path.as_os_str().as_encoded_bytes());
            }
            CatalogSource::Inline(catalog) => hasher.update(serde_json::to_vec(catalog).unwrap_or_default()),
        }
    }
    hex::encode(&hasher.finalize()[..8])
}

/// A profile whose specification is this run's alone, and whose lock is kept.
#[derive(Debug)]
pub(super) struct RunProfile {
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
