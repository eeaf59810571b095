//! The stateless era (2026-07-28): every request says itself who sends it, and a server that needs something answers
//! that it does.

mod discover;
mod listen;
mod meta;
mod outcome;
mod rounds;
mod routing;

pub use discover::Discovered;
pub use listen::{ListenFilter, subscription_of};
pub use meta::RequestMeta;
pub use outcome::{complete, for_session_era};
pub use rounds::{InputRequired, InputResponses};
pub use routing::{Routing, RoutingHeaders, header_parameters};

/// The method by which a client asks what a server is.
pub const DISCOVER: &str = "server/discover";

/// The method by which a client listens for what belongs to no single request.
pub const LISTEN: &str = "subscriptions/listen";

/// The first message of every listening.
pub const ACKNOWLEDGED: &str = "notifications/subscriptions/acknowledged";
