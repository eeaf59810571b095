//! What is promised of vectors that are kept.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::error::ErrorKind;
use crate::util::fs;

/// Counts the texts that it is given; another name, another model.
#[derive(Debug, Default)]
struct Counting {
    name: &'static str,
    texts: AtomicUsize,
}

impl Embedder for Counting {
    fn model(&self) -> &str {
        self.name
    }

    fn dimension(&self) -> usize {
        HashedEmbedder::new().dimension()
    }

    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>> {
        self.texts.fetch_add(texts.len(), Ordering::Relaxed);
        HashedEmbedder::new().embed(texts)
    }
}

fn model(name: &'static str) -> Arc<Counting> {
    Arc::new(Counting { name, ..Counting::default() })
}

fn texts(range: std::ops::Range<usize>) -> Vec<Arc<str>> {
    range.map(|number| Arc::from(format!("text {number}"))).collect()
}

fn open(model: &Arc<Counting>, folder: &Path) -> VectorCache {
    let model: Arc<dyn Embedder> = Arc::<Counting>::clone(model);
    VectorCache::open(model, folder)
}

fn computed(model: &Counting) -> usize {
    model.texts.load(Ordering::Relaxed)
}

#[test]
fn no_text_is_computed_twice() {
    let folder = tempfile::tempdir().unwrap();
    let first = model("a");
    let cache = open(&first, folder.path());
    cache.learn(&[texts(0..100), texts(50..150), texts(0..1)].concat()).unwrap();
    cache.learn(&texts(0..150)).unwrap();
    assert_eq!((computed(&first), cache.len()), (150, 150));
    let again = model("a");
    let stored = open(&again, folder.path());
    stored.learn(&texts(0..151)).unwrap();
    assert_eq!(computed(&again), 1);
    let kept = key("text 7");
    assert_eq!(stored.get(&kept), cache.get(&kept));
    assert!(cache.get(&key("text 150")).is_none());
}

#[test]
fn a_file_that_is_broken_or_of_another_model_is_ignored() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("vectors.bin");
    open(&model("a"), folder.path()).learn(&texts(0..10)).unwrap();
    let whole = fs::read_bytes(&file, 1 << 20).unwrap().unwrap();
    assert_eq!(open(&model("b"), folder.path()).len(), 0, "of another model");
    let mut broken: Vec<Vec<u8>> = [0, 4, 31, 32, 60, whole.len() - 1].map(|end| whole[..end].to_vec()).into();
    broken.push([whole.as_slice(), b"x"].concat());
    for at in [0, 9, 20, 100, whole.len() - 5] {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        broken.push(bytes);
    }
    for bytes in broken {
        fs::write_atomic(&file, &bytes).unwrap();
        assert!(open(&model("a"), folder.path()).is_empty(), "{} bytes", bytes.len());
    }
    let cache = open(&model("b"), folder.path());
    cache.learn(&texts(0..3)).unwrap();
    assert_eq!(open(&model("b"), folder.path()).len(), 3, "written anew");
}

#[test]
fn what_is_kept_is_bounded() {
    let cache = VectorCache::new(model("a")).bounded(64);
    cache.learn(&texts(0..64)).unwrap();
    let held: Vec<_> = texts(0..40).iter().map(|text| cache.get(&key(text)).unwrap()).collect();
    cache.learn(&texts(100..120)).unwrap();
    assert!(cache.len() <= 64);
    assert!(texts(0..40).iter().chain(&texts(100..120)).all(|text| cache.get(&key(text)).is_some()));
    assert!(cache.get(&key("text 40")).is_none(), "the oldest that nobody holds goes first");
    let error = cache.learn(&texts(200..300)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert!(cache.len() <= 64);
    drop(held);
    cache.learn(&texts(300..330)).unwrap();
}

/// Gives vectors of another form than it says.
#[derive(Debug)]
struct Wrong(Vec<Vec<f32>>);

impl Embedder for Wrong {
    fn model(&self) -> &'static str {
        "wrong"
    }

    fn dimension(&self) -> usize {
        2
    }

    fn embed(&self, _: &[&str]) -> Result<Vec<Vec<f32>>> {
        Ok(self.0.clone())
    }
}

#[test]
fn vectors_of_another_form_are_refused() {
    for wrong in [vec![], vec![vec![1.0]], vec![vec![f32::NAN, 0.0]], vec![vec![1.0, 0.0]; 2]] {
        let error = VectorCache::new(Arc::new(Wrong(wrong))).learn(&texts(0..1)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Internal);
    }
}
