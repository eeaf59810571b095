//! What the model computes: from word pieces to one vector for each text.

use ndarray::linalg::general_mat_mul;
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut2, Axis, concatenate, s};

use super::broken;
use super::weights::Weights;
use crate::error::Result;

/// A BERT encoder with mean pooling.
#[derive(Debug)]
pub(super) struct Encoder {
    words: Array2<f32>,
    /// What each position adds; that of the first segment, which is the only one here, is in it.
    positions: Array2<f32>,
    norm: Norm,
    layers: Vec<Layer>,
    heads: usize,
}

#[derive(Debug)]
struct Layer {
    /// Query, key and value side by side.
    asked: Linear,
    attended: Linear,
    attended_norm: Norm,
    inner: Linear,
    outer: Linear,
    outer_norm: Norm,
}

#[derive(Debug)]
struct Linear {
    /// One row for each figure that comes out.
    weight: Array2<f32>,
    bias: Array1<f32>,
}

#[derive(Debug)]
struct Norm {
    weight: Array1<f32>,
    bias: Array1<f32>,
    epsilon: f32,
}

/// What the weights do not tell by their shapes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) heads: usize,
    pub(super) epsilon: f32,
}

impl Encoder {
    pub(super) fn read(weights: &Weights<'_>, shape: Shape) -> Result<Self> {
        let prefix = if weights.has("embeddings.LayerNorm.weight") { "" } else { "bert." };
        let name = |name: &str| format!("{prefix}{name}");
        let (words, width) = weights.shape(&name("embeddings.word_embeddings.weight"))?;
        let (places, _) = weights.shape(&name("embeddings.position_embeddings.weight"))?;
        let (segments, _) = weights.shape(&name("embeddings.token_type_embeddings.weight"))?;
        if shape.heads == 0 || width == 0 || width % shape.heads != 0 || segments == 0 {
            return Err(broken(format!("{width} figures cannot be shared out to {} heads", shape.heads)));
        }
        let segments = weights.table(&name("embeddings.token_type_embeddings.weight"), (segments, width))?;
        let mut positions = weights.table(&name("embeddings.position_embeddings.weight"), (places, width))?;
        positions += &segments.row(0);
        let count = (0..).take_while(|layer| weights.has(&name(&Layer::name(*layer, "output.dense.bias")))).count();
        if count == 0 {
            return Err(broken("the weights have no layers of a BERT model"));
        }
        let norm = |at: &str| Norm::read(weights, &name(at), width, shape.epsilon);
        Ok(Self {
            words: weights.table(&name("embeddings.word_embeddings.weight"), (words, width))?,
            positions,
            norm: norm("embeddings.LayerNorm")?,
            layers: (0..count)
                .map(|layer| {
                    let at = |part: &str| name(&Layer::name(layer, part));
                    let square = |part: &str| Linear::read(weights, &at(part), width, width);
                    let inner_width = weights.shape(&at("intermediate.dense.weight"))?.0;
                    Ok(Layer {
                        asked: Linear::beside(&[
                            square("attention.self.query")?,
                            square("attention.self.key")?,
                            square("attention.self.value")?,
                        ])?,
                        attended: square("attention.output.dense")?,
                        attended_norm: norm(&Layer::name(layer, "attention.output.LayerNorm"))?,
                        inner: Linear::read(weights, &at("intermediate.dense"), width, inner_width)?,
                        outer: Linear::read(weights, &at("output.dense"), inner_width, width)?,
                        outer_norm: norm(&Layer::name(layer, "output.LayerNorm"))?,
                    })
                })
                .collect::<Result<_>>()?,
            heads: shape.heads,
        })
    }

    /// How many figures a vector has.
    pub(super) fn width(&self) -> usize {
        self.words.ncols()
    }

    /// How many pieces it knows.
    pub(super) fn words(&self) -> usize {
        self.words.nrows()
    }

    /// How many pieces a text may have.
    pub(super) fn places(&self) -> usize {
        self.positions.nrows()
    }

    /// The vector of each text, of length one.
    ///
    /// Texts stand one after the other in one table, so that nothing is computed for padding and no text is changed by
    /// those beside it.
    pub(super) fn encode(&self, texts: &[Vec<u32>]) -> Vec<Vec<f32>> {
        let total = texts.iter().map(Vec::len).sum();
        let mut states = Array2::zeros((total, self.width()));
        let places = texts.iter().flat_map(|text| text.iter().enumerate());
        for (mut state, (place, word)) in states.rows_mut().into_iter().zip(places) {
            state += &self.words.row(*word as usize);
            state += &self.positions.row(place);
        }
        self.norm.apply(&mut states);
        for layer in &self.layers {
            let asked = layer.asked.apply(&states);
            let mut heard = Array2::zeros(states.raw_dim());
            let mut start = 0;
            for text in texts {
                let range = s![start..start + text.len(), ..];
                attend(asked.slice(range), heard.slice_mut(range), self.heads);
                start += text.len();
            }
            let mut attended = layer.attended.apply(&heard);
            attended += &states;
            layer.attended_norm.apply(&mut attended);
            let mut inner = layer.inner.apply(&attended);
            inner.mapv_inplace(gelu);
            states = layer.outer.apply(&inner);
            states += &attended;
            layer.outer_norm.apply(&mut states);
        }
        let mut start = 0;
        let pooled = texts.iter().map(|text| {
            let own = states.slice(s![start..start + text.len(), ..]);
            start += text.len();
            let sum = own.sum_axis(Axis(0));
            let length = sum.dot(&sum).sqrt();
            sum.iter().map(|value| if length > 0.0 { value / length } else { 0.0 }).collect()
        });
        pooled.collect()
    }
}

