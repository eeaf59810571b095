//! Removes images and packages that no server was run from for a while.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use serde::Serialize;

use super::Home;
use super::options::DockerOptions;
use crate::audit::{AuditEvent, AuditQuery, AuditStore};
use crate::error::Result;
use crate::model::{InstanceId, ProfileName};
use crate::util::{clock, fs};

/// How many records are read at a time.
const PAGE: usize = 10_000;

/// An image or package that servers were run from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct UsedImage {
    /// The runtime that has it.
    pub runtime: String,
    /// The image with its digest, or the package with its version.
    pub image: String,
    /// When a server that was run from it was last started or used, in milliseconds since the Unix epoch.
    pub last_used: i64,
}

impl Home {
    /// The images and packages that servers of this home were run from, as its audit trails have it; the oldest use first.
    ///
    /// # Errors
    /// As [`AuditStore::query`].
    pub async fn used_images(&self) -> Result<Vec<UsedImage>> {
        let mut uses = Uses::default();
        for file in fs::list(&self.audit_folder(), &["sqlite"])? {
            let name = file.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
            let Ok(profile) = ProfileName::new(name) else { continue };
            uses.read(self.audit_trail(&profile)?.as_ref()).await?;
        }
        let mut all: Vec<_> = uses
            .last
            .into_iter()
            .map(|((runtime, image), last_used)| UsedImage { runtime, image, last_used })
            .collect();
        all.sort_by_key(|used| used.last_used);
        Ok(all)
    }

    /// Removes the images and packages that servers of this home were run from, but not within the time given, and names
    /// them. What runs now stays, and so does an image that something else uses; what the home never ran is not touched.
    ///
    /// # Errors
    /// As [`AuditStore::query`]; `RuntimeUnavailable` when a runtime that answered falls silent.
    pub async fn prune_unused(&self, unused: Duration, docker: &DockerOptions) -> Result<Vec<UsedImage>> {
        let runtimes = self.answering_runtimes(docker).await?;
        let mut running = HashSet::new();
        for runtime in &runtimes {
            running.extend(runtime.list().await?.into_iter().map(|status| status.image));
        }
        let mut removed = Vec::new();
        for used in self.prunable(unused).await? {
            let Some(runtime) = runtimes.iter().find(|runtime| runtime.name() == used.runtime) else { continue };
            if !running.contains(&used.image) && runtime.discard(&used.image).await? {
                removed.push(used);
            }
        }
        Ok(removed)
    }

    /// What [`prune_unused`](Self::prune_unused) would look at: images and packages that were not used for so long.
    ///
    /// # Errors
    /// As [`AuditStore::query`].
    pub async fn prunable(&self, unused: Duration) -> Result<Vec<UsedImage>> {
        let unused = i64::try_from(unused.as_millis()).unwrap_or(i64::MAX);
        let since = clock::now_millis().saturating_sub(unused);
        let mut all = self.used_images().await?;
        all.retain(|used| used.last_used < since);
        Ok(all)
    }
}

/// When what was last used.
#[derive(Debug, Default)]
struct Uses {
    last: BTreeMap<(String, String), i64>,
    instances: HashMap<InstanceId, (String, String)>,
}

impl Uses {
    async fn read(&mut self, store: &dyn AuditStore) -> Result<()> {
        let first = store.query(&AuditQuery { limit: Some(1), ..AuditQuery::all() }).await?;
        let Some(newest) = first.last().map(|record| record.sequence) else { return Ok(()) };
        let mut after = 0;
        while after < newest {
            for record in store.query(&AuditQuery::page(after, PAGE)).await? {
                self.take(record.event);
            }
            after += PAGE as u64;
        }
        self.instances.clear();
        Ok(())
    }

    fn take(&mut self, event: AuditEvent) {
        let Some(instance) = event.instance else { return };
        let text = |key: &str| Some(event.detail.as_ref()?.get(key)?.as_str()?.to_owned());
        if let (Some(runtime), Some(image)) = (text("runtime"), text("image")) {
            self.instances.insert(instance.clone(), (runtime, image));
        }
        if let Some(image) = self.instances.get(&instance) {
            let last = self.last.entry(image.clone()).or_default();
            *last = event.time.max(*last);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::audit::{SqliteAudit, SqliteAuditConfig};
    use crate::model::ServerName;

    #[tokio::test]
    async fn the_last_use_counts_whoever_used_it() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path()).unwrap();
        assert_eq!(home.used_images().await.unwrap(), []);
        let day = 24 * 60 * 60 * 1_000;
        for (profile, instance, image, action, days_ago) in [
            ("a", "1", Some("old"), "server/start", 9),
            ("a", "2", Some("used"), "server/start", 9),
            ("a", "2", None, "tools/call", 1),
            ("a", "3", Some("both"), "server/start", 9),
            ("b", "3", Some("both"), "server/start", 2),
            ("b", "1", None, "tools/call", 0),
        ] {
            let name = ProfileName::new(profile).unwrap();
            let store = SqliteAudit::open(SqliteAuditConfig::new(home.audit_file(&name))).unwrap();
            let mut event = AuditEvent::new(name, "ann", action);
            event.server = Some(ServerName::new("s").unwrap());
            event.instance = Some(InstanceId::new(instance).unwrap());
            event.time -= days_ago * day;
            event.detail = image.map(|image| json!({"runtime": "process", "image": image}));
            store.append(event).await.unwrap();
        }
        let names = |all: Vec<UsedImage>| all.into_iter().map(|used| used.image).collect::<Vec<_>>();
        assert_eq!(names(home.used_images().await.unwrap()), ["old", "both", "used"]);
        let week = Duration::from_secs(7 * 24 * 60 * 60);
        assert_eq!(names(home.prunable(week).await.unwrap()), ["old"]);
        // There is no such package any more, so nothing is removed.
        assert_eq!(home.prune_unused(week, &DockerOptions::default()).await.unwrap(), []);
    }
}
