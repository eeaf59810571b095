//! The sources as text: where a file belongs and which paths into the crate it writes.

use std::path::{Path, PathBuf};

use mcp_gateway_core::util::fs;

/// A file of the core, without its comments and tests.
pub(crate) struct Source {
    /// Its place in the repository.
    pub(crate) name: String,
    /// The path of its folder's module, such as `runtime::docker`.
    pub(crate) folder: String,
    /// Whether it is that module itself.
    pub(crate) is_mod: bool,
    /// The path of its parent module.
    parent: String,
    /// Its text; lines keep their numbers.
    pub(crate) code: String,
}

impl Source {
    fn read(path: &Path, top: &Path) -> Self {
        let inside = path.strip_prefix(top).unwrap_or(path).with_extension("");
        let mut parts: Vec<_> = inside.iter().map(|part| part.to_string_lossy().into_owned()).collect();
        let stem = parts.pop().unwrap_or_default();
        let folder = parts.join("::");
        let is_mod = stem == "mod";
        let parent = if is_mod { parts[..parts.len() - 1].join("::") } else { folder.clone() };
        let mut text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}", error.report()));
        text.truncate(text.find("\n#[cfg(test)]\nmod tests {").unwrap_or(text.len()));
        let code = text.lines().map(|line| line.split("//").next().unwrap_or_default().to_owned() + "\n").collect();
        Self { name: short(path), folder, is_mod, parent, code }
    }

    pub(crate) fn room(&self) -> &str {
        self.folder.split("::").next().unwrap_or_default()
    }

    pub(crate) fn line(&self, at: usize) -> usize {
        self.code[..at].matches('\n').count() + 1
    }

    /// Every path into this crate, from its root, with the line that it begins on.
    pub(crate) fn paths(&self) -> Vec<(usize, String)> {
        let mut found = Vec::new();
        for start in ["crate::", "super::"] {
            for (at, _) in self.code.match_indices(start) {
                if self.code[..at].ends_with(|c| is_word(c) || c == ':' || c == '$') {
                    continue;
                }
                let mut rest = &self.code[at + start.len()..];
                let mut base = if start == "super::" { self.parent.as_str() } else { "" };
                while let Some(shorter) = rest.strip_prefix("super::") {
                    base = base.rsplit_once("::").map_or("", |(outer, _)| outer);
                    rest = shorter;
                }
                let base = if base.is_empty() { String::new() } else { format!("{base}::") };
                let mut paths = Vec::new();
                expand(rest, &base, &mut paths);
                found.extend(paths.into_iter().map(|path| (self.line(at), path)));
            }
        }
        found
    }
}

/// Adds every path of `a::{b, c::{d, e}}`.
fn expand(text: &str, base: &str, paths: &mut Vec<String>) {
    let text = text.trim_start();
    let end = text.find(|c| !is_word(c) && c != ':').unwrap_or(text.len());
    let path = format!("{base}{}", &text[..end]);
    let Some(group) = text[end..].strip_prefix('{').filter(|_| path.is_empty() || path.ends_with("::")) else {
        paths.push(path.trim_end_matches(':').to_owned());
        return;
    };
    let (mut depth, mut from) = (0, 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                expand(&group[from..at], &path, paths);
                from = at + 1;
                if c == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
}

/// The sources of the core's rooms, without files that hold only tests.
pub(crate) fn sources() -> Vec<Source> {
    let top = root().join("mcp-gateway-core/src");
    let is_test = |path: &PathBuf| path.file_stem().is_some_and(|stem| stem == "tests" || stem == "testing");
    let in_room = |path: &PathBuf| path.parent() != Some(&top);
    files(&top, &["rs"])
        .iter()
        .filter(|path| in_room(path) && !is_test(path))
        .map(|path| Source::read(path, &top))
        .collect()
}

/// The files of a folder and its folders that end in one of these; what was built or installed is left out.
pub(crate) fn files(folder: &Path, extensions: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in folder.read_dir().into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() && !path.ends_with("node_modules") && !path.ends_with("target") {
            found.extend(files(&path, extensions));
        } else if path.extension().is_some_and(|end| extensions.iter().any(|wanted| end == *wanted)) {
            found.push(path);
        }
    }
    found.sort();
    found
}

pub(crate) fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

pub(crate) fn short(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

pub(crate) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}