/// Lets each piece of a text hear the others.
fn attend(asked: ArrayView2<'_, f32>, mut heard: ArrayViewMut2<'_, f32>, heads: usize) {
    let (pieces, width) = heard.dim();
    let own = width / heads;
    let mut scores = Array2::zeros((pieces, pieces));
    for head in 0..heads {
        let part = |nth: usize| {
            let start = nth * width + head * own;
            asked.slice(s![.., start..start + own])
        };
        let (query, key, value) = (part(0), part(1), part(2));
        general_mat_mul(1.0 / (own as f32).sqrt(), &query, &key.t(), 0.0, &mut scores);
        for mut row in scores.rows_mut() {
            let most = row.fold(f32::NEG_INFINITY, |most, score| most.max(*score));
            row.mapv_inplace(|score| (score - most).exp());
            let sum = row.sum();
            row /= sum;
        }
        general_mat_mul(1.0, &scores, &value, 0.0, &mut heard.slice_mut(s![.., head * own..(head + 1) * own]));
    }
}

/// `x` times the part of a normal distribution that is below `x`.
fn gelu(x: f32) -> f32 {
    0.5 * x * (1.0 + erf(x * std::f32::consts::FRAC_1_SQRT_2))
}

/// The error function, by formula 7.1.26 of Abramowitz and Stegun: off by at most 1.5e-7.
fn erf(x: f32) -> f32 {
    let t = 1.0 / (1.0 + 0.327_591_1 * x.abs());
    let series = ((((1.061_405_4 * t - 1.453_152) * t + 1.421_413_7) * t - 0.284_496_74) * t + 0.254_829_6) * t;
    (1.0 - series * (-x * x).exp()).copysign(x)
}

impl Layer {
    fn name(layer: usize, part: &str) -> String {
        format!("encoder.layer.{layer}.{part}")
    }
}

impl Linear {
    fn read(weights: &Weights<'_>, name: &str, inward: usize, outward: usize) -> Result<Self> {
        let weight = weights.table(&format!("{name}.weight"), (outward, inward))?;
        Ok(Self { weight, bias: weights.row(&format!("{name}.bias"), outward)? })
    }

    /// Several of one width as one.
    fn beside(several: &[Self]) -> Result<Self> {
        let wrong = |cause| broken("parts of a layer do not fit together").with_source(cause);
        let weights: Vec<_> = several.iter().map(|one| one.weight.view()).collect();
        let biases: Vec<_> = several.iter().map(|one| one.bias.view()).collect();
        Ok(Self {
            weight: concatenate(Axis(0), &weights).map_err(wrong)?,
            bias: concatenate(Axis(0), &biases).map_err(wrong)?,
        })
    }

    fn apply(&self, states: &Array2<f32>) -> Array2<f32> {
        let mut made = Array2::zeros((states.nrows(), self.weight.nrows()));
        made += &self.bias;
        general_mat_mul(1.0, states, &self.weight.t(), 1.0, &mut made);
        made
    }
}

impl Norm {
    fn read(weights: &Weights<'_>, name: &str, width: usize, epsilon: f32) -> Result<Self> {
        let weight = weights.row(&format!("{name}.weight"), width)?;
        Ok(Self { weight, bias: weights.row(&format!("{name}.bias"), width)?, epsilon })
    }

    fn apply(&self, states: &mut Array2<f32>) {
        let width = states.ncols() as f32;
        for mut row in states.rows_mut() {
            let mean = row.sum() / width;
            row -= mean;
            let spread = (row.dot(&row) / width + self.epsilon).sqrt();
            row /= spread;
            row *= &self.weight;
            row += &self.bias;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curves_are_right() {
        // Values of tables.
        for (x, y) in [(0.0, 0.0), (0.5, 0.520_499_9), (1.0, 0.842_700_8), (-2.0, -0.995_322_3), (6.0, 1.0)] {
            assert!((erf(x) - y).abs() < 5e-7, "{x}: {}", erf(x));
        }
        for (x, y) in [(1.0, 0.841_344_7), (-1.0, -0.158_655_26), (0.0, 0.0)] {
            assert!((gelu(x) - y).abs() < 5e-7, "{x}: {}", gelu(x));
        }
    }
}
