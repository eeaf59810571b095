//! How much counts what.

/// How much a word counts by where it stands, and how soon length holds it back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    /// How much one word counts.
    pub(super) weight: f32,
    /// The usual number of words; those of a longer text count less. Fixed, so that a server's place in the index does
    /// not hang on which others were there before.
    pub(super) usual: f32,
    /// How much less: 0 for not at all, 1 for in proportion.
    pub(super) slope: f32,
    /// Whether words that stand side by side here do so for a reason.
    pub(super) is_text: bool,
}

const fn field(weight: f32, usual: f32, slope: f32, is_text: bool) -> Field {
    Field { weight, usual, slope, is_text }
}

pub(super) const TOOL_NAME: Field = field(2.5, 3.0, 0.4, true);
pub(super) const TOOL_TITLE: Field = field(1.5, 3.0, 0.4, true);
pub(super) const TOOL_TEXT: Field = field(1.0, 12.0, 0.6, true);
pub(super) const PARAMETER: Field = field(0.7, 6.0, 0.7, false);
pub(super) const PARAMETER_TEXT: Field = field(0.3, 30.0, 0.7, false);

pub(super) const SERVER_NAME: Field = field(4.0, 2.0, 0.2, true);
pub(super) const SERVER_TITLE: Field = field(3.0, 3.0, 0.3, true);
pub(super) const SERVER_TEXT: Field = field(1.0, 20.0, 0.6, true);
pub(super) const TAGS: Field = field(2.0, 4.0, 0.5, false);
pub(super) const CATEGORY: Field = field(1.0, 2.0, 0.2, false);
pub(super) const INSTRUCTIONS: Field = field(0.3, 60.0, 0.7, false);

/// How soon repetitions of a word stop counting.
pub(super) const SATURATION: f32 = 1.2;

/// What another word for the same counts.
pub(super) const SYNONYM: f32 = 0.4;
/// What two words count that are written as one, or one as two.
pub(super) const JOINED: f32 = 0.8;
/// What a word counts that is like one that nothing has.
pub(super) const TYPO: f32 = 0.7;
/// What values count beside words: names in quotes, numbers, keys.
pub(super) const VALUE: f32 = 0.25;
/// What words count that say nothing about what is looked for.
pub(super) const FILLER: f32 = 0.02;
