//! What a request is about, apart from its name: what runs, and what it said that this does.

use serde_json::Value;

/// The definition behind a request, as policy, approvals and records bind to it.
///
/// # Behavior
/// - It says what the server itself listed; the name under which something is shown does not enter.
/// - Annotations are what an untrusted server says of itself, unless `approved` says that an operator has looked at them.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Described {
    /// What ran when the definition was recorded: the image's digest or id, the package with its version, the address.
    pub identity: String,
    /// The SHA-256, in hex, of the tool's, prompt's or resource's definition in its canonical form.
    pub definition: String,
    /// The tool's annotations, an object; `null` where it has none.
    pub annotations: Value,
    /// Whether an operator has approved exactly this definition of exactly this server.
    pub approved: bool,
}

impl Described {
    /// A definition that nobody has approved.
    pub fn new(identity: impl Into<String>, definition: impl Into<String>) -> Self {
        Self { identity: identity.into(), definition: definition.into(), annotations: Value::Null, approved: false }
    }

    /// With these annotations.
    #[must_use]
    pub fn with_annotations(mut self, annotations: Value) -> Self {
        self.annotations = annotations;
        self
    }

    /// Approved, or not.
    #[must_use]
    pub fn with_approved(mut self, approved: bool) -> Self {
        self.approved = approved;
        self
    }

    /// What an annotation that is yes or no says, such as `readOnlyHint`; `None` where it says nothing.
    pub fn hint(&self, name: &str) -> Option<bool> {
        self.annotations.get(name)?.as_bool()
    }
}
