//! The sources as texts: how long a file is.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The most lines of a source file: one purpose has room in that many.
const MAX_LINES: usize = 400;
/// The folders that hold sources, and the files beside them.
const PLACES: [&str; 7] = ["benches", "build.rs", "migration", "openapi", "src", "static", "tests"];
/// The extensions of sources.
const SOURCES: [&str; 7] = ["css", "html", "js", "py", "rs", "sh", "ts"];

/// Every source of the project, with its text. Dependencies of the pages and what is built are none.
fn texts() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut open: Vec<_> = PLACES.iter().map(|place| root.join(place)).collect();
    let mut found = Vec::new();
    while let Some(path) = open.pop() {
        let name = path.file_name().unwrap().to_str().unwrap();
        if name.starts_with('.') || ["node_modules", "target", "__pycache__"].contains(&name) {
            continue;
        }
        if path.is_dir() {
            open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|extension| SOURCES.iter().any(|known| extension == *known)) {
            let text = fs::read_to_string(&path).unwrap();
            found.push((path.strip_prefix(root).unwrap().to_owned(), text));
        }
    }
    assert!(found.len() > 350, "the sources were found: {}", found.len());
    found.sort();
    found
}

#[test]
fn no_source_is_longer_than_one_purpose_needs() {
    let long = texts().into_iter().map(|(path, text)| (text.lines().count(), path));
    let long: Vec<_> = long.filter(|(lines, _)| *lines > MAX_LINES).collect();
    assert!(long.is_empty(), "more than {MAX_LINES} lines: {long:?}");
}
