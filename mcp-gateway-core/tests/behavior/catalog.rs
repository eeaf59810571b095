//! What every catalog must do.

use std::collections::BTreeSet;
use std::sync::Arc;

use mcp_gateway_core::catalog::{Catalog, FileCatalog, LayeredCatalog, LoadOptions, MemoryCatalog};
use mcp_gateway_core::model::{ServerEntry, ServerName};
use mcp_gateway_core::util::fs;

/// Checks a catalog that has exactly the expected servers, in any order.
pub(crate) async fn check_catalog(catalog: Arc<dyn Catalog>, expected: &[&str]) {
    let list = catalog.list().await.unwrap();
    let names: Vec<_> = list.iter().map(|entry| entry.name.clone()).collect();
    let distinct: BTreeSet<_> = names.iter().map(ServerName::as_str).collect();
    assert_eq!(distinct.len(), names.len(), "{}: every entry is listed once", catalog.name());
    assert_eq!(distinct, expected.iter().copied().collect(), "{}: all entries are listed", catalog.name());

    let again: Vec<_> = catalog.list().await.unwrap().iter().map(|entry| entry.name.clone()).collect();
    assert_eq!(again, names, "{}: the order is stable", catalog.name());
    for entry in &list {
        let got = catalog.get(&entry.name).await.unwrap();
        assert_eq!(got.as_ref(), Some(entry), "{}: get and list agree on `{}`", catalog.name(), entry.name);
    }
    let unknown = ServerName::new("no-such-server").unwrap();
    assert_eq!(catalog.get(&unknown).await.unwrap(), None, "{}: other names have no entry", catalog.name());
    assert!(!catalog.hides(&unknown), "{}: what nobody named is not hidden", catalog.name());
}

fn memory(names: &[&str]) -> Arc<dyn Catalog> {
    let empty = MemoryCatalog::new("memory");
    Arc::new(names.iter().fold(empty, |catalog, name| {
        catalog.with_entry(ServerEntry::image(ServerName::new(name).unwrap(), format!("example/{name}")))
    }))
}

fn parsed(text: &str) -> Arc<dyn Catalog> {
    Arc::new(FileCatalog::parse("catalog.yaml", text, LoadOptions::new()).unwrap().catalog)
}

#[tokio::test]
async fn memory_catalog() {
    check_catalog(memory(&[]), &[]).await;
    check_catalog(memory(&["b", "a", "b"]), &["a", "b"]).await;
}

#[tokio::test]
async fn file_catalog() {
    check_catalog(parsed("registry: {b: {type: server, image: b}, a: {type: server, image: a}}"), &["a", "b"]).await;
    check_catalog(parsed("registry: {}"), &[]).await;
}

#[tokio::test]
async fn folder_catalog() {
    let folder = tempfile::tempdir().unwrap();
    fs::write_atomic(&folder.path().join("a.yaml"), b"name: a\ntype: server\nimage: a\n").unwrap();
    fs::write_atomic(&folder.path().join("b.json"), br#"{"name": "b", "type": "server", "image": "b"}"#).unwrap();
    let report = FileCatalog::load(folder.path()).await.unwrap();
    check_catalog(Arc::new(report.catalog), &["a", "b"]).await;
}

#[tokio::test]
async fn layered_catalog() {
    check_catalog(Arc::new(LayeredCatalog::new(Vec::new())), &[]).await;
    let over = parsed("hide: [b, c]\nregistry: {c: {type: server, image: 'c:2'}, d: {type: server, image: d}}");
    let layers = vec![memory(&["a", "b", "c"]), over, memory(&["e", "a"])];
    let layered: Arc<dyn Catalog> = Arc::new(LayeredCatalog::new(layers));
    check_catalog(Arc::clone(&layered), &["a", "c", "d", "e"]).await;
    // A layered catalog may be a layer itself.
    check_catalog(Arc::new(LayeredCatalog::new(vec![memory(&["b", "f"]), layered])), &["a", "c", "d", "e", "f"]).await;
}
