//! Progress of requests under way, each under the token of the one who asked for it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::protocol::{ClientLink, RawJson, RawObject};

/// The listeners with their tokens, by the ids of this hop.
type Routes = HashMap<u64, (RawJson, Arc<dyn ClientLink>)>;

/// Who hears of the progress of which request, under the token that they gave.
#[derive(Debug, Default)]
pub(super) struct ProgressRoutes(Mutex<Routes>);

/// One request's route; dropping it ends it.
pub(super) struct ProgressRoute<'a> {
    routes: &'a ProgressRoutes,
    id: u64,
}

impl ProgressRoutes {
    /// Replaces the token in the parameters by the id of this hop; without a listener there is none.
    pub(super) fn begin(
        &self,
        id: u64,
        params: &mut RawObject,
        progress: Option<(RawJson, Arc<dyn ClientLink>)>,
    ) -> Option<ProgressRoute<'_>> {
        let mut meta = params.get("_meta").and_then(|meta| meta.object().ok()).unwrap_or_default();
        let had_token = meta.remove("progressToken").is_some();
        let route = progress.map(|(token, link)| {
            self.locked().insert(id, (token, link));
            if let Ok(token) = RawJson::from_value(&id) {
                meta.set("progressToken", token);
            }
            ProgressRoute { routes: self, id }
        });
        if meta.is_empty() {
            if had_token {
                params.remove("_meta");
            }
        } else {
            params.set("_meta", meta.to_raw());
        }
        route
    }

    /// Hands progress to whoever asked for it; progress nobody asked for is dropped.
    pub(super) async fn hand_on(&self, params: Option<RawJson>) {
        let Some(mut params) = params.and_then(|params| params.object().ok()) else { return };
        let Some(id) = params.get("progressToken").and_then(|token| token.read::<u64>().ok()) else { return };
        let Some((token, link)) = self.locked().get(&id).cloned() else { return };
        params.set("progressToken", token);
        // A client that does not keep up loses progress, never an answer.
        let _ = link.notify("notifications/progress", Some(params.to_raw())).await;
    }

    pub(super) fn clear(&self) {
        self.locked().clear();
    }

    fn locked(&self) -> MutexGuard<'_, Routes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ProgressRoute<'_> {
    fn drop(&mut self) {
        self.routes.locked().remove(&self.id);
    }
}
