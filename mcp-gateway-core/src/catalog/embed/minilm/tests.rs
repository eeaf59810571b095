//! A tiny model of random weights, and the published one where it is.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::json;

use super::*;
use crate::util::env_vars;

const WIDTH: usize = 8;
const INNER: usize = 16;
const PIECES: &str = "[PAD]\n[UNK]\n[CLS]\n[SEP]\nopen\nan\nissue\n##s\nweather\n";

/// The files of a model of two layers; the weights are the same each time.
struct Tiny {
    folder: tempfile::TempDir,
    tensors: BTreeMap<String, (Vec<usize>, Vec<f32>)>,
}

impl Tiny {
    fn new() -> Self {
        let mut tiny = Self { folder: tempfile::tempdir().unwrap(), tensors: BTreeMap::new() };
        tiny.add("embeddings.word_embeddings.weight", &[9, WIDTH]);
        tiny.add("embeddings.position_embeddings.weight", &[12, WIDTH]);
        tiny.add("embeddings.token_type_embeddings.weight", &[2, WIDTH]);
        tiny.norm("embeddings.LayerNorm");
        for layer in 0..2 {
            let name = |part: &str| format!("encoder.layer.{layer}.{part}");
            for part in ["attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"]
            {
                tiny.linear(&name(part), WIDTH, WIDTH);
            }
            tiny.norm(&name("attention.output.LayerNorm"));
            tiny.linear(&name("intermediate.dense"), WIDTH, INNER);
            tiny.linear(&name("output.dense"), INNER, WIDTH);
            tiny.norm(&name("output.LayerNorm"));
        }
        tiny.write("vocab.txt", PIECES.as_bytes());
        tiny.write("config.json", br#"{"num_attention_heads": 2, "hidden_act": "gelu", "layer_norm_eps": 1e-12}"#);
        tiny
    }

    fn add(&mut self, name: &str, shape: &[usize]) {
        let mut state = name.bytes().fold(1_u32, |state, byte| state.wrapping_mul(31).wrapping_add(byte.into()));
        let values = (0..shape.iter().product()).map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 24) as f32 - 0.5
        });
        self.tensors.insert(name.to_owned(), (shape.to_vec(), values.collect()));
    }

    fn linear(&mut self, name: &str, inward: usize, outward: usize) {
        self.add(&format!("{name}.weight"), &[outward, inward]);
        self.add(&format!("{name}.bias"), &[outward]);
    }

    fn norm(&mut self, name: &str) {
        self.add(&format!("{name}.weight"), &[WIDTH]);
        self.add(&format!("{name}.bias"), &[WIDTH]);
    }

    fn write(&self, name: &str, content: &[u8]) {
        fs::write_atomic(&self.folder.path().join(name), content).unwrap();
    }

    fn weights(&self) -> Vec<u8> {
        let (mut head, mut data) = (json!({"__metadata__": {"format": "pt"}}), Vec::new());
        for (name, (shape, values)) in &self.tensors {
            let start = data.len();
            values.iter().for_each(|value| data.extend(value.to_le_bytes()));
            head[name] = json!({"dtype": "F32", "shape": shape, "data_offsets": [start, data.len()]});
        }
        let head = head.to_string();
        [(head.len() as u64).to_le_bytes().as_slice(), head.as_bytes(), &data].concat()
    }

    fn open(&self) -> Result<MiniLmEmbedder> {
        self.write("model.safetensors", &self.weights());
        MiniLmEmbedder::open(self.folder.path())
    }

    fn refused(&self) -> String {
        self.open().unwrap_err().to_string()
    }

    /// What the model is to give, computed number by number as the paper says.
    fn plainly(&self, pieces: &[usize]) -> Vec<f64> {
        let get = |name: &str| self.tensors[name].1.iter().map(|value| f64::from(*value)).collect::<Vec<_>>();
        let linear = |name: &str, states: &[Vec<f64>]| -> Vec<Vec<f64>> {
            let (weight, bias) = (get(&format!("{name}.weight")), get(&format!("{name}.bias")));
            let row = |state: &Vec<f64>, out: usize| {
                let inward = state.len();
                bias[out] + (0..inward).map(|at| state[at] * weight[out * inward + at]).sum::<f64>()
            };
            states.iter().map(|state| (0..bias.len()).map(|out| row(state, out)).collect()).collect()
        };
        let norm = |name: &str, states: Vec<Vec<f64>>| -> Vec<Vec<f64>> {
            let (weight, bias) = (get(&format!("{name}.weight")), get(&format!("{name}.bias")));
            let one = |state: Vec<f64>| {
                let mean = state.iter().sum::<f64>() / WIDTH as f64;
                let spread = (state.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / WIDTH as f64).sqrt();
                (0..WIDTH).map(|at| (state[at] - mean) / spread * weight[at] + bias[at]).collect()
            };
            states.into_iter().map(one).collect()
        };
        let sum = |a: &[Vec<f64>], b: &[Vec<f64>]| -> Vec<Vec<f64>> {
            a.iter().zip(b).map(|(a, b)| a.iter().zip(b).map(|(a, b)| a + b).collect()).collect()
        };
        let [words, places, segments] =
            ["word", "position", "token_type"].map(|name| get(&format!("embeddings.{name}_embeddings.weight")));
        let begin = pieces.iter().enumerate().map(|(place, piece)| {
            (0..WIDTH).map(|at| words[piece * WIDTH + at] + places[place * WIDTH + at] + segments[at]).collect()
        });
        let mut states = norm("embeddings.LayerNorm", begin.collect());
        for layer in 0..2 {
            let name = |part: &str| format!("encoder.layer.{layer}.{part}");
            let [query, key, value] =
                ["query", "key", "value"].map(|part| linear(&name(&format!("attention.self.{part}")), &states));
            let mut heard = vec![vec![0.0; WIDTH]; pieces.len()];
            for (head, to) in (0..2).flat_map(|head| (0..pieces.len()).map(move |to| (head, to))) {
                let part = head * WIDTH / 2..(head + 1) * WIDTH / 2;
                let score = |from: usize| part.clone().map(|at| query[to][at] * key[from][at]).sum::<f64>() / 2.0;
                let scores: Vec<f64> = (0..pieces.len()).map(|from| score(from).exp()).collect();
                let all: f64 = scores.iter().sum();
                for at in part.clone() {
                    heard[to][at] = (0..pieces.len()).map(|from| scores[from] / all * value[from][at]).sum();
                }
            }
            let attended = sum(&linear(&name("attention.output.dense"), &heard), &states);
            let attended = norm(&name("attention.output.LayerNorm"), attended);
            let mut inner = linear(&name("intermediate.dense"), &attended);
            inner.iter_mut().flatten().for_each(|x| *x *= normal(*x));
            states = norm(&name("output.LayerNorm"), sum(&linear(&name("output.dense"), &inner), &attended));
        }
        let pooled: Vec<f64> = (0..WIDTH).map(|at| states.iter().map(|state| state[at]).sum()).collect();
        let length = pooled.iter().map(|x| x * x).sum::<f64>().sqrt();
        pooled.into_iter().map(|x| x / length).collect()
    }
}

