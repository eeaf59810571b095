//! From a `server.json` to a catalog's entry.

use serde::Deserialize as _;
use serde_json::{Map, Value, json};

use super::document::{Document, Official};
use super::draft::{Draft, plain, unusable};
use super::images::PackageImages;
use super::{name, package, remote};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Metadata, ServerEntry, ServerKind};

/// The most packages and addresses of one server that are looked at.
const MAX_WAYS: usize = 20;

/// Reads a `server.json` as the entry of a catalog.
///
/// # Behavior
/// - Of several ways to run a server, the first that can be used is taken: an image, then an npm package, a PyPI package, an
///   address. The entry's metadata says what was left out, and why.
/// - It can set arguments and environment, and headers of a remote server; never mounts, privileges, network, users or hosts
///   of a container, nor variables that decide what code is loaded.
///
/// # Errors
/// `InvalidConfig` for what is no `server.json`, `Unsupported` when no way to run it can be used here, with each reason.
pub fn from_server_json(text: &str) -> Result<ServerEntry> {
    let value: Value = serde_json::from_str(text).map_err(|cause| {
        Error::new(ErrorKind::InvalidConfig, format!("not a `server.json`: {cause}")).with_operation("from_server_json")
    })?;
    convert(&value, &Official::of(value.get("_meta").and_then(Value::as_object)), &PackageImages::new())
}

/// Reads one server of a registry, with what the registry says of it.
pub(super) fn convert(value: &Value, official: &Official, images: &PackageImages) -> Result<ServerEntry> {
    let document = Document::deserialize(value)
        .map_err(|cause| Error::new(ErrorKind::InvalidConfig, format!("not a `server.json`: {cause}")))?;
    let server = name::server_name(&document.name)?;
    let mut refused = Vec::new();
    let mut packages: Vec<_> = document.packages.iter().take(MAX_WAYS).collect();
    packages.sort_by_key(|package| rank(&package.registry_type));
    let packages = packages.into_iter().map(Way::Package);
    for way in packages.chain(document.remotes.iter().take(MAX_WAYS).map(Way::Remote)) {
        let mut entry = ServerEntry::new(server.clone(), ServerKind::Server);
        let mut draft = Draft::new(server.clone());
        let taken = match way {
            Way::Package(package) => package::package(package, images, &mut draft, &mut entry),
            Way::Remote(remote) => remote::remote(remote, &mut draft, &mut entry),
        };
        match taken {
            Ok(taken) => {
                let notes = refused.into_iter().chain(std::mem::take(&mut draft.notes)).collect();
                draft.finish(&mut entry);
                describe(&mut entry, &document, official, &taken, notes);
                return Ok(entry);
            }
            Err(error) => refused.push(format!("{}: {}", way.shown(), error.message())),
        }
    }
    if refused.is_empty() {
        return Err(unusable("it has neither a package nor an address"));
    }
    Err(unusable(refused.join("; ")))
}

#[derive(Clone, Copy)]
enum Way<'a> {
    Package(&'a super::document::Package),
    Remote(&'a super::document::Remote),
}

impl Way<'_> {
    fn shown(&self) -> String {
        match self {
            Self::Package(package) => plain(Some(&format!("{} `{}`", package.registry_type, package.identifier))),
            Self::Remote(_) => Some("remote".to_owned()),
        }
        .unwrap_or_default()
    }
}

fn rank(kind: &str) -> u8 {
    match kind {
        "oci" | "docker" => 0,
        "npm" => 1,
        "pypi" => 2,
        _ => 3,
    }
}

/// What people read about it.
fn describe(entry: &mut ServerEntry, document: &Document, official: &Official, taken: &str, notes: Vec<String>) {
    let status = official.status.as_deref().or(document.status.as_deref()).unwrap_or("active");
    entry.title = plain(document.title.as_deref());
    entry.description = plain(document.description.as_deref());
    if status == "deprecated" {
        let description = entry.description.take().unwrap_or_default();
        entry.description = Some(format!("(deprecated) {description}").trim_end().to_owned());
    }
    let https = |url: Option<&str>| plain(url).filter(|url| url.starts_with("https://"));
    entry.icon = document.icons.iter().find_map(|icon| https(icon.src.as_deref()));
    entry.readme = https(document.website_url.as_deref());
    entry.upstream = https(document.repository.as_ref().and_then(|repository| repository.url.as_deref()));
    let version = document.version_detail.as_ref().and_then(|detail| detail.version.as_deref());
    let said = [
        ("registryName", Some(document.name.as_str())),
        ("version", document.version.as_deref().or(version)),
        ("package", Some(taken)),
        ("status", Some(status)),
        ("statusMessage", official.status_message.as_deref()),
        ("publishedAt", official.published_at.as_deref()),
        ("updatedAt", official.updated_at.as_deref()),
    ];
    let mut extra: Map<String, Value> =
        said.into_iter().filter_map(|(key, text)| Some((key.to_owned(), plain(text)?.into()))).collect();
    if !notes.is_empty() {
        let notes: Vec<_> = notes.iter().filter_map(|note| plain(Some(note))).collect();
        extra.insert("notes".to_owned(), json!(notes));
    }
    let owner = Some(name::publisher(&document.name).to_owned());
    entry.metadata = Some(Metadata { owner, extra, ..Metadata::default() });
}
