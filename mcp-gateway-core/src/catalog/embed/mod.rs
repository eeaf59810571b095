//! Texts as vectors, so that what means the same is near: what searching by meaning stands on.

mod cache;
mod hashed;
#[cfg(feature = "search-minilm")]
mod minilm;
mod stored;
#[cfg(test)]
mod tests;
mod vector;

use std::fmt;

use crate::error::Result;

pub use cache::VectorCache;
pub use hashed::HashedEmbedder;
#[cfg(feature = "search-minilm")]
pub use minilm::MiniLmEmbedder;

pub(crate) use cache::{Key, key};
pub(crate) use vector::Vector;

/// Makes vectors of texts.
///
/// # Behavior
/// - A text has the same vector whenever it is asked for and whatever texts are beside it.
/// - Each vector has [`dimension`](Self::dimension) figures and the length 1; one of zeros is near nothing.
/// - `embed` may compute for long: it is called where it holds nobody up.
///
/// # Examples
/// ```
/// use mcp_gateway_core::catalog::{Embedder, HashedEmbedder};
///
/// let model = HashedEmbedder::new();
/// let vectors = model.embed(&["open an issue", "opens issues", "weather in Oslo"])?;
/// let alike = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
/// assert!(alike(&vectors[0], &vectors[1]) > alike(&vectors[0], &vectors[2]));
/// # Ok::<(), mcp_gateway_core::Error>(())
/// ```
pub trait Embedder: fmt::Debug + Send + Sync + 'static {
    /// What tells the model from every other one, in letters, digits, `-` and `.`; vectors of one are of no use to another.
    fn model(&self) -> &str;

    /// How many figures a vector has.
    fn dimension(&self) -> usize;

    /// How much alike a query and a text are, as the product of their vectors, that surely have to do with each other.
    ///
    /// Where no word of a query is found, nothing that is less alike is found either.
    fn threshold(&self) -> f32 {
        0.4
    }

    /// The vectors of texts, in the order of the texts.
    ///
    /// # Errors
    /// What the model says that cannot compute them.
    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>>;
}
