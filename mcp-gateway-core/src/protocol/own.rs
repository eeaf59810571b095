//! The gateway's own tools, as policy and records know them.

use super::{Request, RequestKind, Target};

/// The name that the gateway's own tools have in the place of a server's: no server may have it.
pub const GATEWAY: &str = "gateway";

/// The names of the gateway's own tools: no other tool is shown under one of them.
pub const GATEWAY_TOOLS: [&str; 8] = [
    "mcp-find",
    "mcp-add",
    "mcp-remove",
    "mcp-config-set",
    "mcp-exec",
    "mcp-list",
    "mcp-create-profile",
    "mcp-activate-profile",
];

/// What a call of one of the gateway's own tools does to the servers that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ServerChange {
    /// A server is added and started.
    Add,
    /// A server is taken out and stopped.
    Remove,
    /// A server is started anew with other values of its configuration.
    Configure,
    /// The servers of a session are written down as a profile of their own.
    CreateProfile,
}

impl ServerChange {
    /// Every change.
    pub const ALL: [Self; 4] = [Self::Add, Self::Remove, Self::Configure, Self::CreateProfile];

    /// The kind that rules and Cedar policies name it by.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Add => "server/add",
            Self::Remove => "server/remove",
            Self::Configure => "config/set",
            Self::CreateProfile => "profile/create",
        }
    }

    /// The tool that makes it.
    pub const fn tool(self) -> &'static str {
        match self {
            Self::Add => "mcp-add",
            Self::Remove => "mcp-remove",
            Self::Configure => "mcp-config-set",
            Self::CreateProfile => "mcp-create-profile",
        }
    }
}

impl Target {
    /// Whether it is one of the gateway's own tools.
    pub fn is_own(&self) -> bool {
        self.server.as_str() == GATEWAY
    }

    /// What calling it does to the servers that there are; nothing for whatever is not such a tool of the gateway's own.
    pub fn change(&self) -> Option<ServerChange> {
        ServerChange::ALL.into_iter().find(|change| self.is_own() && change.tool() == self.name)
    }
}

impl Request {
    /// What it does to the servers that there are, once its name has been looked up; nothing for any other request.
    pub fn change(&self) -> Option<ServerChange> {
        self.target.as_ref().filter(|_| self.kind == RequestKind::CallTool)?.change()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ServerName;
    use crate::protocol::RawObject;

    #[test]
    fn only_calls_of_the_gateways_own_tools_change_something() {
        let change = |kind, server: &str, name: &str| {
            let mut request = Request::new(kind, RawObject::default());
            request.target = Some(Target::new(ServerName::new(server).unwrap(), name));
            request.change()
        };
        assert_eq!(change(RequestKind::CallTool, GATEWAY, "mcp-add"), Some(ServerChange::Add));
        assert_eq!(change(RequestKind::CallTool, GATEWAY, "mcp-find"), None);
        assert_eq!(change(RequestKind::CallTool, "evil", "mcp-add"), None);
        assert_eq!(change(RequestKind::GetPrompt, GATEWAY, "mcp-add"), None);
        assert!(ServerChange::ALL.iter().all(|change| GATEWAY_TOOLS.contains(&change.tool())));
        assert!(ServerChange::ALL.iter().all(|change| RequestKind::from_method(change.as_str()).is_none()));
    }
}
