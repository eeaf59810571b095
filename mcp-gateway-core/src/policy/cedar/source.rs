//! Where policies come from.

use std::path::Path;

/// The text of a file with policies, and the name by which errors and decisions speak of it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CedarSource {
    /// The file.
    pub file: String,
    /// What stands in it.
    pub text: String,
}

impl CedarSource {
    /// A text and where it is from.
    pub fn new(file: impl Into<String>, text: impl Into<String>) -> Self {
        Self { file: file.into(), text: text.into() }
    }

    /// The name of a policy without one: the file's name and the policy's number in it, from 1.
    pub(super) fn name_of(&self, number: usize) -> String {
        let name =
            Path::new(&self.file).file_name().map_or_else(|| self.file.clone(), |name| name.to_string_lossy().into());
        format!("{name}#{number}")
    }

    /// A place in the file, as `file:line:column`.
    pub(super) fn place(&self, offset: Option<usize>) -> String {
        let Some(before) = offset.and_then(|offset| self.text.get(..offset)) else { return self.file.clone() };
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        format!("{}:{line}:{column}", self.file)
    }
}
