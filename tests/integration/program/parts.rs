//! `make test` says how long each part took, whatever becomes of it; and its parts are all there are.

use std::{fs, process::Command};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The status of parts that are run in a folder of their own with this Makefile, and the table at the end.
fn run(makefile: &str, parts: &[&str]) -> (Option<i32>, Vec<Vec<String>>) {
    let dir = tempfile::tempdir().expect("a directory");
    fs::write(dir.path().join("Makefile"), makefile).expect("a Makefile is written");
    let mut command = Command::new(format!("{ROOT}/tests/parts.sh"));
    // This test may run under `make` itself.
    command.args(parts).current_dir(dir.path()).env_remove("MAKE").env_remove("MAKEFLAGS").env_remove("MAKELEVEL");
    let output = command.output().expect("a shell");
    let text = String::from_utf8(output.stdout).expect("text");
    let (_, table) = text.rsplit_once("\n\n").expect("a table");
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect();
    (output.status.code(), table.lines().map(words).collect())
}

const MAKEFILE: &str = "fast:\n\t@true\nslow:\n\t@sleep 1\nbad:\n\t@false\n";

fn seconds(time: &str) -> u64 {
    let (minutes, seconds) = time.split_once(':').expect("minutes and seconds");
    60 * minutes.parse::<u64>().expect("minutes") + seconds.parse::<u64>().expect("seconds")
}

#[test]
fn each_part_has_a_row_with_its_time() {
    let (status, table) = run(MAKEFILE, &["fast", "slow"]);
    assert_eq!(status, Some(0), "{table:?}");
    let [fast, slow, all] = &table[..] else { panic!("{table:?}") };
    assert_eq!(
        (&fast[0], &fast[2], &slow[0], &slow[2]),
        (&"fast".into(), &"passed".into(), &"slow".into(), &"passed".into())
    );
    assert!(seconds(&slow[1]) >= 1, "{table:?}");
    assert_eq!(seconds(&all[1]), seconds(&fast[1]) + seconds(&slow[1]), "{table:?}");
    assert_eq!(all[2..].join(" "), "all passed");
}

#[test]
fn a_part_that_fails_ends_it_and_the_table_comes_all_the_same() {
    let (status, table) = run(MAKEFILE, &["fast", "bad", "slow"]);
    assert_ne!(status, Some(0), "{table:?}");
    let results: Vec<_> = table.iter().map(|row| (row[0].as_str(), row[1..].join(" "))).collect();
    assert!(results[0].1.ends_with("passed") && results[1].1.ends_with("failed"), "{results:?}");
    assert_eq!(results[2], ("slow", "not run".to_owned()));
    assert!(results[3].0 == "all" && results[3].1.ends_with("bad failed"), "{results:?}");
}

/// The document has a row for each part that `make test` has, in the same order.
#[test]
fn the_document_names_every_part() {
    let makefile = fs::read_to_string(format!("{ROOT}/Makefile")).expect("a Makefile");
    let (_, test) = makefile.split_once("\ntest: ##").expect("a target");
    let (_, parts) = test.split_once("tests/parts.sh ").expect("parts");
    let parts: Vec<_> = parts.lines().next().expect("a line").split(' ').collect();
    let document = fs::read_to_string(format!("{ROOT}/docs/testing.md")).expect("a text");
    let rows = document.lines().filter_map(|line| line.strip_prefix("| `make ")?.split('`').next());
    assert_eq!(rows.collect::<Vec<_>>(), parts);
}

#[test]
fn each_test_that_sleeps_is_in_the_document_with_its_reason() {
    let document = fs::read_to_string(format!("{ROOT}/docs/testing.md")).expect("a text");
    let mut folders = vec![format!("{ROOT}/tests/integration").into()];
    let mut count = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir::<std::path::PathBuf>(folder).expect("a folder") {
            let path = entry.expect("a file").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = fs::read_to_string(&path).expect("a text");
            // Put together, or this test would find itself.
            if text.contains(concat!("sle", "ep(")) {
                let name = path.strip_prefix(ROOT).expect("a file of the project").display().to_string();
                assert!(document.contains(&format!("`{name}`")), "{name} sleeps, and docs/testing.md doesn't say why");
                count += 1;
            }
        }
    }
    assert!(count > 3, "they were found");
}
