//! The volumes that packages are installed into, in containers of base images.

#[cfg(any(feature = "catalog-registry", test))]
use sha2::{Digest as _, Sha256};

/// What their names begin with.
const PREFIX: &str = "mcp-package-";
/// How many hexadecimal digits follow.
const DIGITS: usize = 32;

/// The name of the volume for what is described: another one for every description.
#[cfg(any(feature = "catalog-registry", test))]
pub(crate) fn package_volume(described: &str) -> String {
    format!("{PREFIX}{}", &hex::encode(Sha256::digest(described))[..DIGITS])
}

/// Whether a volume has such a name, so that what is in it can be installed again.
pub(crate) fn is_package_volume(name: &str) -> bool {
    name.strip_prefix(PREFIX).is_some_and(|digits| {
        digits.len() == DIGITS && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_name_is_one_of_theirs() {
        let name = package_volume("a server, a package and an image");
        assert!(is_package_volume(&name), "{name}");
        assert_ne!(name, package_volume("another"));
        let others = ["", "data", "mcp-package-", "mcp-package-0f"].map(str::to_owned);
        let spoiled = [name.to_uppercase(), format!("{name}0"), format!("x{name}"), name.replace('-', "_")];
        for other in others.into_iter().chain(spoiled) {
            assert!(!is_package_volume(&other), "{other}");
        }
    }
}
