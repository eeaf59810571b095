//! Which servers and tools are the best: from what texts score to what is given.

use std::sync::Arc;

use super::fuse::{self, Named, fuse};
use super::plan::{Lexicon, Plan};
use super::query::MAX_LIMIT;
use super::score::{Scored, score};
use super::typo::nearest;
use super::{Match, SearchIndex, SearchQuery, SearchResult, Server, ToolMatch, categories};

/// The most tools of a server that are given.
const MAX_TOOLS: usize = 10;
/// How many of the best texts are looked at for words that stand side by side, and how much that counts.
const PAIRED: usize = 64;
const PAIR: f32 = 0.3;
/// How much a tool gains by what its server says of itself.
const CONTEXT: f32 = 0.3;
/// How much the best tools of a server count for it, beside what it says of itself.
const BEST_TOOLS: [f32; 3] = [1.0, 0.2, 0.1];
/// What scores less than this part of the best is left out.
const RELATIVE: f32 = 0.12;
/// Nothing fits where the best scores less than this part of what a good fit would.
const ABSOLUTE: f32 = 0.12;

/// A server that came into question: where it is, and what it scores.
struct Candidate {
    place: usize,
    score: f32,
}

pub(super) fn search(index: &SearchIndex, query: &SearchQuery) -> SearchResult {
    let plan = Plan::of(query.bounded(), index);
    if plan.is_filler {
        return by_name(index, query);
    }
    let mut heads = score(&index.heads, &plan);
    let mut tools = score(&index.tools, &plan);
    pair(&index.heads, &mut heads);
    pair(&index.tools, &mut tools);
    let expected = plan.expected(index);
    let mut candidates = candidates_of(index, &heads, &tools, expected);
    let near = index.meanings.as_ref().and_then(|meanings| meanings.near(&query.meaning));
    let near = near.filter(|near| near.is_enough || !candidates.is_empty());
    let mut named = None;
    if let Some(near) = near {
        fuse(
            &mut heads.scores,
            expected,
            near.heads.iter().zip(&index.head_of).map(|(near, place)| {
                let has_tools = index.servers[*place].as_ref().is_some_and(|server| !server.tools.is_empty());
                near * if has_tools { fuse::HEAD } else { fuse::TOOL }
            }),
        );
        fuse(&mut tools.scores, expected, near.tools.iter().map(|near| near * fuse::TOOL));
        candidates = candidates_of(index, &heads, &tools, 1.0);
        named = Some(Named::of(query.bounded()));
    }
    let mut asked: Vec<Candidate> = candidates
        .iter()
        .filter(|candidate| index.servers[candidate.place].as_ref().is_some_and(|server| is_asked_for(server, query)))
        .map(|candidate| Candidate { ..*candidate })
        .collect();
    let best = asked.iter().map(|candidate| candidate.score).fold(0.0, f32::max);
    if let Some(named) = &named {
        let is_named = |candidate: &&mut Candidate| {
            index.servers[candidate.place].as_ref().is_some_and(|server| named.is_in(server, &tools.scores))
        };
        asked.iter_mut().filter(is_named).for_each(|candidate| candidate.score += best);
    }
    let better = |a: &Candidate, b: &Candidate| {
        b.score.total_cmp(&a.score).then_with(|| index.name(a.place).cmp(&index.name(b.place)))
    };
    let limit = query.limit.min(MAX_LIMIT);
    if limit > 0 && asked.len() > limit {
        asked.select_nth_unstable_by(limit - 1, better);
    }
    asked.truncate(limit);
    asked.sort_unstable_by(better);
    let matches: Vec<Match> = asked
        .iter()
        .take_while(|candidate| candidate.score >= best * RELATIVE)
        .filter_map(|candidate| {
            let server = index.servers[candidate.place].as_ref()?;
            let first = named.as_ref().map(|named| (named, best));
            let tools = best_tools(server, heads.scores[server.head as usize], &tools, first);
            Some(Match { entry: Arc::clone(&server.entry), score: candidate.score.into(), tools })
        })
        .collect();
    let categories = if matches.is_empty() {
        categories::near(index, candidates.iter().map(|c| (c.place, c.score)))
    } else {
        Vec::new()
    };
    SearchResult { matches, categories }
}

