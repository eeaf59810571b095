//! One server of a profile, taken out of it.

use super::{LimitsSpec, ProfileSpec, ServerSpec};
use crate::error::{Error, ErrorKind, Result};
use crate::model::ServerName;
use crate::util::pattern::Pattern;

impl ProfileSpec {
    /// The settings of one of its servers, with what the profile says for all of them: limits, sharing, and which tools.
    ///
    /// What the profile says about requests, such as its policy, is no setting of a server and not part of this.
    ///
    /// # Errors
    /// `NotFound` for a server that it does not have, `Unsupported` where the server and the profile both list tools: what
    /// is in both lists cannot be written as one.
    pub fn extract(&self, server: &ServerName) -> Result<ServerSpec> {
        let mut own = self.servers.get(server).cloned().ok_or_else(|| {
            Error::new(ErrorKind::NotFound, format!("profile `{}` has no server `{server}`", self.name))
        })?;
        own.limits = own.limits.or(&self.limits);
        own.isolation = own.isolation.or(self.isolation);
        self.narrow(server, &mut own.tools)?;
        Ok(own)
    }

    /// Adds to the globs of a server those that the profile's `server:tool` list has for it.
    fn narrow(&self, server: &ServerName, tools: &mut Vec<String>) -> Result<()> {
        let is_including = |glob: &String| !glob.starts_with('!');
        let (mut including, mut excluding) = (Vec::new(), Vec::new());
        for glob in &self.tools {
            let (list, glob) = match glob.strip_prefix('!') {
                Some(glob) => (&mut excluding, glob),
                None => (&mut including, glob.as_str()),
            };
            let (servers, tools) = glob.split_once(':').unwrap_or(("*", glob));
            if Pattern::new(servers).matches(server.as_str()) {
                list.push(tools.to_owned());
            }
        }
        if self.tools.iter().any(is_including) {
            if tools.iter().any(is_including) {
                let why = format!("profile `{}` lists tools of server `{server}` in two places", self.name);
                return Err(Error::new(ErrorKind::Unsupported, why)
                    .with_hint("list them at the server alone, or in the profile's `tools` alone"));
            }
            // Others are listed and this one is not: then nothing of it is offered.
            let nothing = || vec!["!*".to_owned()];
            tools.extend(if including.is_empty() { nothing() } else { including });
        }
        tools.extend(excluding.into_iter().map(|glob| format!("!{glob}")));
        Ok(())
    }
}

impl LimitsSpec {
    /// These, with others where nothing is written.
    fn or(&self, others: &Self) -> Self {
        Self {
            memory: self.memory.clone().or_else(|| others.memory.clone()),
            cpus: self.cpus.or(others.cpus),
            pids: self.pids.or(others.pids),
            call_timeout: self.call_timeout.clone().or_else(|| others.call_timeout.clone()),
            start_timeout: self.start_timeout.clone().or_else(|| others.start_timeout.clone()),
            max_message: self.max_message.clone().or_else(|| others.max_message.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::Isolation;

    fn texts(globs: &[&str]) -> Vec<String> {
        globs.iter().map(|glob| (*glob).to_owned()).collect()
    }

    #[test]
    fn a_server_takes_along_what_is_said_for_all() {
        let server: ServerName = "github".parse().unwrap();
        let mut spec = ProfileSpec::new("team".parse().unwrap());
        assert_eq!(spec.extract(&server).unwrap_err().kind(), ErrorKind::NotFound);
        let mut own = ServerSpec { tools: texts(&["get_*"]), ..ServerSpec::default() };
        own.limits.cpus = Some(2.0);
        spec = spec.with_server(server.clone(), own);
        spec.limits = LimitsSpec { cpus: Some(1.0), memory: Some("1g".to_owned()), ..LimitsSpec::default() };
        spec.isolation = Some(Isolation::Call);
        spec.tools = texts(&["!github:get_secret"]);
        let taken = spec.extract(&server).unwrap();
        assert_eq!((taken.limits.cpus, taken.limits.memory.as_deref()), (Some(2.0), Some("1g")));
        assert_eq!(taken.isolation, Some(Isolation::Call));
        assert_eq!(taken.tools, ["get_*", "!get_secret"]);

        spec.tools = texts(&["github:get_issue"]);
        assert_eq!(spec.extract(&server).unwrap_err().kind(), ErrorKind::Unsupported);
        spec.servers[&server].tools.clear();
        assert_eq!(spec.extract(&server).unwrap().tools, ["get_issue"]);
        spec.tools = texts(&["time:*"]);
        assert_eq!(spec.extract(&server).unwrap().tools, ["!*"], "a server that is not listed offers nothing");
    }
}
