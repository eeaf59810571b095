//! Removes images, packages and their volumes that no server was run from for a while.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use super::Home;
use super::options::DockerOptions;
use crate::audit::{AuditEvent, AuditQuery, AuditStore};
use crate::error::Result;
use crate::model::{InstanceId, ProfileName, ServerName, is_package_volume};
use crate::util::{clock, fs};

/// How many records are read at a time.
const PAGE: usize = 10_000;

/// What runs containers, also those that did not come up.
const CONTAINERS: &str = "docker";

/// An image or package that servers were run from, or the volume of a package that is run in a base image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct UsedImage {
    /// The runtime that has it.
    pub runtime: String,
    /// The image with its digest, the package with its version, or the volume (`mcp-package-…`).
    pub image: String,
    /// The server that was last run from it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<ServerName>,
    /// When a server that was run from it was last started or used, in milliseconds since the Unix epoch.
    pub last_used: i64,
}

impl Home {
    /// The images and packages that servers of this home were run from, and volumes of packages, as its audit trails have
    /// it; the oldest use first.
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
            .map(|((runtime, image), (last_used, server))| UsedImage { runtime, image, server, last_used })
            .collect();
        all.sort_by_key(|used| used.last_used);
        Ok(all)
    }

    /// Removes the images and packages that servers of this home were run from, and volumes of packages, but not within the
    /// time given, and names them. What runs now stays, and so does an image or a volume that something else uses; what the
    /// home never ran is not touched.
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

    /// What [`prune_unused`](Self::prune_unused) would look at: images, packages and volumes that were not used for so long.
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

/// A runtime, and what it has by its name.
type Kept = (String, String);

/// When what was last used, and by which server.
#[derive(Debug, Default)]
struct Uses {
    last: BTreeMap<Kept, (i64, Option<ServerName>)>,
    instances: HashMap<InstanceId, Vec<Kept>>,
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
        let detail = |key: &str| event.detail.as_ref()?.get(key);
        let text = |key: &str| detail(key)?.as_str().map(str::to_owned);
        // A start that failed may have left its volume, too.
        let volumes = detail("packages").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        let volumes = volumes.filter(|name| event.action == "server/start" && is_package_volume(name));
        let mut kept: Vec<Kept> = volumes.map(|name| (CONTAINERS.to_owned(), name.to_owned())).collect();
        kept.extend(text("runtime").zip(text("image")));
        if let Some(instance) = &event.instance {
            if !kept.is_empty() {
                self.instances.insert(instance.clone(), kept.clone());
            }
            kept = self.instances.get(instance).cloned().unwrap_or_default();
        }
        for kept in kept {
            let last = self.last.entry(kept).or_default();
            if event.time >= last.0 {
                *last = (event.time, event.server.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::audit::{SqliteAudit, SqliteAuditConfig};

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

    #[test]
    fn a_volume_is_used_by_starts_that_fail_and_by_calls() {
        let [volume, other] = ["a", "b"].map(crate::model::package_volume);
        let mut uses = Uses::default();
        let mut take = |action: &str, instance: Option<&str>, time, detail: Value| {
            let mut event = AuditEvent::new(ProfileName::new("p").unwrap(), "ann", action);
            (event.time, event.detail) = (time, Some(detail));
            event.server = Some(ServerName::new("s").unwrap());
            event.instance = instance.map(|id| InstanceId::new(id).unwrap());
            uses.take(event);
        };
        let image = "node@sha256:0";
        take("server/start", None, 1, json!({"packages": [volume, "data"]}));
        take("server/start", Some("1"), 2, json!({"packages": [other], "runtime": "docker", "image": image}));
        take("tools/call", Some("1"), 5, json!({}));
        // What a server or a client writes into a record of its own is no use of anything.
        take("tools/call", None, 9, json!({"packages": [volume]}));
        let last: Vec<_> = uses.last.into_iter().map(|((_, name), (time, server))| (name, time, server)).collect();
        let server = || Some(ServerName::new("s").unwrap());
        let mut expected = vec![(volume, 1, server()), (other, 5, server()), (image.to_owned(), 5, server())];
        expected.sort();
        assert_eq!(last, expected);
    }
}
