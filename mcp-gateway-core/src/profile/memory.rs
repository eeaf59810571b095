//! A profile that lives in memory.

use async_trait::async_trait;
use tokio::sync::Mutex;

use super::validate::check_change;
use super::{LockChange, Profile, ProfileLock, ProfileSpec, SpecChange};
use crate::error::Result;
use crate::model::ProfileName;

/// A profile that is built in code and gone with it.
#[derive(Debug)]
pub struct MemoryProfile {
    name: ProfileName,
    spec: Mutex<ProfileSpec>,
    lock: Mutex<ProfileLock>,
}

impl MemoryProfile {
    /// A profile of this specification.
    pub fn new(spec: ProfileSpec) -> Self {
        Self { name: spec.name.clone(), spec: Mutex::new(spec), lock: Mutex::default() }
    }

    /// Starts with what was pinned before.
    #[must_use]
    pub fn with_lock(mut self, lock: ProfileLock) -> Self {
        self.lock = Mutex::new(lock);
        self
    }
}

#[async_trait]
impl Profile for MemoryProfile {
    fn name(&self) -> &ProfileName {
        &self.name
    }

    async fn spec(&self) -> Result<ProfileSpec> {
        Ok(self.spec.lock().await.clone())
    }

    async fn update(&self, edit: SpecChange<'_>) -> Result<ProfileSpec> {
        let mut held = self.spec.lock().await;
        // On a copy, so that a change that fails leaves everything as it was.
        let mut next = held.clone();
        edit(&mut next)?;
        check_change(&self.name, &next)?;
        held.clone_from(&next);
        Ok(next)
    }

    async fn lock(&self) -> Result<ProfileLock> {
        Ok(self.lock.lock().await.clone())
    }

    async fn update_lock(&self, edit: LockChange<'_>) -> Result<ProfileLock> {
        let mut held = self.lock.lock().await;
        let mut next = held.clone();
        edit(&mut next)?;
        held.clone_from(&next);
        Ok(next)
    }
}
