//! An operator's word about images of a catalog that are not signed.

use super::{CatalogOptions, append};
use crate::error::Result;
use crate::gateway::home::Home;
use crate::model::VerifyMode;

impl Home {
    /// Says what happens with images of a registered catalog that are not signed, whatever it says itself; `None` leaves
    /// that to the catalog again. Every audit trail of the home records it.
    ///
    /// # Errors
    /// `NotFound`, `InvalidConfig`, `Io`.
    pub async fn set_catalog_verify(
        &self,
        name: &str,
        verify: Option<VerifyMode>,
        options: &CatalogOptions,
    ) -> Result<()> {
        let trails = self.trails_of(None).await?;
        self.keep_word(name, verify)?;
        let detail = serde_json::json!({"catalog": name, "verify": verify});
        append(&trails, "catalog/verify", None, detail, options.by).await
    }
}
