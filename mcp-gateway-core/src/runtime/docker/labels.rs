//! The labels that say whose a container is.

use std::collections::HashMap;

use crate::model::{ProfileName, ServerName, SessionId};
use crate::runtime::Owner;

pub(super) const HOME: &str = "io.mcp-gateway.home";
pub(super) const GATEWAY: &str = "io.mcp-gateway.gateway";
const PROFILE: &str = "io.mcp-gateway.profile";
const SERVER: &str = "io.mcp-gateway.server";
const SESSION: &str = "io.mcp-gateway.session";
const VERSION: &str = "io.mcp-gateway.version";

/// The labels of a container that a gateway starts for an owner.
pub(super) fn of(home: &str, gateway: &str, owner: &Owner) -> HashMap<String, String> {
    let session = owner.session.as_ref().map(|session| (SESSION, session.as_str()));
    [
        (HOME, home),
        (GATEWAY, gateway),
        (PROFILE, owner.profile.as_str()),
        (SERVER, owner.server.as_str()),
        (VERSION, crate::VERSION),
    ]
    .into_iter()
    .chain(session)
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .collect()
}

/// Whose a container is, unless its labels are not ours.
pub(super) fn owner(labels: &HashMap<String, String>) -> Option<Owner> {
    let mut owner = Owner::new(
        labels.get(GATEWAY)?,
        ProfileName::new(labels.get(PROFILE)?).ok()?,
        ServerName::new(labels.get(SERVER)?).ok()?,
    );
    owner.session = labels.get(SESSION).and_then(|session| SessionId::new(session).ok());
    Some(owner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_is_read_back_from_its_labels() {
        let mut owner = Owner::new("a1b2", ProfileName::new("dev").unwrap(), ServerName::new("time").unwrap());
        assert_eq!(super::owner(&of("home", "a1b2", &owner)), Some(owner.clone()));
        owner.session = Some(SessionId::new("s1").unwrap());
        let labels = of("home", "a1b2", &owner);
        assert_eq!(super::owner(&labels), Some(owner));
        assert_eq!(labels.len(), 6);
        assert_eq!(super::owner(&HashMap::new()), None);
    }
}