/// Every server that has to do with the query, and what it scores.
fn candidates_of(index: &SearchIndex, heads: &Scored, tools: &Scored, expected: f32) -> Vec<Candidate> {
    let mut best = vec![[0.0_f32; BEST_TOOLS.len()]; index.servers.len()];
    for (score, (place, _)) in tools.scores.iter().zip(&index.tool_of).filter(|(score, _)| **score > 0.0) {
        let mut score = *score;
        for kept in &mut best[*place] {
            if score > *kept {
                std::mem::swap(&mut score, kept);
            }
        }
    }
    for (score, place) in heads.scores.iter().zip(&index.head_of) {
        let own: f32 = best[*place].iter().zip(BEST_TOOLS).map(|(score, counts)| score * counts).sum();
        best[*place][0] = own + score;
    }
    let scored = best.into_iter().enumerate().map(|(place, [score, ..])| Candidate { place, score });
    scored.filter(|candidate| candidate.score > 0.0 && candidate.score >= expected * ABSOLUTE).collect()
}

/// The best tools of a server; those that were asked for by name are first, by so much more than they score.
fn best_tools(server: &Server, head: f32, tools: &Scored, first: Option<(&Named, f32)>) -> Vec<ToolMatch> {
    let scored = server.tools.iter().map(|tool| (tools.scores[tool.doc as usize], tool));
    let mut scored: Vec<_> = scored.filter(|(score, _)| *score > 0.0).collect();
    let least = scored.iter().map(|(score, _)| *score).fold(0.0, f32::max) * RELATIVE;
    if let Some((named, more)) = first {
        let asked = scored.iter_mut().filter(|(_, tool)| named.is(&tool.name));
        asked.for_each(|(score, _)| *score += more);
    }
    scored.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    let kept = scored.into_iter().take(MAX_TOOLS).take_while(|(score, _)| *score >= least);
    kept.map(|(score, tool)| ToolMatch {
        name: tool.name.clone(),
        score: (score + CONTEXT * head).into(),
        description: tool.description.clone(),
    })
    .collect()
}

/// Lets the best texts gain by words that stand side by side in them as they do in the query.
fn pair(index: &super::Inverted, scored: &mut Scored) {
    if scored.pairs.is_empty() {
        return;
    }
    let mut best: Vec<(usize, f32)> =
        scored.scores.iter().copied().enumerate().filter(|(_, score)| *score > 0.0).collect();
    if best.len() > PAIRED {
        // What scores alike is all looked at, or none of it: which would hang on the order in which it came.
        best.select_nth_unstable_by(PAIRED, |(_, a), (_, b)| b.total_cmp(a));
        let least = best[PAIRED].1;
        best.truncate(PAIRED);
        best.retain(|(_, score)| *score > least);
    }
    for (doc, _) in best {
        scored.scores[doc] += PAIR * index.pairs(doc as u32, &scored.pairs);
    }
}

/// A query of words that say nothing finds only servers that are called so.
fn by_name(index: &SearchIndex, query: &SearchQuery) -> SearchResult {
    let named = query.bounded().split_whitespace().find_map(|word| {
        let server = index.places.iter().find(|(name, _)| name.as_str().eq_ignore_ascii_case(word));
        server.and_then(|(_, place)| index.servers[*place].as_ref()).filter(|server| is_asked_for(server, query))
    });
    match named.filter(|_| query.limit > 0) {
        Some(server) => SearchResult {
            matches: vec![Match { entry: Arc::clone(&server.entry), score: 1.0, tools: Vec::new() }],
            categories: Vec::new(),
        },
        None => SearchResult { matches: Vec::new(), categories: categories::near(index, std::iter::empty()) },
    }
}

fn is_asked_for(server: &Server, query: &SearchQuery) -> bool {
    let is = |asked: &Option<String>, own: Option<&str>| {
        asked.as_deref().is_none_or(|asked| own.is_some_and(|own| own.to_lowercase() == asked.to_lowercase()))
    };
    is(&query.category, categories::of(&server.entry)) && is(&query.source, server.entry.source.as_deref())
}

impl SearchIndex {
    fn name(&self, place: usize) -> Option<&str> {
        self.servers[place].as_ref().map(|server| server.entry.name.as_str())
    }
}

impl Lexicon for SearchIndex {
    fn knows(&self, stem: &str) -> bool {
        self.heads.known(stem).is_some() || self.tools.known(stem).is_some()
    }

    fn nearest(&self, stem: &str) -> Option<String> {
        nearest(stem, self.heads.known_words().chain(self.tools.known_words()))
    }

    fn rarity(&self, stem: &str) -> f32 {
        let of = |index: &super::Inverted| index.known(stem).map_or(0.0, |term| index.rarity(term));
        of(&self.tools).max(of(&self.heads))
    }
}
