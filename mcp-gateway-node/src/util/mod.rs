//! What carries work between JavaScript's thread and the gateway's.

mod post;
mod tickets;

pub(crate) use post::{Deliver, Post, Reply};
pub(crate) use tickets::Tickets;
