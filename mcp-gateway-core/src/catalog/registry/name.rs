//! Names of a registry as names of servers.

use sha2::{Digest as _, Sha256};

use crate::error::{Error, ErrorKind, Result};
use crate::model::ServerName;

/// The longest name that a registry may give.
const MAX_NAME: usize = 200;
/// The longest that is left as it is; there is room for the hash of a longer one.
const MAX_KEPT: usize = 110;

/// The name of a server of a registry: `io.github.ann/weather` becomes `io.github.ann_weather`.
///
/// No two names of a registry become the same: a namespace has no `_`, so that the first one is where `/` was; what is too
/// long is cut, and ends with a hash of the whole.
pub(super) fn server_name(original: &str) -> Result<ServerName> {
    let wrong = |why: &str| {
        Error::new(
            ErrorKind::InvalidConfig,
            format!("`{}` is not a name of a registry: {why}", original.escape_debug()),
        )
    };
    if original.len() > MAX_NAME {
        return Err(Error::new(ErrorKind::InvalidConfig, format!("name has more than {MAX_NAME} characters")));
    }
    let (namespace, own) = original.split_once('/').ok_or_else(|| wrong("there is no `/`"))?;
    let in_namespace = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    if namespace.is_empty() || !namespace.chars().all(in_namespace) {
        return Err(wrong("its namespace has other characters than letters, digits, `.` and `-`"));
    }
    if own.is_empty() || !own.chars().all(|c| in_namespace(c) || c == '_') {
        return Err(wrong("it has other characters than letters, digits, `.`, `_` and `-`"));
    }
    let name = format!("{namespace}_{own}");
    let short = match name.len() <= MAX_KEPT {
        true => name,
        false => format!("{}-{}", &name[..MAX_KEPT], hex::encode(&Sha256::digest(original)[..8])),
    };
    ServerName::new(short).map_err(|_| wrong("it does not begin with a letter or digit"))
}

/// Who publishes a server: its namespace, which the registry lets nobody else use.
pub(super) fn publisher(original: &str) -> &str {
    original.split_once('/').map_or(original, |(namespace, _)| namespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_names_become_the_same() {
        let long = |end: &str| format!("io.github.ann/{}{end}", "x".repeat(150));
        let names = ["a.b/c", "a/b.c", "a.b/c_d", "a.b/c.d", "a/b_c", "a/b-c", "A/b", &long("1"), &long("2")];
        let mut mapped: Vec<_> = names.iter().map(|name| server_name(name).unwrap()).collect();
        assert_eq!(mapped[0].as_str(), "a.b_c");
        assert!(mapped.iter().all(|name| name.as_str().len() <= 128));
        mapped.sort();
        mapped.dedup();
        assert_eq!(mapped.len(), names.len());
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let long = format!("a/{}", "x".repeat(200));
        for bad in ["", "/", "a", "a/", "/b", "a/b/c", "a_b/c", "../x", "-a/b", "a /b", "a/b\n", "ä/b", &long] {
            assert_eq!(server_name(bad).unwrap_err().kind(), ErrorKind::InvalidConfig, "{bad}");
        }
    }
}
