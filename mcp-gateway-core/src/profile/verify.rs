//! Which images must be signed, and by whom, as a person writes it.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::model::{ImageReference, Signer, VerifyMode};
use crate::util::pattern::Pattern;

/// What the operator asks of images; it counts before what catalogs say.
///
/// ```yaml
/// verify:
///   mode: required
///   signers:
///     "mcp/*": docker
///     "ghcr.io/acme/*":
///       identity: https://github.com/acme/servers/.github/workflows/release.yml@refs/tags/*
///       issuer: https://token.actions.githubusercontent.com
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[non_exhaustive]
pub struct VerifySpec {
    /// What happens with images that are not signed. Without it, those with a signer must be, and the others need not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<VerifyMode>,
    /// Who signs, by globs over repositories; the first that matches counts.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub signers: IndexMap<String, Signer>,
    /// The file of the certificates and logs that keyless signatures are checked against, instead of Sigstore's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trust_root: Option<String>,
}

impl VerifySpec {
    /// The signer of an image, where the operator names one.
    pub fn signer_of(&self, image: &ImageReference) -> Option<&Signer> {
        let names = [image.short_repository(), image.repository()];
        let found = self.signers.iter().find(|(glob, _)| {
            let glob = Pattern::new(glob.as_str());
            names.iter().any(|name| glob.matches(name))
        });
        found.map(|(_, signer)| signer)
    }

    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
