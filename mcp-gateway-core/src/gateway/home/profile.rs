//! Which servers there are, and how they are run.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use sha2::{Digest as _, Sha256};

use super::options::{CatalogSource, DefaultSettings, OpenOptions, ProfileSource};
use super::{DEFAULT_PROFILE, Home, toolkit};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{ProfileName, ServerName};
use crate::profile::{
    FileProfile, LockChange, MemoryProfile, NetworkSpec, NetworkWord, Profile, ProfileLock, ProfileSpec, ProfileStore,
    ServerSpec, SpecChange,
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
        Ok(Arc::new(run_profile(self, &options, false).await?))
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
/// - The file is not changed by a run, but for what an agent is allowed to keep there.
/// - What servers offer is recorded in the profile's own lock, unless other servers or catalogs are chosen, by the options
///   or by a catalog of the host's own (`has_own_catalog`): then in a lock that belongs to that choice, so that what the
///   profile's lock says keeps its meaning.
pub(super) async fn run_profile(home: &Home, options: &OpenOptions, has_own_catalog: bool) -> Result<RunProfile> {
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
    spec.dynamic.enabled |= options.dynamic || options.lean;
    spec.dynamic.lean |= options.lean;
    if options.secret_page && !spec.dynamic.enabled {
        let why = "`secretPage` is about servers that agents add, which the profile does not let them";
        return Err(Error::new(ErrorKind::InvalidInput, why).with_hint("say `dynamic` too"));
    }
    spec.dynamic.secret_page |= options.secret_page;
    apply(&mut spec, &options.defaults);
    let lock = if named && chosen.is_none() && options.catalogs.is_empty() && !has_own_catalog {
        lock_of(&home.profiles(), &spec.name).await?
    } else {
        let folder = home.temporary_profiles(&key(&spec, &options.catalogs, has_own_catalog));
        let store = ProfileStore::new(folder);
        match store.open(&spec.name).await {
            Err(error) if error.kind() == ErrorKind::NotFound => Arc::new(create_or_open(&store, &spec.name).await?),
            opened => Arc::new(opened?),
        }
    };
    let folder = named.then(|| home.profiles().folder().to_owned());
    Ok(RunProfile {
        spec: MemoryProfile::new(spec),
        home: named.then(|| home.clone()),
        folder,
        lock,
        defaults: options.defaults.clone(),
    })
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
fn apply(spec: &mut ProfileSpec, defaults: &DefaultSettings) {
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
fn key(spec: &ProfileSpec, catalogs: &[CatalogSource], has_own_catalog: bool) -> String {
    let mut hasher = Sha256::new();
    for name in spec.servers.keys() {
        hasher.update(name.as_str());
        hasher.update([0]);
    }
    if has_own_catalog {
        hasher.update([2]);
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
    /// Where its file is, if it has one.
    home: Option<Home>,
    /// The folder of its file, if it has one.
    folder: Option<PathBuf>,
    lock: Arc<dyn Profile>,
    defaults: DefaultSettings,
}

#[async_trait]
impl Profile for RunProfile {
    fn name(&self) -> &ProfileName {
        self.spec.name()
    }

    fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    async fn spec(&self) -> Result<ProfileSpec> {
        self.spec.spec().await
    }

    async fn update(&self, change: SpecChange<'_>) -> Result<ProfileSpec> {
        // Servers that come later are run as the options say, too.
        let with_defaults = |spec: &mut ProfileSpec| {
            change(spec)?;
            apply(spec, &self.defaults);
            Ok(())
        };
        self.spec.update(Box::new(with_defaults)).await
    }

    async fn spec_with(&self, server: &ServerName, settings: ServerSpec) -> Result<ProfileSpec> {
        let mut spec = self.spec.spec_with(server, settings).await?;
        apply(&mut spec, &self.defaults);
        Ok(spec)
    }

    async fn keep_server(&self, server: &ServerName, settings: Option<&ServerSpec>) -> Result<()> {
        // What the options say is this run's alone: the file gets what was asked for.
        let Some(home) = &self.home else { return Ok(()) };
        let keep = |spec: &mut ProfileSpec| {
            match settings {
                Some(settings) => drop(spec.servers.insert(server.clone(), settings.clone())),
                None => drop(spec.servers.shift_remove(server)),
            }
            Ok(())
        };
        home.profile_to_change(self.name()).await?.update(Box::new(keep)).await.map(|_| ())
    }

    async fn lock(&self) -> Result<ProfileLock> {
        self.lock.lock().await
    }

    async fn update_lock(&self, change: LockChange<'_>) -> Result<ProfileLock> {
        self.lock.update_lock(change).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn defaults_are_those_of_servers_that_come_later_too() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path()).unwrap();
        let mut options = OpenOptions::default();
        options.defaults.network = Some(NetworkWord::None);
        options.defaults.idle = Some("9m".to_owned());
        let profile = run_profile(&home, &options, false).await.unwrap();
        let open = ServerSpec { network: Some(NetworkSpec::Word(NetworkWord::Open)), ..ServerSpec::default() };
        let insert = |spec: &mut ProfileSpec| {
            spec.servers.insert("late".parse().unwrap(), open);
            Ok(())
        };
        let spec = profile.update(Box::new(insert)).await.unwrap();
        let late = &spec.servers[0];
        assert_eq!(late.network, Some(NetworkSpec::Word(NetworkWord::None)));
        assert_eq!(late.idle.as_deref(), Some("9m"));
    }

    #[tokio::test]
    async fn what_is_kept_is_in_the_file_without_what_the_run_alone_says() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path()).unwrap();
        let mut options = OpenOptions::default();
        options.defaults.idle = Some("9m".to_owned());
        let profile = run_profile(&home, &options, false).await.unwrap();
        let server = "late".parse().unwrap();
        profile.keep_server(&server, Some(&ServerSpec::default())).await.unwrap();
        let name = ProfileName::new(DEFAULT_PROFILE).unwrap();
        assert_eq!(home.profile_or_empty(&name).await.unwrap().servers[&server], ServerSpec::default());
        profile.keep_server(&server, None).await.unwrap();
        assert!(home.profile_or_empty(&name).await.unwrap().servers.is_empty());
    }

    #[test]
    fn a_catalog_of_the_host_s_own_has_a_lock_of_its_own() {
        let spec = ProfileSpec::new("dev".parse().unwrap());
        assert_ne!(key(&spec, &[], true), key(&spec, &[], false));
    }
}
