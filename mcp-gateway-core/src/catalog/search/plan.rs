//! What of a query is looked up, and how much each part of it counts.

use std::collections::HashMap;

use super::analysis::{Word, is_filler, synonyms, words};
use super::weights::{FILLER, JOINED, SYNONYM, TYPO, VALUE};

/// The most words of a query that are looked up.
const MAX_CONCEPTS: usize = 64;
/// The most sentences that are ranked on their own; the words of later ones belong to the last.
const MAX_PARTS: usize = 8;

/// What is looked for.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) concepts: Vec<Concept>,
    /// Whether it has no word that says what is looked for.
    pub(super) is_filler: bool,
    pub(super) parts: usize,
}

/// One thing that is looked for, in any of several words.
#[derive(Debug)]
pub(super) struct Concept {
    pub(super) weight: f32,
    /// Each with what it counts; the first is what was said.
    pub(super) ways: Vec<Way>,
    /// The sentence that it stands in.
    pub(super) part: usize,
    pub(super) follows: bool,
}

/// Words that all have to be there.
#[derive(Debug, PartialEq)]
pub(super) struct Way {
    pub(super) stems: Vec<String>,
    pub(super) weight: f32,
}

impl Plan {
    pub(super) fn of(text: &str, lexicon: &dyn Lexicon) -> Self {
        let said = said(text);
        let is_filler = said.iter().all(|said| said.weight <= FILLER);
        let mut plan = Self { is_filler, ..Self::default() };
        let mut seen: HashMap<(usize, &str), usize> = HashMap::new();
        let mut before: Option<&Said> = None;
        for one in &said {
            let follows = before.is_some_and(|before| before.part == one.part && before.weight > FILLER);
            if one.weight <= FILLER && !is_filler {
                before = None;
                continue;
            }
            plan.parts = plan.parts.max(one.part + 1);
            if let Some(place) = seen.get(&(one.part, one.word.stem.as_str())) {
                plan.concepts[*place].weight = plan.concepts[*place].weight.max(one.weight);
                before = Some(one);
                continue;
            }
            if plan.concepts.len() == MAX_CONCEPTS {
                break;
            }
            let mut ways = ways(one, lexicon);
            if let (Some(before), true) = (before, follows) {
                let joined = Word::new(format!("{}{}", before.word.plain, one.word.plain)).stem;
                if lexicon.knows(&joined) {
                    ways.push(Way { stems: vec![joined], weight: JOINED });
                }
                let pair = format!("{} {}", before.word.stem, one.word.stem);
                ways.extend(synonyms(&pair).iter().map(|stems| Way { stems: stems.clone(), weight: JOINED }));
            }
            seen.insert((one.part, &one.word.stem), plan.concepts.len());
            plan.concepts.push(Concept { weight: one.weight, ways, part: one.part, follows });
            before = Some(one);
        }
        plan
    }

    /// What a text would score that has once every word of the longest sentence.
    pub(super) fn expected(&self, lexicon: &dyn Lexicon) -> f32 {
        let of_part = |part| {
            let own = self.concepts.iter().filter(|concept| concept.part == part);
            own.filter_map(|concept| Some(concept.weight * lexicon.rarity(concept.ways.first()?.stems.first()?))).sum()
        };
        (0..self.parts).map(of_part).fold(0.0, f32::max)
    }
}

/// The words that there are to be found.
pub(super) trait Lexicon {
    fn knows(&self, stem: &str) -> bool;
    /// The word that is most like one that there is not.
    fn nearest(&self, stem: &str) -> Option<String>;
    /// How rare a word is; 0 for one that there is not.
    fn rarity(&self, stem: &str) -> f32;
}

/// A word of a query.
struct Said {
    word: Word,
    weight: f32,
    part: usize,
    may_be_misspelt: bool,
}

fn ways(said: &Said, lexicon: &dyn Lexicon) -> Vec<Way> {
    let stem = &said.word.stem;
    let mut ways = vec![Way { stems: vec![stem.clone()], weight: 1.0 }];
    ways.extend(synonyms(stem).iter().map(|stems| Way { stems: stems.clone(), weight: SYNONYM }));
    if !lexicon.knows(stem) && said.may_be_misspelt {
        let plain = &said.word.plain;
        let halves = plain.char_indices().skip(3).filter_map(|(at, _)| {
            let halves = [Word::new(plain[..at].to_owned()).stem, Word::new(plain[at..].to_owned()).stem];
            (plain.len() - at >= 3 && halves.iter().all(|half| lexicon.knows(half))).then(|| halves.to_vec())
        });
        let halves: Vec<_> = halves.map(|stems| Way { stems, weight: JOINED }).collect();
        if halves.is_empty() {
            ways.extend(lexicon.nearest(stem).map(|stem| Way { stems: vec![stem], weight: TYPO }));
        }
        ways.extend(halves);
    }
    ways
}

/// The words of a query, in order, each with how much it counts.
fn said(text: &str) -> Vec<Said> {
    let mut said = Vec::new();
    let (mut part, mut in_part, mut quote) = (0, 0, None);
    for chunk in text.split_whitespace() {
        let opening = chunk.trim_start_matches(['(', '[', '{']).chars().next();
        if quote.is_none() {
            quote = opening.and_then(closing).filter(|_| chunk.chars().count() > 1);
        }
        let is_quoted = quote.is_some();
        let bare = chunk.trim_matches(|c: char| !c.is_alphanumeric());
        let is_address = bare.contains("://") || bare.contains('@');
        let is_code = bare.contains(|c: char| c.is_ascii_digit());
        let parts = words(chunk);
        let is_one = parts.len() == 1;
        for word in parts {
            let is_value = is_quoted || is_address || is_code;
            let weight = match () {
                () if is_filler(&word.plain) => FILLER,
                () if is_value => VALUE,
                () => 1.0,
            };
            in_part += usize::from(weight > FILLER);
            let may_be_misspelt = !is_value && is_one && word.plain.chars().count() >= 4;
            said.push(Said { word, weight, part, may_be_misspelt });
        }
        let tail = chunk.trim_end_matches(['.', ',', '?', '!', ';', ':', ')', ']', '}']);
        if quote.is_some_and(|quote| tail.ends_with(quote)) {
            quote = None;
        }
        let ends = chunk.ends_with(['.', '?', '!', ';', '。', '？', '！']);
        if ends && in_part > 0 && part + 1 < MAX_PARTS {
            (part, in_part, quote) = (part + 1, 0, None);
        }
    }
    said
}

fn closing(c: char) -> Option<char> {
    match c {
        '"' | '\'' | '`' => Some(c),
        '“' => Some('”'),
        '‘' => Some('’'),
        '«' => Some('»'),
        _ => None,
    }
}
