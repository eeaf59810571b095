//! Which of the servers that catalogs describe exist: an organisation's word, and a profile's.

mod catalog;
mod spec;
#[cfg(test)]
mod tests;

use serde::Serialize;

use crate::error::{Error, ErrorKind, Result};
use crate::model::{Patterns, ServerEntry, VerifyMode};
use crate::util::pattern::Pattern;

pub use catalog::ScopedCatalog;
pub use spec::{ScopeRule, ScopeSpec, ScopeVerification};

/// Words about which servers there are, each by whom it is; a server exists when every one lets it in.
///
/// # Examples
/// ```
/// use mcp_gateway_core::catalog::{Scope, ScopeSpec};
/// use mcp_gateway_core::model::ServerEntry;
///
/// let spec: ScopeSpec = serde_json::from_str(r#"{"allow": [{"server": "time"}]}"#)?;
/// let scope = Scope::new().with("the organisation", &spec)?;
/// let entry = ServerEntry::image("github".parse()?, "mcp/github");
/// assert!(!scope.decide(&entry).iter().all(|word| word.admitted));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Scope {
    words: Vec<Word>,
}

/// What one word says of a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Admission {
    /// Whose word it is.
    pub scope: String,
    /// Whether it lets the server in.
    pub admitted: bool,
    /// The rule that says so, such as `allow[2]`; `None` where there is no `allow`, or none of it covers the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Why, for a person.
    pub reason: String,
}

#[derive(Clone, Debug)]
struct Word {
    by: String,
    allow: Option<Vec<Rule>>,
    deny: Vec<Rule>,
}

#[derive(Clone, Debug)]
struct Rule {
    server: Globs,
    publisher: Globs,
    category: Globs,
    license: Globs,
    source: Globs,
    verification: Option<ScopeVerification>,
    approved: Option<bool>,
    reason: String,
}

/// Globs that choose, and globs that take out.
#[derive(Clone, Debug)]
struct Globs(Vec<Pattern>, Vec<Pattern>);

impl Scope {
    /// A scope that lets everything in.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a word by someone; it can only narrow what the others let in.
    ///
    /// # Errors
    /// `InvalidConfig` with the key of a rule that cannot be meant.
    pub fn with(mut self, by: impl Into<String>, spec: &ScopeSpec) -> Result<Self> {
        if let Some((path, message)) = spec.faults().into_iter().next() {
            return Err(Error::new(ErrorKind::InvalidConfig, message)
                .with_operation("Scope::with")
                .with_context("key", path.join("."))
                .with_hint("write at least one of `server`, `publisher`, `category`, `license`, `source`, `verification` and `approved`"));
        }
        if !spec.is_empty() {
            let rules = |rules: &[ScopeRule]| rules.iter().map(Rule::new).collect();
            self.words.push(Word { by: by.into(), allow: spec.allow.as_deref().map(rules), deny: rules(&spec.deny) });
        }
        Ok(self)
    }

    /// Whether nobody said anything.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// What each word says of a server.
    pub fn decide(&self, entry: &ServerEntry) -> Vec<Admission> {
        self.words.iter().map(|word| word.decide(entry)).collect()
    }

    /// Whether the server exists.
    pub fn admits(&self, entry: &ServerEntry) -> bool {
        self.words.iter().all(|word| word.decide(entry).admitted)
    }

    /// Whether the server is let in because its signature is verified, and only because of that.
    fn demands_signature(&self, entry: &ServerEntry) -> bool {
        let demands = |word: &Word| {
            word.allow.as_ref().is_some_and(|allow| {
                let mut covering = allow.iter().filter(|rule| rule.covers(entry)).peekable();
                covering.peek().is_some() && covering.all(|rule| rule.verification == Some(ScopeVerification::Verified))
            })
        };
        self.words.iter().any(demands)
    }

