//! The model of meaning that a home's gateways find servers and tools by, and the vectors that it made.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Home;
use crate::catalog::{MiniLmEmbedder, VectorCache};
use crate::error::{Error, ErrorKind, Result};
use crate::util::env_vars;

/// The variable that names the folder of the model.
const VARIABLE: &str = "MCP_GATEWAY_EMBEDDER";

impl Home {
    /// The model of a folder, or of the folder that `MCP_GATEWAY_EMBEDDER` names, with the vectors that the home keeps of
    /// it; nothing where neither is said.
    ///
    /// # Errors
    /// As [`MiniLmEmbedder::open`].
    pub async fn vectors(&self, folder: Option<&Path>) -> Result<Option<Arc<VectorCache>>> {
        let said = folder.map(Path::to_owned).or_else(|| env_vars::get(VARIABLE).map(PathBuf::from));
        let Some(folder) = said else { return Ok(None) };
        let kept = self.root.join("vectors");
        let read = move || Ok(Arc::new(VectorCache::open(Arc::new(MiniLmEmbedder::open(&folder)?), &kept)));
        let read = tokio::task::spawn_blocking(read).await;
        let broken = |cause| Error::new(ErrorKind::Internal, "the model was not read").with_source(cause);
        read.map_err(broken)?.map(Some)
    }
}
