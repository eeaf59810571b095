//! Which tools of a server are offered.

use crate::model::ServerName;
use crate::profile::ProfileSpec;
use crate::util::pattern::Pattern;

/// Globs that choose; one that begins with `!` takes out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selection {
    include: Vec<Pattern>,
    exclude: Vec<Pattern>,
}

impl Selection {
    /// The selection of one server of a profile: its own globs, and those of the profile's `server:tool` list.
    ///
    /// # Behavior
    /// - Without an including glob, everything is offered.
    /// - A profile whose `tools` list includes tools of some servers offers nothing of the others.
    pub(crate) fn of(spec: &ProfileSpec, server: &ServerName) -> [Self; 2] {
        let mut own = Self::default();
        if let Some(server) = spec.servers.get(server) {
            for glob in &server.tools {
                own.add(glob);
            }
        }
        let mut listed = Self::default();
        let mut lists_any = false;
        for glob in &spec.tools {
            let (negative, glob) = glob.strip_prefix('!').map_or((false, glob.as_str()), |glob| (true, glob));
            lists_any |= !negative;
            let (servers, tools) = glob.split_once(':').unwrap_or(("*", glob));
            if Pattern::new(servers).matches(server.as_str()) {
                let list = if negative { &mut listed.exclude } else { &mut listed.include };
                list.push(Pattern::new(tools));
            }
        }
        if lists_any && listed.include.is_empty() {
            // Others are listed and this one is not: a glob that no name matches offers nothing.
            listed.include.push(Pattern::new(""));
        }
        [own, listed]
    }

    /// Whether the tool is offered.
    pub(crate) fn offers(&self, tool: &str) -> bool {
        (self.include.is_empty() || self.include.iter().any(|glob| glob.matches(tool)))
            && !self.exclude.iter().any(|glob| glob.matches(tool))
    }

    fn add(&mut self, glob: &str) {
        match glob.strip_prefix('!') {
            Some(glob) => self.exclude.push(Pattern::new(glob)),
            None => self.include.push(Pattern::new(glob)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ProfileName;
    use crate::profile::ServerSpec;

    fn offers(spec: &ProfileSpec, server: &str, tool: &str) -> bool {
        let server = ServerName::new(server).unwrap();
        Selection::of(spec, &server).iter().all(|selection| selection.offers(tool))
    }

    #[test]
    fn a_tool_must_pass_both_lists() {
        let tools = vec!["get_*".to_owned(), "!get_secret".to_owned()];
        let github = ServerSpec { tools, ..ServerSpec::default() };
        let mut spec = ProfileSpec::new(ProfileName::new("p").unwrap());
        spec = spec.with_server(ServerName::new("github").unwrap(), github);
        assert!(offers(&spec, "github", "get_issue"));
        assert!(!offers(&spec, "github", "get_secret"));
        assert!(!offers(&spec, "github", "delete_repo"));
        assert!(offers(&spec, "time", "now"));

        spec.tools = vec!["github:*_issue".to_owned()];
        assert!(offers(&spec, "github", "get_issue"));
        assert!(!offers(&spec, "github", "get_repo"));
        assert!(!offers(&spec, "time", "now"), "a server that is not listed offers nothing");

        spec.tools = vec!["!time:now".to_owned()];
        assert!(!offers(&spec, "time", "now"));
        assert!(offers(&spec, "time", "convert"));
    }
}
