//! Packages of a registry in containers of base images that the operator chose.

use serde::{Deserialize, Serialize};

use super::draft::{Draft, unusable};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{ImageReference, ProcessEntry, ProcessPackage, ServerEntry, ServerName, package_volume};

/// Where the volume of a package is in its container.
const FOLDER: &str = "/packages";
/// What `npx` and `uv` are told: where they may write, and to do nothing but what they are there for.
const NODE: [(&str, &str); 4] = [
    ("HOME", FOLDER),
    ("npm_config_cache", "/packages/npm"),
    ("npm_config_prefer_offline", "true"),
    ("npm_config_update_notifier", "false"),
];
const PYTHON: [(&str, &str); 6] = [
    ("HOME", FOLDER),
    ("UV_CACHE_DIR", "/packages/uv"),
    ("UV_LINK_MODE", "copy"),
    ("UV_PYTHON_DOWNLOADS", "never"),
    ("UV_TOOL_BIN_DIR", "/packages/bin"),
    ("UV_TOOL_DIR", "/packages/tools"),
];
/// Installs a package once, and runs its program: `uvx` would ask the registry at each start, whatever is installed. uv puts
/// a program into its place when everything else is there, and nothing but the server may write to standard output.
const PYTHON_START: &str = r#"program=/packages/bin/$2
[ -x "$program" ] || uv tool install --quiet "$1" >&2 || exit
[ -x "$program" ] || { echo "package $1 has no program $2" >&2; exit 127; }
shift 2
exec "$program" "$@""#;
const NODE_HOSTS: [&str; 1] = ["registry.npmjs.org:443"];
const PYTHON_HOSTS: [&str; 2] = ["pypi.org:443", "files.pythonhosted.org:443"];

/// Images that npm and PyPI packages of a registry are run in, in place of the process runtime.
///
/// # Behavior
/// - An image has `npx`, or `uv`, Python and `sh`, and an entry point that runs the words that it is given, as those of
///   `node:22` and `ghcr.io/astral-sh/uv:python3.12-bookworm-slim` do.
/// - A package is installed when it starts for the first time, into a volume of its own; the entry lists the hosts of its
///   registry for that. Later starts ask nobody, and run what was installed then.
///
/// # Examples
/// ```
/// use mcp_gateway_core::catalog::registry::PackageImages;
///
/// let digest = "a".repeat(64);
/// let images = PackageImages::new().with_node(&format!("node@sha256:{digest}"))?;
/// assert!(!images.is_empty());
/// assert!(PackageImages::new().with_node("node:22").is_err());
/// # Ok::<(), mcp_gateway_core::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[non_exhaustive]
pub struct PackageImages {
    /// The image that npm packages are run in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<ImageReference>,
    /// The image that PyPI packages are run in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub python: Option<ImageReference>,
}

impl PackageImages {
    /// No image: packages are run as processes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs npm packages in this image.
    ///
    /// # Errors
    /// `InvalidInput` for what is no image, or one without a digest.
    pub fn with_node(mut self, image: &str) -> Result<Self> {
        self.node = Some(pinned(image)?);
        Ok(self)
    }

    /// Runs PyPI packages in this image.
    ///
    /// # Errors
    /// As [`with_node`](Self::with_node).
    pub fn with_python(mut self, image: &str) -> Result<Self> {
        self.python = Some(pinned(image)?);
        Ok(self)
    }

    /// Whether no image is chosen.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The image that a package is to be run in, if one is chosen.
    fn of(&self, package: &ProcessPackage) -> Option<&ImageReference> {
        match package {
            ProcessPackage::Npm(_) => self.node.as_ref(),
            ProcessPackage::Pypi(_) => self.python.as_ref(),
            _ => None,
        }
    }

