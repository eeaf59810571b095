//! Named tensors of a file in the safetensors format.

use std::collections::HashMap;
use std::ops::Range;

use ndarray::{Array1, Array2};
use serde::Deserialize;

use super::broken;
use crate::error::Result;

/// The most bytes of the head, which describes the tensors.
const MAX_HEAD: usize = 8 * 1024 * 1024;

/// What a file holds; each tensor is taken out of it once.
pub(super) struct Weights<'a> {
    tensors: HashMap<String, Described>,
    data: &'a [u8],
}

/// A tensor, as the head of the file describes it.
#[derive(Deserialize)]
struct Described {
    dtype: String,
    shape: Vec<usize>,
    data_offsets: (usize, usize),
}

impl<'a> Weights<'a> {
    /// Reads the head.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self> {
        let cut = || broken("the file of the weights is cut off");
        let (length, rest) = bytes.split_first_chunk::<8>().ok_or_else(cut)?;
        let length = usize::try_from(u64::from_le_bytes(*length)).ok().filter(|length| *length <= MAX_HEAD);
        let length = length.ok_or_else(|| broken("the file of the weights is not in the safetensors format"))?;
        let head = rest.get(..length).ok_or_else(cut)?;
        let not_read = |cause| broken("the head of the weights cannot be read").with_source(cause);
        let mut head: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(head).map_err(not_read)?;
        head.remove("__metadata__");
        let described = |(name, value)| Ok((name, Described::deserialize(value).map_err(not_read)?));
        let tensors = head.into_iter().map(described).collect::<Result<_>>()?;
        Ok(Self { tensors, data: &rest[length..] })
    }

    /// How many rows and columns a table has.
    pub(super) fn shape(&self, name: &str) -> Result<(usize, usize)> {
        match self.described(name)?.shape.as_slice() {
            [rows, columns] => Ok((*rows, *columns)),
            _ => Err(broken(format!("`{name}` is not a table"))),
        }
    }

    /// Whether there is a tensor of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// A table, which must be of this size.
    pub(super) fn table(&self, name: &str, (rows, columns): (usize, usize)) -> Result<Array2<f32>> {
        let values = self.values(name, &[rows, columns])?;
        Array2::from_shape_vec((rows, columns), values).map_err(|cause| broken(format!("`{name}`: {cause}")))
    }

    /// A row, which must be of this length.
    pub(super) fn row(&self, name: &str, length: usize) -> Result<Array1<f32>> {
        Ok(Array1::from_vec(self.values(name, &[length])?))
    }

    fn values(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let described = self.described(name)?;
        if described.shape != shape {
            return Err(broken(format!("`{name}` is {:?} and not {shape:?}", described.shape)));
        }
        if described.dtype != "F32" {
            let message = format!("`{name}` is of `{}`; only weights of F32 are read", described.dtype);
            return Err(broken(message).with_hint("save the model with 32-bit weights"));
        }
        let range = Range { start: described.data_offsets.0, end: described.data_offsets.1 };
        let wanted = shape.iter().try_fold(4_usize, |size, side| size.checked_mul(*side));
        let bytes = self.data.get(range).filter(|bytes| Some(bytes.len()) == wanted);
        let bytes = bytes.ok_or_else(|| broken(format!("`{name}` is not where the head says")))?;
        let values: Vec<f32> = bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        if values.iter().all(|value| value.is_finite()) {
            Ok(values)
        } else {
            Err(broken(format!("`{name}` has values that are no numbers")))
        }
    }

    fn described(&self, name: &str) -> Result<&Described> {
        self.tensors.get(name).ok_or_else(|| broken(format!("the weights have no `{name}`")))
    }
}
