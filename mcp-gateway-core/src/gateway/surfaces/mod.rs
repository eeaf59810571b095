//! What servers offer, held against what was accepted of it: a definition that changed or is new is held back.

mod accept;
mod diff;
mod fields;
mod finding;
mod flags;
mod hidden;
mod judge;
mod reserved;
mod shadow;

pub use accept::Approval;
pub use diff::{SurfaceChange, SurfaceDiff};
pub use fields::FieldChange;
pub use finding::ChangeKind;
pub use flags::{FlagKind, SurfaceFlag};

pub(crate) use accept::{Accepted, accept};
pub(crate) use diff::diff;
pub(crate) use finding::{Finding, names, records};
pub(crate) use hidden::visible;
pub(crate) use judge::{Settled, admitted, judge_all, settle};
pub(crate) use shadow::{mark_shadows, speaks_of_tools};