    /// Why a server does not exist, for an operator; nothing where it does.
    fn refusal(&self, entry: &ServerEntry) -> Option<Error> {
        let word = self.words.iter().map(|word| word.decide(entry)).find(|word| !word.admitted)?;
        let error = Error::new(ErrorKind::Denied, format!("server `{}` is outside of the scope", entry.name))
            .with_context("scope", word.scope)
            .with_context("reason", word.reason)
            .with_hint(format!("run `mcp-gateway scope check {}` to see which rule says what", entry.name));
        Some(match word.rule {
            Some(rule) => error.with_context("rule", rule),
            None => error,
        })
    }
}

impl Word {
    fn decide(&self, entry: &ServerEntry) -> Admission {
        let find = |rules: &[Rule]| rules.iter().position(|rule| rule.covers(entry));
        let (admitted, rule, reason) = match (find(&self.deny), self.allow.as_deref()) {
            (Some(index), _) => (false, Some(format!("deny[{index}]")), self.deny[index].why("is shut out by a rule")),
            (None, None) => (true, None, "no rule shuts it out".to_owned()),
            (None, Some(allow)) => match find(allow) {
                Some(index) => (true, Some(format!("allow[{index}]")), allow[index].why("is let in by a rule")),
                None => (false, None, "no rule lets it in".to_owned()),
            },
        };
        Admission { scope: self.by.clone(), admitted, rule, reason }
    }
}

impl Rule {
    fn new(spec: &ScopeRule) -> Self {
        Self {
            server: Globs::new(&spec.server, str::to_owned),
            publisher: Globs::new(&spec.publisher, str::to_lowercase),
            category: Globs::new(&spec.category, str::to_lowercase),
            license: Globs::new(&spec.license, str::to_lowercase),
            source: Globs::new(&spec.source, str::to_lowercase),
            verification: spec.verification,
            approved: spec.approved,
            reason: spec.reason.clone(),
        }
    }

    fn covers(&self, entry: &ServerEntry) -> bool {
        let metadata = entry.metadata.as_ref();
        let said = |value: Option<&String>| value.map(|value| value.to_lowercase());
        self.server.cover(Some(entry.name.as_str()))
            && self.publisher.cover(said(metadata.and_then(|metadata| metadata.owner.as_ref())).as_deref())
            && self.category.cover(said(metadata.and_then(|metadata| metadata.category.as_ref())).as_deref())
            && self.license.cover(said(metadata.and_then(|metadata| metadata.license.as_ref())).as_deref())
            && self.source.cover(said(entry.source.as_ref()).as_deref())
            && self.verification.is_none_or(|wanted| wanted.is_of(entry))
            && self.approved.is_none_or(|wanted| wanted == entry.approved.is_some())
    }

    fn why(&self, otherwise: &str) -> String {
        if self.reason.is_empty() { otherwise.to_owned() } else { self.reason.clone() }
    }
}

impl ScopeVerification {
    fn is_of(self, entry: &ServerEntry) -> bool {
        // Of what is no single image, nobody could verify a signature.
        let signed = entry.signer.is_some() && entry.image.is_some();
        let may_be_demanded = entry.process.is_none() && entry.remote.is_none() && entry.sse_endpoint.is_none();
        match self {
            Self::Signer => signed,
            Self::Verified => signed && may_be_demanded && entry.verify != Some(VerifyMode::Off),
            Self::Unsigned => !signed,
        }
    }
}

impl Globs {
    fn new(patterns: &Patterns, fold: fn(&str) -> String) -> Self {
        let (mut include, mut exclude) = (Vec::new(), Vec::new());
        for glob in patterns.as_slice() {
            match glob.strip_prefix('!') {
                Some(glob) => exclude.push(Pattern::new(fold(glob))),
                None => include.push(Pattern::new(fold(glob))),
            }
        }
        Self(include, exclude)
    }

    fn cover(&self, value: Option<&str>) -> bool {
        let Self(include, exclude) = self;
        match value {
            None => include.is_empty() && exclude.is_empty(),
            Some(value) => {
                (include.is_empty() || include.iter().any(|glob| glob.matches(value)))
                    && !exclude.iter().any(|glob| glob.matches(value))
            }
        }
    }
}
