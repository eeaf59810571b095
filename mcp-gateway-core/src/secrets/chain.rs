//! Several brokers as one.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;

use super::{FoundSecret, SecretBroker, SecretKey, refuse_empty};
use crate::error::{Error, ErrorKind, Result};
use crate::model::SecretValue;

/// A broker that asks others in order.
///
/// # Behavior
/// - `get`: the first that holds the key. An error ends the search: a locked store is not the same as an empty one.
/// - `set`: the first that can be written to, unless an earlier one that cannot be holds the key and would hide it.
/// - `delete`: every one that can be written to; an error if one that cannot be still holds the key.
/// - `list`: what any of them names.
#[derive(Clone, Debug, Default)]
pub struct ChainBroker {
    brokers: Vec<Arc<dyn SecretBroker>>,
}

impl ChainBroker {
    /// A chain of brokers, in the order in which they are asked.
    pub fn new(brokers: Vec<Arc<dyn SecretBroker>>) -> Self {
        Self { brokers }
    }

    fn nothing_writable(&self) -> Error {
        Error::new(ErrorKind::Unsupported, "none of the secret stores can be written to")
            .with_context("stores", self.name())
            .with_hint("add one that can, such as `--secrets=file:secrets.env`")
    }

    fn still_held(key: &SecretKey, by: &str) -> Error {
        Error::new(ErrorKind::Unsupported, format!("`{by}` holds `{key}` and can only be read"))
            .with_hint("change the secret there, or take the store out of the chain")
    }
}

#[async_trait]
impl SecretBroker for ChainBroker {
    fn name(&self) -> String {
        self.brokers.iter().map(|broker| broker.name()).collect::<Vec<_>>().join(", ")
    }

    async fn get(&self, key: &SecretKey) -> Result<Option<SecretValue>> {
        Ok(self.find(key).await?.map(|found| found.value))
    }

    async fn find(&self, key: &SecretKey) -> Result<Option<FoundSecret>> {
        for broker in &self.brokers {
            if let Some(found) = broker.find(key).await? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn is_writable(&self) -> bool {
        self.brokers.iter().any(|broker| broker.is_writable())
    }

    async fn set(&self, key: &SecretKey, value: SecretValue) -> Result<()> {
        refuse_empty(key, &value).map_err(|error| error.with_operation("ChainBroker::set"))?;
        for broker in &self.brokers {
            match broker.set(key, value.clone()).await {
                Err(error) if error.kind() == ErrorKind::Unsupported => {}
                done => return done,
            }
            if broker.get(key).await?.is_some() {
                return Err(Self::still_held(key, &broker.name()).with_operation("ChainBroker::set"));
            }
        }
        Err(self.nothing_writable().with_operation("ChainBroker::set"))
    }

    async fn delete(&self, key: &SecretKey) -> Result<()> {
        let (mut any_writable, mut holder) = (false, None);
        for broker in &self.brokers {
            match broker.delete(key).await {
                Err(error) if error.kind() == ErrorKind::Unsupported => {
                    if holder.is_none() && broker.get(key).await?.is_some() {
                        holder = Some(broker.name());
                    }
                }
                done => {
                    done?;
                    any_writable = true;
                }
            }
        }
        match holder {
            Some(name) => Err(Self::still_held(key, &name).with_operation("ChainBroker::delete")),
            None if any_writable => Ok(()),
            None => Err(self.nothing_writable().with_operation("ChainBroker::delete")),
        }
    }

    async fn list(&self) -> Result<Vec<SecretKey>> {
        let mut keys = BTreeSet::new();
        for broker in &self.brokers {
            keys.extend(broker.list().await?);
        }
        Ok(keys.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::{EnvBroker, MemoryBroker};

    fn key(name: &str) -> SecretKey {
        SecretKey::new(name).unwrap()
    }

    #[tokio::test]
    async fn asks_in_order_and_writes_to_the_first_that_can() {
        let [first, second] = [(); 2].map(|()| Arc::new(MemoryBroker::new()));
        second.set(&key("A"), SecretValue::new("2")).await.unwrap();
        let env: Arc<dyn SecretBroker> = Arc::new(EnvBroker::new());
        let one: Arc<dyn SecretBroker> = Arc::<MemoryBroker>::clone(&first);
        let two: Arc<dyn SecretBroker> = Arc::<MemoryBroker>::clone(&second);
        let chain = ChainBroker::new(vec![env, one, two]);

        assert_eq!(chain.get(&key("A")).await.unwrap(), Some(SecretValue::new("2")));
        chain.set(&key("A"), SecretValue::new("1")).await.unwrap();
        assert_eq!(chain.get(&key("A")).await.unwrap(), Some(SecretValue::new("1")));
        assert_eq!(second.get(&key("A")).await.unwrap(), Some(SecretValue::new("2")));
        let in_env = chain.find(&key("PATH")).await.unwrap().unwrap();
        assert_eq!(
            (in_env.store.as_str(), chain.find(&key("A")).await.unwrap().unwrap().store.as_str()),
            ("env", "memory")
        );
        chain.set(&key("B"), SecretValue::new("b")).await.unwrap();
        assert_eq!(chain.list().await.unwrap(), [key("A"), key("B")]);

        chain.delete(&key("A")).await.unwrap();
        assert_eq!((first.get(&key("A")).await.unwrap(), second.get(&key("A")).await.unwrap()), (None, None));
    }

    #[tokio::test]
    async fn says_what_it_cannot_change() {
        let memory: Arc<dyn SecretBroker> = Arc::new(MemoryBroker::new());
        let env: Arc<dyn SecretBroker> = Arc::new(EnvBroker::new());
        let chain = ChainBroker::new(vec![Arc::clone(&env), memory]);
        for error in [
            chain.set(&key("PATH"), SecretValue::new("x")).await.unwrap_err(),
            chain.delete(&key("PATH")).await.unwrap_err(),
            ChainBroker::new(vec![env]).set(&key("NEW_ONE"), SecretValue::new("x")).await.unwrap_err(),
            ChainBroker::default().delete(&key("NEW_ONE")).await.unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        }
    }
}
