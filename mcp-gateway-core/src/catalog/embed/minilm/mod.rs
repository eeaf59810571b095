#![doc = include_str!("docs.md")]

mod forward;
#[cfg(test)]
mod tests;
mod tokenizer;
mod weights;

use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::Embedder;
use crate::error::{Error, ErrorKind, Result};
use crate::util::fs;
use forward::{Encoder, Shape};
use tokenizer::Tokenizer;
use weights::Weights;

/// The largest file of weights that is read.
const MAX_WEIGHTS: u64 = 1024 * 1024 * 1024;
/// The most pieces of a text that count: what the model was made for.
const MAX_PIECES: usize = 256;
/// How many pieces are computed at once: enough to keep a core busy, few enough to need little memory.
const AT_ONCE: usize = 1_024;
/// How many figures each head of the published model has, where `config.json` does not say how many heads there are.
const HEAD_WIDTH: usize = 32;
/// What the published model was trained with.
const EPSILON: f32 = 1e-12;
/// Texts that are less alike have nothing to do with each other: see docs/search.md for how it was found.
const THRESHOLD: f32 = 0.4;

/// `all-MiniLM-L6-v2`, or a model of its form, computed in this process.
///
/// # Behavior
/// - Reads a folder with `model.safetensors` and `vocab.txt` or `tokenizer.json`; `config.json`, where it is there, says
///   how many heads there are. Nothing is fetched.
/// - The first 256 pieces of a text count.
/// - A text in which the model knows no word of three letters has a vector of zeros: what it would make up is near anything.
/// - One text has one vector, whatever texts are beside it.
///
/// # Examples
/// ```no_run
/// use std::path::Path;
/// use mcp_gateway_core::catalog::{Embedder, MiniLmEmbedder};
///
/// let model = MiniLmEmbedder::open(Path::new("/opt/models/all-MiniLM-L6-v2"))?;
/// assert_eq!(model.embed(&["what time is it?"])?[0].len(), model.dimension());
/// # Ok::<(), mcp_gateway_core::Error>(())
/// ```
pub struct MiniLmEmbedder {
    name: String,
    tokenizer: Tokenizer,
    encoder: Encoder,
    limit: usize,
}

/// What counts of `config.json`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Config {
    num_attention_heads: Option<usize>,
    layer_norm_eps: Option<f32>,
    hidden_act: Option<String>,
    position_embedding_type: Option<String>,
}

impl MiniLmEmbedder {
    /// Reads a model.
    ///
    /// # Errors
    /// `NotFound` for a folder without the files; `InvalidConfig` for one whose model is broken or of another form;
    /// `TooLarge`; `Io`.
    pub fn open(folder: &Path) -> Result<Self> {
        Self::read(folder).map_err(|error| {
            error.with_operation("MiniLmEmbedder::open").with_context("folder", folder.display()).with_hint(
                "the folder holds `model.safetensors` and `vocab.txt` or `tokenizer.json` of all-MiniLM-L6-v2",
            )
        })
    }

    fn read(folder: &Path) -> Result<Self> {
        let bytes = fs::read_bytes(&folder.join("model.safetensors"), MAX_WEIGHTS)?;
        let bytes = bytes.ok_or_else(|| Error::new(ErrorKind::NotFound, "the folder has no `model.safetensors`"))?;
        let weights = Weights::read(&bytes)?;
        let config = config(folder)?;
        let width = weights.shape("embeddings.word_embeddings.weight").map_or(0, |(_, width)| width);
        let shape = Shape {
            heads: config.num_attention_heads.unwrap_or(width / HEAD_WIDTH),
            epsilon: config.layer_norm_eps.unwrap_or(EPSILON),
        };
        let encoder = Encoder::read(&weights, shape)?;
        let (vocabulary, pieces) = vocabulary(folder)?;
        let tokenizer = Tokenizer::new(pieces)?;
        if tokenizer.greatest() as usize >= encoder.words() {
            return Err(broken("the vocabulary has pieces that the weights do not know"));
        }
        let limit = encoder.places().min(MAX_PIECES);
        let mut hash = Sha256::new();
        hash.update(Sha256::digest(&bytes));
        hash.update(Sha256::digest(vocabulary));
        hash.update(format!("1 {} {} {limit}", shape.heads, shape.epsilon));
        let name = format!("minilm-{}", &hex::encode(hash.finalize())[..32]);
        Ok(Self { name, tokenizer, encoder, limit })
    }
}

impl Embedder for MiniLmEmbedder {
    fn model(&self) -> &str {
        &self.name
    }

    fn dimension(&self) -> usize {
        self.encoder.width()
    }

    fn threshold(&self) -> f32 {
        THRESHOLD
    }

    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>> {
        let mut made = vec![vec![0.0; self.dimension()]; texts.len()];
        let (mut places, mut waiting, mut pieces) = (Vec::new(), Vec::new(), 0);
        for (place, text) in texts.iter().enumerate() {
            let text = self.tokenizer.encode(text, self.limit);
            if self.tokenizer.knows(&text) {
                pieces += text.len();
                places.push(place);
                waiting.push(text);
            }
            if pieces >= AT_ONCE || place + 1 == texts.len() {
                let vectors = self.encoder.encode(&std::mem::take(&mut waiting));
                places.drain(..).zip(vectors).for_each(|(place, vector)| made[place] = vector);
                pieces = 0;
            }
        }
        Ok(made)
    }
}

impl fmt::Debug for MiniLmEmbedder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MiniLmEmbedder").field("model", &self.name).finish_non_exhaustive()
    }
}

fn config(folder: &Path) -> Result<Config> {
    let Some(text) = fs::read_optional(&folder.join("config.json"))? else { return Ok(Config::default()) };
    let config: Config =
        serde_json::from_str(&text).map_err(|cause| broken("`config.json` cannot be read").with_source(cause))?;
    let is_other = |said: &Option<String>, known: &str| said.as_deref().is_some_and(|said| said != known);
    if is_other(&config.hidden_act, "gelu") || is_other(&config.position_embedding_type, "absolute") {
        return Err(broken("`config.json` describes a model of another form"));
    }
    Ok(config)
}

/// The pieces, each with its number, and the text that they were read of.
fn vocabulary(folder: &Path) -> Result<(String, HashMap<Box<str>, u32>)> {
    if let Some(text) = fs::read_optional(&folder.join("vocab.txt"))? {
        let pieces = text.lines().zip(0..).map(|(piece, number)| (Box::from(piece), number)).collect();
        return Ok((text, pieces));
    }
    let text = fs::read_optional(&folder.join("tokenizer.json"))?
        .ok_or_else(|| Error::new(ErrorKind::NotFound, "the folder has neither `vocab.txt` nor `tokenizer.json`"))?;
    let json: Value =
        serde_json::from_str(&text).map_err(|cause| broken("`tokenizer.json` cannot be read").with_source(cause))?;
    if json["normalizer"]["lowercase"] == false {
        return Err(broken("the vocabulary tells capital letters from small ones, which models of this form do not"));
    }
    let pieces = json["model"]["vocab"].as_object().ok_or_else(|| broken("`tokenizer.json` has no word pieces"))?;
    let piece = |(piece, number): (&String, &Value)| {
        let number = number.as_u64().and_then(|number| u32::try_from(number).ok());
        number.map(|number| (Box::from(piece.as_str()), number)).ok_or_else(|| broken("`tokenizer.json` is broken"))
    };
    let pieces = pieces.iter().map(piece).collect::<Result<_>>()?;
    Ok((text, pieces))
}

/// The error for a model that cannot be used.
fn broken(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::InvalidConfig, message)
}
