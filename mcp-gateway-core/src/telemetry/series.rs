//! The series of one metric, one per combination of labels, bounded in number.

use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, PoisonError, RwLock};

use indexmap::{Equivalent, IndexMap};

/// The most series of one metric.
pub(super) const MAX_SERIES: usize = 1000;
/// The longest value of a label, in bytes.
const MAX_LABEL: usize = 128;

/// The values of `N` labels with what is counted for each combination; an empty value is a label that is not there.
pub(super) struct Family<const N: usize, V> {
    series: RwLock<IndexMap<Labels<N>, Arc<V>>>,
    overflow: V,
}

#[derive(PartialEq, Eq, Hash)]
struct Labels<const N: usize>([Box<str>; N]);

/// Labels that are only looked up; hashes as [`Labels`] does.
#[derive(Hash)]
struct Lookup<'a, const N: usize>([&'a str; N]);

impl<const N: usize> Equivalent<Labels<N>> for Lookup<'_, N> {
    fn equivalent(&self, key: &Labels<N>) -> bool {
        self.0.iter().zip(&key.0).all(|(looked_up, kept)| **looked_up == **kept)
    }
}

/// A series as it is shown; no labels are those of the overflow.
pub(super) type Shown<const N: usize, V> = (Option<[Box<str>; N]>, V);

impl<const N: usize, V: Default> Family<N, V> {
    /// Counts in the series with these labels.
    pub(super) fn with(&self, labels: [&str; N], count: impl FnOnce(&V)) {
        let labels = Lookup(labels.map(cut));
        let known = self.series.read().unwrap_or_else(PoisonError::into_inner).get(&labels).map(Arc::clone);
        match known {
            Some(series) => count(&series),
            None => self.with_new(labels, count),
        }
    }

    fn with_new(&self, labels: Lookup<'_, N>, count: impl FnOnce(&V)) {
        let mut series = self.series.write().unwrap_or_else(PoisonError::into_inner);
        if series.len() >= MAX_SERIES && !series.contains_key(&labels) {
            drop(series);
            return count(&self.overflow);
        }
        let series = Arc::clone(series.entry(Labels(labels.0.map(Box::from))).or_default());
        count(&series);
    }

    /// Every series in the order of its labels, with what `read` makes of it.
    pub(super) fn shown<T>(&self, read: impl Fn(&V) -> T, is_empty: impl Fn(&T) -> bool) -> Vec<Shown<N, T>> {
        let series = self.series.read().unwrap_or_else(PoisonError::into_inner);
        let mut shown: Vec<_> = series.iter().map(|(labels, value)| (Some(labels.0.clone()), read(value))).collect();
        drop(series);
        shown.sort_by(|(one, _), (other, _)| one.cmp(other));
        let overflow = read(&self.overflow);
        if !is_empty(&overflow) {
            shown.push((None, overflow));
        }
        shown
    }
}

fn cut(value: &str) -> &str {
    let end = value.len().min(MAX_LABEL);
    let end = (0..=end).rev().find(|&end| value.is_char_boundary(end)).unwrap_or(0);
    &value[..end]
}

impl<const N: usize, V: Default> Default for Family<N, V> {
    fn default() -> Self {
        Self { series: RwLock::default(), overflow: V::default() }
    }
}

impl<const N: usize, V> fmt::Debug for Family<N, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let series = self.series.read().unwrap_or_else(PoisonError::into_inner).len();
        f.debug_struct("Family").field("series", &series).finish_non_exhaustive()
    }
}