    /// Puts a package into the entry: as a container where an image is chosen for it, else as a process.
    ///
    /// # Errors
    /// `Unsupported` for a package that needs what such a container does not get.
    pub(super) fn place(&self, process: ProcessEntry, draft: &mut Draft, entry: &mut ServerEntry) -> Result<()> {
        let Some(image) = self.of(&process.package) else {
            entry.process = Some(process);
            return Ok(());
        };
        if !process.read.is_empty() {
            return Err(unusable(
                "it is given a path of this machine, which the container of a base image does not see",
            ));
        }
        let (start, settings, hosts): (Vec<String>, &[_], &[&str]) = match &process.package {
            ProcessPackage::Npm(package) => (words(&["npx", "--yes", package]), NODE.as_slice(), &NODE_HOSTS),
            ProcessPackage::Pypi(package) => {
                let program = package.split("==").next().unwrap_or(package);
                let start = words(&["sh", "-c", PYTHON_START, "mcp-package", package, program]);
                (start, PYTHON.as_slice(), &PYTHON_HOSTS)
            }
            _ => return Err(unusable("no base image runs such a package")),
        };
        for &(name, value) in settings {
            draft.fixed(name, value);
        }
        entry.image = Some(image.to_string());
        entry.command = [start, process.args].concat();
        entry.volumes = vec![format!("{}:{FOLDER}", volume(&entry.name, &process.package, image))];
        entry.allow_hosts = words(hosts);
        Ok(())
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// A volume that no other server, package or version has: what one of them leaves there, the others do not run.
fn volume(server: &ServerName, package: &ProcessPackage, image: &ImageReference) -> String {
    package_volume(&format!("{server}\n{package}\n{image}"))
}

/// An image by its digest: what packages run in is not for a tag to change.
fn pinned(text: &str) -> Result<ImageReference> {
    let image = ImageReference::parse(text)?;
    if image.digest().is_none() {
        return Err(Error::new(ErrorKind::InvalidInput, format!("base image `{text}` has no digest"))
            .with_hint("write it as `IMAGE@sha256:…`; `docker image inspect IMAGE` shows its digest"));
    }
    Ok(image)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::convert::convert;
    use super::super::document::Official;
    use super::*;

    const DIGEST: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    fn made(package: serde_json::Value, images: &PackageImages) -> Result<ServerEntry> {
        let document = json!({"name": "io.github.ann/weather", "description": "x", "packages": [package]});
        convert(&document, &Official::default(), images)
    }

    fn npm(version: &str) -> serde_json::Value {
        json!({
            "registryType": "npm", "identifier": "@ann/weather", "version": version,
            "packageArguments": [{"type": "positional", "value": "serve"}],
            "environmentVariables": [{"name": "API_KEY", "isSecret": true}, {"name": "MODE", "value": "fast"}],
        })
    }

    #[test]
    fn a_package_is_a_container_where_an_image_is_chosen_for_it() {
        let images = PackageImages::new().with_node(&format!("node@{DIGEST}")).unwrap();
        let entry = made(npm("1.0.0"), &images).unwrap();
        assert_eq!(entry.image.as_deref(), Some(format!("node@{DIGEST}").as_str()));
        assert!(entry.process.is_none());
        assert_eq!(entry.command, ["npx", "--yes", "@ann/weather@1.0.0", "serve"]);
        assert_eq!(entry.allow_hosts, ["registry.npmjs.org:443"]);
        let env: Vec<_> = entry.env.iter().map(|variable| variable.name.as_str()).collect();
        assert_eq!(
            env,
            ["MODE", "HOME", "npm_config_cache", "npm_config_prefer_offline", "npm_config_update_notifier"]
        );
        assert_eq!(entry.secrets.len(), 1);
        let volume = &entry.volumes[0];
        assert!(volume.starts_with("mcp-package-") && volume.ends_with(":/packages"), "{volume}");
        assert_ne!(*volume, made(npm("1.0.1"), &images).unwrap().volumes[0], "each version has its own");

        let pypi = json!({"registryType": "pypi", "identifier": "ann-weather", "version": "1.0.0"});
        assert!(made(pypi.clone(), &images).unwrap().process.is_some(), "no image is chosen for Python");
        let images = images.with_python(&format!("ghcr.io/astral-sh/uv@{DIGEST}")).unwrap();
        let entry = made(pypi, &images).unwrap();
        assert_eq!(entry.command[..2], ["sh", "-c"]);
        assert_eq!(entry.command[3..], ["mcp-package", "ann-weather==1.0.0", "ann-weather"]);
        assert_eq!(entry.allow_hosts, ["pypi.org:443", "files.pythonhosted.org:443"]);
    }

    #[test]
    fn what_a_base_image_cannot_do_is_refused() {
        for broken in ["node:22", "node", "", "no image"] {
            assert_eq!(PackageImages::new().with_node(broken).unwrap_err().kind(), ErrorKind::InvalidInput, "{broken}");
        }
        let images = PackageImages::new().with_node(&format!("node@{DIGEST}")).unwrap();
        let path = json!({
            "registryType": "npm", "identifier": "files", "version": "1.0.0",
            "packageArguments": [{"type": "positional", "valueHint": "folder", "format": "filepath", "isRequired": true}],
        });
        assert!(made(path.clone(), &PackageImages::new()).is_ok());
        let refused = made(path, &images).unwrap_err().report();
        assert!(refused.contains("does not see"), "{refused}");
        let settings = json!({
            "registryType": "npm", "identifier": "files", "version": "1.0.0",
            "environmentVariables": [{"name": "npm_config_cache", "value": "/tmp"}],
        });
        assert!(made(settings, &images).is_err(), "a document cannot set what ours are");
    }
}
