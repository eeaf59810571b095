//! The profiles that there are beside one's own.

use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;
use tokio::sync::Mutex;

use super::{ProfileSpec, ProfileStore};
use crate::error::{Error, ErrorKind, Result};
use crate::model::ProfileName;

/// The profiles that there are: what agents add servers from, and where they write down what a session has.
///
/// # Behavior
/// - Which of them an agent sees is said by the profile of its gateway, not here.
/// - A profile that is there is never written over.
#[async_trait]
pub trait Profiles: fmt::Debug + Send + Sync + 'static {
    /// Their names, sorted.
    ///
    /// # Errors
    /// `Io`.
    async fn names(&self) -> Result<Vec<ProfileName>>;

    /// What a person wrote into one.
    ///
    /// # Errors
    /// `NotFound`, `InvalidConfig` for one that is broken, `Io`.
    async fn spec(&self, name: &ProfileName) -> Result<ProfileSpec>;

    /// Writes a new one.
    ///
    /// # Errors
    /// `AlreadyExists`, `InvalidConfig` for values that cannot be right, `Io`.
    async fn create(&self, spec: ProfileSpec) -> Result<()>;
}

#[async_trait]
impl Profiles for ProfileStore {
    async fn names(&self) -> Result<Vec<ProfileName>> {
        self.list().await
    }

    async fn spec(&self, name: &ProfileName) -> Result<ProfileSpec> {
        use super::Profile as _;
        self.open(name).await?.spec().await
    }

    async fn create(&self, spec: ProfileSpec) -> Result<()> {
        Self::create(self, spec).await.map(|_| ())
    }
}

/// Profiles that are there as long as this is.
#[derive(Debug, Default)]
pub struct MemoryProfiles(Mutex<BTreeMap<ProfileName, ProfileSpec>>);

impl MemoryProfiles {
    /// No profile yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one, in the place of the one of its name.
    #[must_use]
    pub fn with_profile(mut self, spec: ProfileSpec) -> Self {
        self.0.get_mut().insert(spec.name.clone(), spec);
        self
    }
}

#[async_trait]
impl Profiles for MemoryProfiles {
    async fn names(&self) -> Result<Vec<ProfileName>> {
        Ok(self.0.lock().await.keys().cloned().collect())
    }

    async fn spec(&self, name: &ProfileName) -> Result<ProfileSpec> {
        let missing = || Error::new(ErrorKind::NotFound, format!("profile `{name}` does not exist"));
        self.0.lock().await.get(name).cloned().ok_or_else(missing)
    }

    async fn create(&self, spec: ProfileSpec) -> Result<()> {
        spec.validate()?;
        let mut held = self.0.lock().await;
        if held.contains_key(&spec.name) {
            return Err(Error::new(ErrorKind::AlreadyExists, format!("profile `{}` exists", spec.name)));
        }
        held.insert(spec.name.clone(), spec);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn both_keep_what_is_written_and_write_nothing_over() {
        let folder = tempfile::tempdir().unwrap();
        let kept: [Arc<dyn Profiles>; 2] =
            [Arc::new(MemoryProfiles::new()), Arc::new(ProfileStore::new(folder.path().join("profiles")))];
        for profiles in kept {
            let name = ProfileName::new("team").unwrap();
            assert_eq!(profiles.spec(&name).await.unwrap_err().kind(), ErrorKind::NotFound);
            profiles.create(ProfileSpec::new(name.clone())).await.unwrap();
            let again = ProfileSpec { description: Some("other".to_owned()), ..ProfileSpec::new(name.clone()) };
            assert_eq!(profiles.create(again).await.unwrap_err().kind(), ErrorKind::AlreadyExists);
            assert_eq!(profiles.spec(&name).await.unwrap(), ProfileSpec::new(name.clone()));
            assert_eq!(profiles.names().await.unwrap(), [name]);
        }
    }
}
