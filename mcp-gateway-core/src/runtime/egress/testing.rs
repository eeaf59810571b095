//! What tests of egress share.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;

use super::Resolve;
use crate::runtime::{EgressDenial, EgressWatch};

/// Names with addresses of a test's choice.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names(Arc<Mutex<HashMap<String, IpAddr>>>);

impl Names {
    pub(crate) fn new(names: &[(&str, &str)]) -> Self {
        let all = Self::default();
        names.iter().for_each(|(name, address)| all.set(name, address));
        all
    }

    pub(crate) fn set(&self, name: &str, address: &str) {
        self.0.lock().unwrap().insert(name.to_owned(), address.parse().unwrap());
    }
}

#[async_trait]
impl Resolve for Names {
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let found = self.0.lock().unwrap().get(name).copied();
        found.map(|address| vec![address]).ok_or_else(|| io::Error::other("no such name"))
    }
}

/// Remembers what was refused.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heard(Arc<Mutex<Vec<EgressDenial>>>);

impl EgressWatch for Heard {
    fn denied(&self, denial: &EgressDenial) {
        self.0.lock().unwrap().push(denial.clone());
    }
}

impl Heard {
    pub(crate) fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().iter().map(ToString::to_string).collect()
    }

    /// Waits until something with this text was refused.
    pub(crate) async fn until(&self, text: &str) {
        let waiting = async {
            while !self.all().iter().any(|line| line.contains(text)) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let limit = Duration::from_secs(30);
        tokio::time::timeout(limit, waiting).await.unwrap_or_else(|_| panic!("no `{text}` in {:?}", self.all()));
    }
}
