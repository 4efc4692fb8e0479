//! Holds the walls between the layers: reads the `use` lines of every source file.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Each may use only what stands before it.
const LAYERS: [&str; 9] = ["domain", "store", "hub", "journal", "chat", "app", "http", "server", "cli"];
/// May be used by all.
const LEAVES: [&str; 4] = ["config", "clock", "telemetry", "shutdown"];
/// Which crates may be named where only.
const FENCED: [(&str, &[&str]); 4] =
    [("axum", &["http", "server"]), ("hyper", &["http", "server"]), ("sea_orm", &["store"]), ("migration", &["store"])];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The layer of a file: the first part of its path, without `.rs`.
fn layer(root: &Path, path: &Path) -> String {
    let first = path.strip_prefix(root).unwrap().components().next().unwrap();
    first.as_os_str().to_str().unwrap().trim_end_matches(".rs").to_owned()
}

/// Every module of this crate that a text names after `crate::`, also within braces.
fn crate_modules(text: &str) -> Vec<String> {
    let mut named = Vec::new();
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at + "crate::".len()..];
        if let Some(list) = rest.strip_prefix('{') {
            let mut depth = 0;
            let mut word = String::new();
            let mut words = Vec::new();
            for c in list.chars() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => words.push(std::mem::take(&mut word)),
                    c if depth == 0 => word.push(c),
                    _ => {}
                }
            }
            words.push(word);
            named.extend(words.iter().map(|word| word.trim().split("::").next().unwrap().to_owned()));
        } else {
            named.push(rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap().to_owned());
        }
    }
    named.retain(|name| !name.is_empty());
    named
}

#[test]
fn every_layer_uses_only_what_stands_before_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    assert!(files.len() > 30, "the sources were found");
    let mut uses = 0;
    for path in files {
        let own = layer(&root, &path);
        // The entries wire everything, and a test may stand on the whole of it.
        if matches!(own.as_str(), "lib" | "main" | "layers")
            || path.components().any(|part| part.as_os_str() == "tests")
            || path.ends_with("tests.rs")
        {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let code: String =
            text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
        let place = LAYERS.iter().position(|layer| *layer == own);
        for used in crate_modules(&code) {
            uses += 1;
            if used == own || LEAVES.contains(&used.as_str()) {
                continue;
            }
            let used_place = LAYERS.iter().position(|layer| *layer == used);
            assert!(used_place.is_some(), "{}: `{used}` is no layer", path.display());
            // A leaf may use only the domain, which uses nothing.
            let limit = place.unwrap_or(1);
            assert!(used_place.unwrap() < limit, "{}: `{own}` may not use `{used}`", path.display());
        }
        for (fenced, allowed) in FENCED {
            let names = code.contains(&format!("{fenced}::")) || code.contains(&format!("use {fenced}"));
            assert!(!names || allowed.contains(&own.as_str()), "{}: `{own}` may not name `{fenced}`", path.display());
        }
        let reads = code.contains("env::var");
        assert!(!reads || own == "config", "{}: only `config` reads the environment", path.display());
    }
    assert!(uses > 50, "the `use` lines were found");
}
