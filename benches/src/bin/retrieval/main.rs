//! How well tools are found: query sets with what should come of them, and how long it takes.
//!
//! See docs/search.md for the files it reads and what the columns mean.
#![allow(clippy::disallowed_methods, clippy::print_stdout, clippy::print_stderr, reason = "a measuring program")]

mod baseline;
mod corpus;
mod figures;
mod meaning;
mod scale;
mod through;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::ExitCode;

use corpus::{Query, Tool};
use figures::Figures;

const USAGE: &str = "usage: retrieval QUERIES.jsonl --tools TOOLS.jsonl [--scale SIZE,SIZE] [--embedder FOLDER]";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let options = Options::read(std::env::args().skip(1))?;
    let tools: Vec<Tool> = lines(&options.tools)?.iter().map(|line| Tool::read(line)).collect::<Result<_, _>>()?;
    let queries: Vec<Query> =
        lines(&options.queries)?.iter().map(|line| Query::read(line)).collect::<Result<_, _>>()?;
    let sets: BTreeSet<&str> = queries.iter().map(|query| query.set.as_str()).collect();
    let model = options.embedder.as_deref().map(meaning::Model::open).transpose()?;
    println!("{}", Figures::HEAD);
    for set in sets {
        let tools: Vec<&Tool> = tools.iter().filter(|tool| tool.set == set).collect();
        let queries: Vec<&Query> = queries.iter().filter(|query| query.set == set).collect();
        let plain = baseline::Index::new(&tools);
        println!("{}", Figures::of(&queries, &tools, |text| plain.search(text)).row(set, "plain BM25"));
        let index = corpus::index(&tools);
        println!("{}", Figures::of(&queries, &tools, |text| corpus::search(&index, text)).row(set, "search"));
        if let Some(model) = &model {
            let alone = model.alone(&tools)?;
            println!("{}", Figures::of(&queries, &tools, |text| alone.search(text)).row(set, "meaning alone"));
            let (index, seconds) = model.index(&tools)?;
            let search = |text: &str| model.search(&index, text);
            println!("{}", Figures::of(&queries, &tools, search).row(set, "search with meaning"));
            eprintln!("{set}: the vectors of {} tools took {seconds:.1} s", tools.len());
        }
    }
    if !options.scale.is_empty() {
        println!("\n{}", scale::HEAD);
        for size in options.scale {
            println!("{}", scale::row(&tools, &queries, size, model.as_ref())?);
        }
    }
    Ok(())
}

struct Options {
    queries: String,
    tools: String,
    scale: Vec<usize>,
    embedder: Option<String>,
}

impl Options {
    fn read(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let (mut named, mut queries) = (BTreeMap::new(), None);
        while let Some(word) = words.next() {
            match word.strip_prefix("--") {
                Some(name @ ("tools" | "scale" | "embedder")) => {
                    named.insert(name.to_owned(), words.next().ok_or(USAGE)?);
                }
                None if queries.is_none() => queries = Some(word),
                _ => return Err(USAGE.to_owned()),
            }
        }
        let scale = named.get("scale").map_or("", String::as_str).split(',').filter(|size| !size.is_empty());
        Ok(Self {
            queries: queries.ok_or(USAGE)?,
            tools: named.get("tools").cloned().ok_or(USAGE)?,
            embedder: named.get("embedder").cloned(),
            scale: scale.map(|size| size.parse().map_err(|_| USAGE.to_owned())).collect::<Result<_, _>>()?,
        })
    }
}

fn lines(path: &str) -> Result<Vec<String>, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
    Ok(text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect())
}
