//! Where servers are looked up.

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use super::Home;
use super::options::CatalogSource;
use crate::catalog::{Catalog, FileCatalog, LayeredCatalog, LoadOptions, LoadReport, ScopedCatalog};
use crate::error::{Error, ErrorKind, Result};
use crate::util::fs;

/// Catalogs that were read, the one that wins last.
#[derive(Debug, Default)]
pub(super) struct Looked {
    pub(super) layers: Vec<Arc<dyn Catalog>>,
    pub(super) warnings: Vec<String>,
}

impl Looked {
    fn take(&mut self, report: LoadReport, source: &str) {
        for warning in &report.warnings {
            tracing::info!(%warning, "catalog");
        }
        let refused = report.refused.iter();
        self.warnings.extend(
            refused.map(|refused| format!("server `{}` is left out: {}", refused.name, refused.reason.report())),
        );
        self.layers.push(Arc::new(report.catalog.with_source(source)));
    }
}

impl Home {
    /// The catalogs that are named; else the profile's; else every registered one. A later one wins.
    ///
    /// Gives the catalog, without what the home's scope shuts out, and what a person should know: entries that were left
    /// out.
    ///
    /// # Errors
    /// `InvalidConfig` when a file that was named is broken, or there is no catalog at all.
    pub async fn catalog_of(
        &self,
        named: &[CatalogSource],
        of_profile: &[String],
    ) -> Result<(Arc<dyn Catalog>, Vec<String>)> {
        let looked = self.look_up(named, of_profile, false).await?;
        let layered = Arc::new(LayeredCatalog::new(looked.layers));
        Ok((Arc::new(ScopedCatalog::new(layered, self.scope()?)), looked.warnings))
    }

    /// What the catalogs describe, whether or not it is in any scope: for who asks about the scope itself.
    pub(super) async fn described(&self, named: &[CatalogSource], of_profile: &[String]) -> Result<LayeredCatalog> {
        Ok(LayeredCatalog::new(self.look_up(named, of_profile, false).await?.layers))
    }

    pub(super) async fn look_up(
        &self,
        named: &[CatalogSource],
        of_profile: &[String],
        may_be_none: bool,
    ) -> Result<Looked> {
        let mut looked = Looked::default();
        if named.is_empty() && of_profile.is_empty() {
            // What was registered was checked then; an entry that broke since must not take the others down.
            for registered in self.registered_catalogs()? {
                let options = LoadOptions::new().with_lenient(true).with_verify(registered.verify);
                looked.take(FileCatalog::load_with(registered.path, options).await?, &registered.name);
            }
        }
        if named.is_empty() {
            for text in of_profile {
                self.load(text, &mut looked).await?;
            }
        }
        for source in named {
            match source {
                CatalogSource::Named(text) => self.load(text, &mut looked).await?,
                CatalogSource::Inline(catalog) => {
                    let text = Value::Object(catalog.clone()).to_string();
                    let report = FileCatalog::parse("inline.json", &text, LoadOptions::new())?;
                    let source = format!("inline:{}", report.catalog.name());
                    looked.take(report, &source);
                }
            }
        }
        if looked.layers.is_empty() && !may_be_none {
            return Err(Error::new(ErrorKind::InvalidConfig, "there is no catalog to look servers up in").with_hint(
                "register one with `mcp-gateway catalog add NAME PATH`, or name a catalog's file (`--catalog FILE`)",
            ));
        }
        Ok(looked)
    }

    /// A registered catalog by its name, or else a file.
    async fn load(&self, text: &str, looked: &mut Looked) -> Result<()> {
        let is_path = Path::new(text).components().count() > 1
            || Path::new(text).extension().is_some()
            || fs::exists(Path::new(text));
        if is_path {
            let report = FileCatalog::load(text).await?;
            // A file's own name is whatever its author likes; its path cannot pass for a registered name.
            let source = format!("file:{}", fs::canonicalize(Path::new(text))?.display());
            looked.take(report, &source);
            return Ok(());
        }
        let registered = self.registered_catalog(text)?;
        let options = LoadOptions::new().with_verify(registered.verify);
        looked.take(FileCatalog::load_with(registered.path, options).await?, &registered.name);
        Ok(())
    }
}
