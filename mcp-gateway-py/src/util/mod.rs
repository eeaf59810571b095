//! What carries work between Python's threads and the gateway's.

mod inbox;
mod mailbox;
mod work;

pub(crate) use inbox::Inbox;
pub(crate) use mailbox::Mailbox;
pub(crate) use work::{Canceller, Reply, Work, report};
