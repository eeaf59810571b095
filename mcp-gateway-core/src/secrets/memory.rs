//! Secrets that live in memory.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use super::{SecretBroker, SecretKey, refuse_empty};
use crate::error::Result;
use crate::model::SecretValue;

/// A broker whose values are handed to it in code and gone with it.
#[derive(Debug, Default)]
pub struct MemoryBroker {
    values: Mutex<BTreeMap<SecretKey, SecretValue>>,
}

impl MemoryBroker {
    /// An empty broker.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a value.
    #[must_use]
    pub fn with_secret(self, key: SecretKey, value: SecretValue) -> Self {
        self.locked().insert(key, value);
        self
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, BTreeMap<SecretKey, SecretValue>> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl SecretBroker for MemoryBroker {
    fn name(&self) -> String {
        "memory".to_owned()
    }

    async fn get(&self, key: &SecretKey) -> Result<Option<SecretValue>> {
        Ok(self.locked().get(key).filter(|value| !value.is_empty()).cloned())
    }

    async fn set(&self, key: &SecretKey, value: SecretValue) -> Result<()> {
        refuse_empty(key, &value).map_err(|error| error.with_operation("MemoryBroker::set"))?;
        self.locked().insert(key.clone(), value);
        Ok(())
    }

    async fn delete(&self, key: &SecretKey) -> Result<()> {
        self.locked().remove(key);
        Ok(())
    }

    async fn list(&self) -> Result<Vec<SecretKey>> {
        Ok(self.locked().keys().cloned().collect())
    }
}
