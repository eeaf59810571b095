//! A profile that lives in memory.

use async_trait::async_trait;
use tokio::sync::Mutex;

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

/// Changes a copy, so that a change that fails leaves everything as it was.
async fn change<T: Clone + Send>(
    held: &Mutex<T>,
    change: Box<dyn FnOnce(&mut T) -> Result<()> + Send + '_>,
) -> Result<T> {
    let mut held = held.lock().await;
    let mut next = held.clone();
    change(&mut next)?;
    *held = next.clone();
    Ok(next)
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
        change(&self.spec, edit).await
    }

    async fn lock(&self) -> Result<ProfileLock> {
        Ok(self.lock.lock().await.clone())
    }

    async fn update_lock(&self, edit: LockChange<'_>) -> Result<ProfileLock> {
        change(&self.lock, edit).await
    }
}
