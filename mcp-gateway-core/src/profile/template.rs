//! Profiles to begin with: each is a file with comments that say why.

use super::ProfileSpec;
use super::yaml::read;
use crate::error::{Error, ErrorKind, Result};
use crate::model::ProfileName;
use crate::util::pattern::did_you_mean;

/// The templates, by name.
const TEMPLATES: [(&str, &str); 5] = [
    ("data", include_str!("templates/data.yaml")),
    ("development", include_str!("templates/development.yaml")),
    ("empty", include_str!("templates/empty.yaml")),
    ("read-only", include_str!("templates/read-only.yaml")),
    ("research", include_str!("templates/research.yaml")),
];

/// A profile that comes with the gateway.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ProfileTemplate {
    /// Its name.
    pub name: &'static str,
    /// What it says.
    pub spec: ProfileSpec,
    text: &'static str,
}

impl ProfileTemplate {
    /// Every template, by name.
    ///
    /// # Errors
    /// `InvalidConfig` when one cannot be read, which would be a mistake in this library.
    pub fn all() -> Result<Vec<Self>> {
        TEMPLATES.iter().map(|(name, text)| Ok(Self { name, spec: read(name, text)?, text })).collect()
    }

    /// A template.
    ///
    /// # Errors
    /// `NotFound`, naming one that was perhaps meant.
    pub fn find(name: &str) -> Result<Self> {
        let all = Self::all()?;
        let names: Vec<&str> = all.iter().map(|template| template.name).collect();
        all.iter().find(|template| template.name == name).cloned().ok_or_else(|| {
            let error = Error::new(ErrorKind::NotFound, format!("there is no template `{name}`"));
            match did_you_mean(name, names.iter().copied()) {
                Some(meant) => error.with_hint(format!("did you mean `{meant}`?")),
                None => error.with_hint(format!("there are `{}`", names.join("`, `"))),
            }
        })
    }

    /// The file of a profile of this name, comments and all.
    pub fn text(&self, name: &ProfileName) -> String {
        self.text.replacen(&format!("\nname: {}\n", self.name), &format!("\nname: {name}\n"), 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Effect, Preset};

    #[test]
    fn templates_are_right_and_fail_closed() {
        let lab = ProfileName::new("lab").unwrap();
        for template in ProfileTemplate::all().unwrap() {
            let spec = read("t.yaml", &template.text(&lab)).unwrap();
            assert_eq!(spec.name, lab, "{}", template.name);
            assert!(template.text(&lab).starts_with("# ") && spec.description.is_some());
            let policy = &spec.policy;
            let is_closed = matches!(policy.default, Some(Effect::Deny | Effect::HardConfirm));
            assert!(
                is_closed || policy.preset == Some(Preset::Default),
                "{} lets through what it does not know",
                template.name
            );
        }
        assert_eq!(ProfileTemplate::find("reserch").unwrap_err().kind(), ErrorKind::NotFound);
    }
}