/// How much of a normal distribution is below `x`, by its series.
fn normal(x: f64) -> f64 {
    let (mut term, mut sum) = (x, x);
    for n in 1..60 {
        term *= x * x / f64::from(2 * n + 1);
        sum += term;
    }
    0.5 + sum * (-x * x / 2.0).exp() / std::f64::consts::TAU.sqrt()
}

fn alike(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[test]
fn what_it_computes_is_what_the_weights_say() {
    let tiny = Tiny::new();
    let model = tiny.open().unwrap();
    let (text, pieces) = ("Open an issues", [2, 4, 5, 6, 7, 3]);
    let vector = model.embed(&[text]).unwrap().remove(0);
    for (own, right) in vector.iter().zip(tiny.plainly(&pieces)) {
        assert!((f64::from(*own) - right).abs() < 1e-5, "{own} {right}");
    }
    assert!((alike(&vector, &vector) - 1.0).abs() < 1e-5);
    let others = ["weather", text, "", &"issue ".repeat(100)];
    let beside = model.embed(&others).unwrap();
    assert_eq!(beside.len(), 4);
    assert!(vector.iter().zip(&beside[1]).all(|(a, b)| (a - b).abs() < 1e-6), "texts beside it change nothing");
    assert!(beside[2].iter().all(|figure| *figure == 0.0), "nothing means nothing");
    assert!(model.embed(&[]).unwrap().is_empty());
}

#[test]
fn a_model_is_known_by_what_it_is_made_of() {
    let mut tiny = Tiny::new();
    let first = tiny.open().unwrap();
    assert_eq!(first.model(), tiny.open().unwrap().model());
    assert_eq!(first.dimension(), WIDTH);
    tiny.tensors.get_mut("embeddings.LayerNorm.bias").unwrap().1[0] += 1.0;
    assert_ne!(first.model(), tiny.open().unwrap().model());
}

#[test]
fn either_form_of_vocabulary_is_read() {
    let tiny = Tiny::new();
    let before = tiny.open().unwrap().embed(&["open issues"]).unwrap();
    fs::remove_file(&tiny.folder.path().join("vocab.txt")).unwrap();
    assert!(tiny.refused().contains("neither"));
    let vocab: BTreeMap<_, _> = PIECES.lines().zip(0..).collect();
    let json = |lower: bool| json!({"normalizer": {"lowercase": lower}, "model": {"vocab": vocab}}).to_string();
    tiny.write("tokenizer.json", json(true).as_bytes());
    assert_eq!(tiny.open().unwrap().embed(&["open issues"]).unwrap(), before);
    tiny.write("tokenizer.json", json(false).as_bytes());
    assert!(tiny.refused().contains("capital"));
}

#[test]
fn a_model_that_is_broken_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let error = MiniLmEmbedder::open(folder.path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.hints().next().is_some());
    let tiny = Tiny::new();
    let whole = tiny.weights();
    for end in [0, 7, 8, 100, whole.len() - 1] {
        tiny.write("model.safetensors", &whole[..end]);
        let error = MiniLmEmbedder::open(tiny.folder.path()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidConfig, "{end}: {error}");
    }
    let mut other = Tiny::new();
    other.add("encoder.layer.1.output.dense.weight", &[WIDTH, WIDTH]);
    assert!(other.refused().contains("encoder.layer.1.output.dense.weight"));
    other = Tiny::new();
    other.tensors.get_mut("embeddings.LayerNorm.bias").unwrap().1[0] = f32::NAN;
    assert!(other.refused().contains("no numbers"));
    other = Tiny::new();
    other.tensors.remove("embeddings.LayerNorm.bias");
    assert!(other.refused().contains("embeddings.LayerNorm.bias"));
    other = Tiny::new();
    other.write("config.json", br#"{"num_attention_heads": 3}"#);
    assert!(other.refused().contains("3 heads"));
    other.write("config.json", br#"{"num_attention_heads": 2, "hidden_act": "relu"}"#);
    assert!(other.refused().contains("another form"));
    other.write("config.json", b"{}");
    other.write("vocab.txt", format!("{PIECES}more\n").as_bytes());
    assert!(other.refused().contains("heads"), "8 figures are less than one head of the published model");
    other.write("config.json", br#"{"num_attention_heads": 2}"#);
    assert!(other.refused().contains("do not know"));
}

/// The published model, in the folder that the environment names.
fn published() -> Option<MiniLmEmbedder> {
    let Some(folder) = env_vars::get("MCP_GATEWAY_EMBEDDER").map(PathBuf::from) else {
        eprintln!("skipped: MCP_GATEWAY_EMBEDDER names no folder with all-MiniLM-L6-v2");
        return None;
    };
    Some(MiniLmEmbedder::open(&folder).unwrap())
}

#[test]
fn the_published_model_gives_its_published_vectors() {
    let Some(model) = published() else { return };
    assert_eq!(model.dimension(), 384);
    for (text, begin) in REFERENCE {
        let vector = model.embed(&[text]).unwrap().remove(0);
        let far = vector.iter().zip(begin).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(far < 1e-5, "{text}: {far}");
    }
    let texts = ["How old are you?", "What is your age?", "Deploys a container to a cluster"];
    let vectors = model.embed(&texts).unwrap();
    assert!(alike(&vectors[0], &vectors[1]) > 0.7);
    assert!(alike(&vectors[0], &vectors[2]) < 0.2);
    for nonsense in ["qzxv wvxq", "kdjfh skdjfh sdkfjh", "0 1 2", "zzzzzz"] {
        assert!(model.embed(&[nonsense]).unwrap()[0].iter().all(|figure| *figure == 0.0), "{nonsense}");
    }
}

/// Texts, and the first figures of their vectors by another implementation: candle with the tokenizer of Hugging Face.
const REFERENCE: [(&str, [f32; 6]); 3] = [
    ("This is an example sentence", [0.067657, 0.063496, 0.048713, 0.079305, 0.037448, 0.002653]),
    (
        "create_issue: Opens an issue in a GitHub repository.",
        [-0.028507, -0.093435, -0.105059, 0.062402, 0.013980, -0.098984],
    ),
    ("Qué tiempo hará mañana en Zürich? 天气 20°C", [0.055371, 0.114427, 0.006442, 0.033807, -0.033180, 0.004708]),
];
