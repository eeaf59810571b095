//! The values that this gateway has handed out, to whichever of its servers.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError, RwLock};

use crate::model::{Mask, SecretValue};

/// Shorter values are looked for only in what their own server says: in other texts they stand by chance.
pub(super) const LIKELY: usize = 12;

/// How many values are kept in mind; tokens that are renewed for months must not fill the memory.
const MOST: usize = 1024;

/// The secrets that must not come back from any server, nor be sent to one.
#[derive(Debug, Default)]
pub(crate) struct Known(RwLock<State>);

#[derive(Debug)]
struct State {
    values: VecDeque<SecretValue>,
    mask: Arc<Mask>,
}

impl Default for State {
    fn default() -> Self {
        Self { values: VecDeque::new(), mask: Arc::new(Mask::new([])) }
    }
}

impl Known {
    /// Keeps values in mind.
    pub(super) fn learn<'a>(&self, values: impl IntoIterator<Item = &'a SecretValue>) {
        let likely = values.into_iter().filter(|value| value.expose().len() >= LIKELY);
        let news: Vec<&SecretValue> = {
            let state = self.0.read().unwrap_or_else(PoisonError::into_inner);
            likely.filter(|value| !state.values.contains(value)).collect()
        };
        if news.is_empty() {
            return;
        }
        let mut state = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for value in news {
            // Another thread may have learnt it meanwhile.
            if !state.values.contains(value) {
                state.values.push_back(value.clone());
            }
        }
        let surplus = state.values.len().saturating_sub(MOST);
        state.values.drain(..surplus);
        state.mask = Arc::new(Mask::new(&state.values));
    }

    /// What finds all of them.
    pub(super) fn mask(&self) -> Arc<Mask> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner).mask)
    }

    /// What finds all of them and these too.
    pub(super) fn mask_with(&self, values: &[SecretValue]) -> Mask {
        let state = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Mask::new(state.values.iter().chain(values))
    }
}
