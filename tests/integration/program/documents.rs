//! The documents name only what is there: files, links, commits, and targets of `make`.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// The folders of the project that have documents, and those that documents name files of.
const DOCUMENTED: [&str; 5] = ["", "docs", "docs/contributing", "docs/decisions", "openapi"];
const NAMED: [&str; 7] = ["benches/", "docs/", "migration/", "openapi/", "src/", "static/", "tests/"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every document with its text.
fn documents() -> Vec<(PathBuf, String)> {
    let files = DOCUMENTED.into_iter().flat_map(|folder| fs::read_dir(root().join(folder)).expect("a folder"));
    let paths = files.map(|file| file.expect("a file").path());
    let documents = paths.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    documents.map(|path| (path.clone(), fs::read_to_string(path).expect("a text"))).collect()
}

/// The texts between `open` and `close`, on one line each.
fn between<'a>(text: &'a str, open: &'a str, close: &'a str) -> impl Iterator<Item = &'a str> {
    text.lines().flat_map(move |line| line.split(open).skip(1).filter_map(move |rest| Some(rest.split_once(close)?.0)))
}

#[test]
fn every_link_leads_somewhere() {
    let mut count = 0;
    for (path, text) in documents() {
        for link in between(&text, "](", ")").filter(|link| !link.starts_with("http")) {
            let file = link.split('#').next().expect("a first part");
            let folder = path.parent().expect("a folder");
            assert!(folder.join(file).exists(), "{}: there is no {link}", path.display());
            count += 1;
        }
    }
    assert!(count > 10, "links were found: {count}");
}

/// Everything in a text that may be a path, wherever it stands: in a sentence, a table or a command.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let is_of_path = |c: char| c.is_ascii_alphanumeric() || "_-./*{…".contains(c);
    text.split(move |c| !is_of_path(c))
        .map(|word| word.trim_end_matches('.'))
        .filter(|word| !word.contains(['*', '{', '…']))
}

#[test]
fn every_file_named_is_there() {
    let mut count = 0;
    for (path, text) in documents() {
        for word in words(&text) {
            // The tables of docs/architecture.md leave `src/` out.
            let is_source = Path::new(word).extension().is_some_and(|extension| extension == "rs");
            if NAMED.iter().any(|folder| word.starts_with(folder)) {
                assert!(root().join(word).exists(), "{}: there is no {word}", path.display());
            } else if is_source && word.contains('/') && !word.starts_with(['.', '/']) {
                assert!(root().join("src").join(word).exists(), "{}: there is no src/{word}", path.display());
            } else {
                continue;
            }
            count += 1;
        }
    }
    assert!(count > 200, "names were found: {count}");
}

/// The message of the commit that a page about contributing takes as its example.
fn examples() -> Vec<(PathBuf, String)> {
    let pages = documents().into_iter().filter(|(path, _)| path.parent() == Some(&root().join("docs/contributing")));
    pages
        .map(|(path, text)| (path, between(&text, "git log --grep \"", "\" -1").next().expect("a commit").to_owned()))
        .collect()
}

#[test]
fn each_page_about_contributing_walks_through_a_real_commit_and_is_linked() {
    let examples = examples();
    assert_eq!(examples.len(), 4, "{examples:?}");
    let has_history = Command::new("git").args(["rev-parse", "--is-shallow-repository"]).current_dir(root()).output();
    let has_history = has_history.is_ok_and(|answer| answer.stdout == b"false\n");
    for (path, words) in examples {
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name");
        for page in ["README.md", "docs/architecture.md", "CONTRIBUTING.md"] {
            let text = fs::read_to_string(root().join(page)).expect("a page");
            assert!(text.contains(&format!("contributing/{name}")), "{page} leads to {name}");
        }
        // What was unpacked from an archive has no commits.
        if has_history {
            let mut log = Command::new("git");
            let found =
                log.args(["log", "-1", "--format=%h", "--grep", &words]).current_dir(root()).output().expect("git");
            assert!(!found.stdout.is_empty(), "{name}: no commit says {words:?}");
        }
    }
}

#[test]
fn make_makes_what_is_said() {
    let makefile = fs::read_to_string(root().join("Makefile")).expect("a Makefile");
    let targets: BTreeSet<_> = makefile.lines().filter_map(|line| Some(line.split_once(": ##")?.0)).collect();
    let mut named = BTreeSet::new();
    for (path, text) in documents() {
        let lines = text.lines().filter_map(|line| line.strip_prefix("    make "));
        for target in lines.chain(between(&text, "`make ", "`")) {
            let target = target.split_whitespace().next().expect("a word").to_owned();
            assert!(targets.contains(target.as_str()), "{}: there is no make {target}", path.display());
            named.insert(target);
        }
    }
    assert!(named.len() > 5, "targets were found: {named:?}");
}

#[test]
fn make_alone_lists_what_there_is() {
    let listed = Command::new("make").arg("--no-print-directory").current_dir(root()).output().expect("make runs");
    let text = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert!(listed.status.success(), "{text}");
    for target in ["run", "test", "check", "bench", "help"] {
        assert!(text.lines().any(|line| line.trim_start().starts_with(&format!("make {target} "))), "{target}: {text}");
    }
}

#[test]
fn continuous_integration_runs_make_test_and_nothing_else() {
    let script = fs::read_to_string(root().join(".ci/run")).expect("a script");
    let is_done = |line: &&str| !line.starts_with('#') && !line.starts_with("set ") && !line.starts_with("cd ");
    assert_eq!(script.lines().filter(is_done).collect::<Vec<_>>(), ["exec make test"]);
}

#[test]
fn the_example_in_python_installs_what_it_imports() {
    let example = fs::read_to_string(root().join("openapi/examples/follow.py")).expect("an example");
    let install = between(&example, "pip install ", " &&").next().expect("a line that installs");
    let installed: BTreeSet<_> = install.split(' ').map(|name| name.replace('-', "_")).collect();
    let modules =
        example.lines().filter_map(|line| line.strip_prefix("import ").or_else(|| line.strip_prefix("from ")));
    let modules = modules.map(|rest| rest.split(' ').next().expect("a module").to_owned());
    // Python's own.
    let others: BTreeSet<_> = modules.filter(|module| !["sys", "time"].contains(&module.as_str())).collect();
    assert_eq!(others, installed);
}

/// Sentences that keep people from what others ran into.
const SAID: [(&str, &[&str]); 2] = [
    (
        "README.md",
        &[
            "--data-urlencode keeps & and + and % as they are",
            "Those with `-N` follow a stream, which has no end",
            "By default there is no login",
            "Give your client a longer timeout.",
            "it repeats refusals",
        ],
    ),
    ("docs/operating.md", &["Mount the folder", "a path prefix (`https://example.org/chat/`) isn't supported"]),
];

#[test]
fn what_others_ran_into_is_said_where_they_look() {
    for (file, sentences) in SAID {
        let text = fs::read_to_string(root().join(file)).expect("a document");
        for sentence in sentences {
            assert!(text.contains(sentence), "{file} no longer says: {sentence}");
        }
    }
}
