//! Words that are like others.

/// The most letters in which a misspelt word may differ.
fn allowed(length: usize) -> usize {
    match length {
        0..=3 => 0,
        4..=7 => 1,
        _ => 2,
    }
}

/// The word that is most like another; of several, the first by alphabet.
///
/// The first letter has to be right: it nearly always is, and few words are compared in full.
pub(super) fn nearest<'a>(word: &str, among: impl Iterator<Item = &'a str>) -> Option<String> {
    let length = word.chars().count();
    let (allowed, letters, first) = (allowed(length), letters(word), word.chars().next()?);
    if allowed == 0 {
        return None;
    }
    let mut best: Option<(usize, &str)> = None;
    for other in among {
        let may_be = other.len().abs_diff(word.len()) <= 4 * allowed
            && other.starts_with(first)
            && (letters ^ self::letters(other)).count_ones() as usize <= 2 * allowed;
        if !may_be || other.chars().count() < 3 {
            continue;
        }
        let distance = strsim::osa_distance(word, other);
        if distance <= allowed && best.is_none_or(|best| (distance, other) < best) {
            best = Some((distance, other));
        }
    }
    best.map(|(_, word)| word.to_owned())
}

/// Which letters a word has, a bit for each.
fn letters(word: &str) -> u64 {
    word.chars().fold(0, |letters, c| letters | 1 << (u32::from(c) % 64))
}
