//! The key that a secret is kept under.

use std::fmt;

use crate::error::{Error, ErrorKind, Result};
use crate::model::{ProfileName, SecretEntry, ServerName};

/// The key of a secret: a name, for everyone, for a profile, or for one server of a profile.
///
/// As text: `name`, `profile//name` or `profile/server/name`; `/server/name` is one server of every profile.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub struct SecretKey {
    /// The profile that it is for.
    pub profile: Option<ProfileName>,
    /// The server that it is for.
    pub server: Option<ServerName>,
    /// The secret's name: the catalog's name for it or its environment variable.
    pub name: String,
}

impl SecretKey {
    /// The name under which the tokens of a server are kept that the gateway got by OAuth; no server can declare it.
    pub const OAUTH: &str = "oauth.credential";

    /// A key for everyone.
    ///
    /// # Errors
    /// `InvalidInput` when the name is empty, over 256 bytes, `.` or `..`, starts with `-`, or has `/`, `=`, white
    /// space or control characters.
    pub fn new(name: impl Into<String>) -> Result<Self> {
        let name = name.into();
        let bad = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '/' | '=');
        let is_path = matches!(name.as_str(), "." | "..");
        if name.is_empty() || name.len() > 256 || is_path || name.starts_with('-') || name.contains(bad) {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!("`{}` is not a secret's name", name.escape_debug()),
            ));
        }
        Ok(Self { profile: None, server: None, name })
    }

    /// The same name for one profile.
    #[must_use]
    pub fn for_profile(mut self, profile: ProfileName) -> Self {
        self.profile = Some(profile);
        self
    }

    /// The same name for one server.
    #[must_use]
    pub fn for_server(mut self, server: ServerName) -> Self {
        self.server = Some(server);
        self
    }

    /// Reads the text form.
    ///
    /// # Errors
    /// `InvalidInput` when it is not one of the forms.
    pub fn parse(text: &str) -> Result<Self> {
        let mut parts = text.split('/');
        let (first, second, third) = (parts.next(), parts.next(), parts.next());
        match (first, second, third, parts.next()) {
            (Some(name), None, None, None) => Self::new(name),
            (Some(profile), Some(server), Some(name), None) => {
                let mut key = Self::new(name)?;
                if !profile.is_empty() {
                    key = key.for_profile(ProfileName::new(profile)?);
                }
                if !server.is_empty() {
                    key = key.for_server(ServerName::new(server)?);
                }
                Ok(key)
            }
            _ => Err(Error::new(ErrorKind::InvalidInput, format!("`{text}` is not a secret's key"))
                .with_hint("write `name`, `profile//name` or `profile/server/name`")),
        }
    }

    /// The keys under which a server's declared secret may be kept, most specific first.
    ///
    /// Profile before server before bare name; at each step the environment variable's name before the catalog's name.
    pub fn candidates(profile: &ProfileName, server: &ServerName, entry: &SecretEntry) -> Vec<Self> {
        let scopes = [(Some(profile), Some(server)), (Some(profile), None), (None, Some(server)), (None, None)];
        let mut keys = Vec::new();
        for (profile, server) in scopes {
            for name in [&entry.env, &entry.name].into_iter().filter(|name| *name != Self::OAUTH) {
                let Ok(mut key) = Self::new(name.as_str()) else { continue };
                key.profile = profile.cloned();
                key.server = server.cloned();
                if !keys.contains(&key) {
                    keys.push(key);
                }
            }
        }
        keys
    }
}

impl fmt::Display for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.profile, &self.server) {
            (None, None) => f.write_str(&self.name),
            (profile, server) => {
                let profile = profile.as_ref().map_or("", |name| name.as_str());
                let server = server.as_ref().map_or("", |name| name.as_str());
                write!(f, "{profile}/{server}/{}", self.name)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_form_is_read_back() {
        for text in ["TOKEN", "dev//TOKEN", "dev/github/TOKEN", "/github/TOKEN", "github.token"] {
            assert_eq!(SecretKey::parse(text).unwrap().to_string(), text);
        }
        for bad in ["", "a/b", "a/b/c/d", "-x", "a b", "a=b", "..", "dev/github/..", "dev/-x/T", "a\nb"] {
            assert_eq!(SecretKey::parse(bad).unwrap_err().kind(), ErrorKind::InvalidInput, "{bad:?}");
        }
    }

    #[test]
    fn no_server_can_ask_for_tokens() {
        let (profile, server) = (ProfileName::new("dev").unwrap(), ServerName::new("evil").unwrap());
        for entry in [SecretEntry::new(SecretKey::OAUTH, "X"), SecretEntry::new("x", SecretKey::OAUTH)] {
            let keys = SecretKey::candidates(&profile, &server, &entry);
            assert!(!keys.is_empty() && keys.iter().all(|key| key.name != SecretKey::OAUTH));
        }
    }

    #[test]
    fn candidates_go_from_the_server_of_the_profile_to_everyone() {
        let (profile, server) = (ProfileName::new("dev").unwrap(), ServerName::new("github").unwrap());
        let entry = SecretEntry { name: "github.token".to_owned(), env: "TOKEN".to_owned(), ..SecretEntry::default() };
        let keys: Vec<_> = SecretKey::candidates(&profile, &server, &entry).iter().map(ToString::to_string).collect();
        assert_eq!(
            keys,
            [
                "dev/github/TOKEN",
                "dev/github/github.token",
                "dev//TOKEN",
                "dev//github.token",
                "/github/TOKEN",
                "/github/github.token",
                "TOKEN",
                "github.token"
            ]
        );
    }
}
