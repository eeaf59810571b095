//! Arguments with placeholders for the parts of a key.

use crate::error::{Error, ErrorKind, Result};
use crate::secrets::SecretKey;
use crate::util::pattern::did_you_mean;

/// Splits a command line into arguments.
pub(super) fn split(line: &str) -> Result<Vec<String>> {
    shell_words::split(line).map_err(|cause| {
        Error::new(ErrorKind::InvalidInput, "a quote in the command is never closed").with_source(cause)
    })
}

/// A command line whose placeholders are checked.
#[derive(Debug)]
pub(super) struct Template {
    argv: Vec<Vec<Part>>,
}

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Text(String),
    Key,
    Name,
    Profile,
    Server,
}

impl Template {
    /// Checks the placeholders of a command line.
    pub(super) fn parse(argv: &[String]) -> Result<Self> {
        let argv: Vec<Vec<Part>> = argv.iter().map(|argument| parts(argument)).collect::<Result<_>>()?;
        let invalid = |message: &'static str| Err(Error::new(ErrorKind::InvalidInput, message));
        match argv.first().map(Vec::as_slice) {
            Some([Part::Text(program)]) if !program.is_empty() => {}
            None | Some([] | [Part::Text(_)]) => return invalid("the command has no program"),
            Some(_) => return invalid("the program of the command cannot hold a placeholder"),
        }
        let template = Self { argv };
        if !template.has(&Part::Key) && !template.has(&Part::Name) {
            return Err(Error::new(ErrorKind::InvalidInput, "the command holds neither `{key}` nor `{name}`")
                .with_hint("without one, every secret would get the same value"));
        }
        Ok(template)
    }

    /// The program's name.
    pub(super) fn program(&self) -> &str {
        match self.argv.first().map(Vec::as_slice) {
            Some([Part::Text(program), ..]) => program,
            _ => "",
        }
    }

    /// The arguments for a key, or `None` where the command cannot be asked for exactly this key.
    pub(super) fn fill(&self, key: &SecretKey) -> Option<Vec<String>> {
        let scope = |part: &Part, is_scoped: bool| self.has(part) == is_scoped || (is_scoped && self.has(&Part::Key));
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if !scope(&Part::Profile, key.profile.is_some())
            || !scope(&Part::Server, key.server.is_some())
            || !key.name.chars().all(is_plain)
        {
            return None;
        }
        let fill = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Key => key.to_string(),
            Part::Name => key.name.clone(),
            Part::Profile => key.profile.as_ref().map(ToString::to_string).unwrap_or_default(),
            Part::Server => key.server.as_ref().map(ToString::to_string).unwrap_or_default(),
        };
        Some(self.argv.iter().map(|argument| argument.iter().map(fill).collect()).collect())
    }

    fn has(&self, part: &Part) -> bool {
        self.argv.iter().flatten().any(|found| found == part)
    }
}

fn parts(argument: &str) -> Result<Vec<Part>> {
    let (mut parts, mut rest) = (Vec::new(), argument);
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, after)) = after.split_once('}') else { break };
        if !before.is_empty() {
            parts.push(Part::Text(before.to_owned()));
        }
        parts.push(match name {
            "key" => Part::Key,
            "name" => Part::Name,
            "profile" => Part::Profile,
            "server" => Part::Server,
            _ => {
                let error = Error::new(ErrorKind::InvalidInput, format!("`{{{name}}}` is not a placeholder"));
                return Err(match did_you_mean(name, ["key", "name", "profile", "server"]) {
                    Some(meant) => error.with_hint(format!("did you mean `{{{meant}}}`?")),
                    None => error.with_hint("the placeholders are `{key}`, `{name}`, `{profile}` and `{server}`"),
                });
            }
        });
        rest = after;
    }
    if !rest.is_empty() || parts.is_empty() {
        parts.push(Part::Text(rest.to_owned()));
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(line: &str, key: &str) -> Option<String> {
        let template = Template::parse(&split(line).unwrap()).unwrap();
        template.fill(&SecretKey::parse(key).unwrap()).map(|argv| argv.join(" "))
    }

    #[test]
    fn a_command_is_asked_only_for_keys_that_it_can_say() {
        assert_eq!(fill("pass show mcp/{key}", "dev/github/T").unwrap(), "pass show mcp/dev/github/T");
        assert_eq!(fill("pass show mcp/{key}", "T").unwrap(), "pass show mcp/T");
        assert_eq!(fill("op read {name}", "T").unwrap(), "op read T");
        assert_eq!(fill("op read {name}", "dev//T"), None);
        assert_eq!(fill("v -f={name} s/{profile}/{server}", "dev/github/T").unwrap(), "v -f=T s/dev/github");
        assert_eq!(fill("v -f={name} s/{profile}/{server}", "dev//T"), None);
        assert_eq!(fill("v -f={name} s/{profile}", "dev//T").unwrap(), "v -f=T s/dev");
        assert_eq!(fill("sh -c 'x {name}'", "$(id)"), None);
        assert_eq!(fill("x {name} {name", "T").unwrap(), "x T {name");
    }

    #[test]
    fn a_command_that_cannot_be_right_is_refused() {
        for (line, part) in [
            ("", "no program"),
            ("'' {key}", "no program"),
            ("{key}", "cannot hold"),
            ("x-{name} y", "cannot hold"),
            ("cat file", "neither"),
            ("cat {nam}", "not a placeholder"),
        ] {
            let error = Template::parse(&split(line).unwrap()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.to_string().contains(part), "{line}: {error}");
        }
        assert!(split("a 'b").is_err());
    }
}
