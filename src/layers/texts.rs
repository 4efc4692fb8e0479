//! The sources as texts: how long a file is, and how a doc comment opens.

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
/// Words that ask. A doc comment names its thing first.
const ASKING: [&str; 9] = ["What", "Who", "Whom", "Whose", "How", "Whether", "Where", "When", "Why"];

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

/// The text of a line that is part of a doc comment: of Rust, or of `JSDoc`.
fn documented<'a>(line: &'a str, extension: &str) -> Option<&'a str> {
    let line = line.trim_start();
    let marks: &[&str] = if extension == "rs" { &["///", "//!"] } else { &["/**", "*"] };
    marks.iter().find_map(|mark| line.strip_prefix(mark)).map(|text| text.trim_end_matches("*/").trim())
}

/// The numbers of the lines in which a doc comment opens with a word that asks.
fn asking<'a>(text: &'a str, extension: &'a str) -> impl Iterator<Item = usize> + 'a {
    let mut is_inside = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        let text = documented(line, extension).filter(|text| !text.is_empty());
        // A blank line of a comment ends a paragraph, and what follows opens one.
        let opens = !is_inside;
        is_inside = text.is_some() && !line.trim_end().ends_with("*/");
        let first = text?.split(|c: char| !c.is_alphabetic()).next()?;
        (opens && ASKING.contains(&first)).then_some(index + 1)
    })
}

#[test]
fn a_doc_comment_names_its_thing_first() {
    let mut asked = Vec::new();
    for (path, text) in texts() {
        let extension = path.extension().unwrap().to_str().unwrap().to_owned();
        asked.extend(asking(&text, &extension).map(|line| format!("{}:{line}", path.display())));
    }
    assert!(asked.is_empty(), "these open with a word that asks:\n{}", asked.join("\n"));
}

#[test]
fn a_comment_that_asks_is_found_where_it_opens() {
    let rust = "//! What it is.\n//! How it goes on.\n//!\n//! Whether it opens.\n/// Whatever.\n// What is no doc.\n";
    assert_eq!(asking(rust, "rs").collect::<Vec<_>>(), [1, 4]);
    let script =
        "/** Who it is. */\n/**\n * Where it opens.\n * When it goes on.\n */\nconst a = 1;\n/** Text. */\n/** Why. */";
    assert_eq!(asking(script, "js").collect::<Vec<_>>(), [1, 3, 8]);
}
