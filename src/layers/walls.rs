//! The walls: each layer uses only what stands below it, and no file is in a circle.

use std::collections::{BTreeMap, BTreeSet};

use super::sources::{Source, sources};

/// Each may use only what stands before it.
const LAYERS: [&str; 10] = ["domain", "store", "identity", "hub", "journal", "chat", "app", "http", "server", "cli"];
/// May be used by all.
const LEAVES: [&str; 7] = ["config", "clock", "connections", "limits", "telemetry", "shutdown", "unsent"];
/// These may use nothing else, leaves aside.
const NARROW: [(&str, &[&str]); 1] = [("http", &["app", "chat", "domain"])];
/// Which crates may be named where only.
const FENCED: [(&str, &[&str]); 4] =
    [("axum", &["http", "server"]), ("hyper", &["http", "server"]), ("sea_orm", &["store"]), ("migration", &["store"])];

#[test]
fn every_layer_uses_only_what_stands_below_it() {
    let mut uses = 0;
    for source in sources() {
        let own = source.layer();
        // The entries wire everything.
        if matches!(own, "lib" | "main") {
            continue;
        }
        let shown = source.path.display();
        let place = LAYERS.iter().position(|layer| *layer == own);
        let named = source.named();
        for used in named.iter().filter_map(|path| path.first()) {
            uses += 1;
            if used == own || LEAVES.contains(&used.as_str()) {
                continue;
            }
            let used_place = LAYERS.iter().position(|layer| layer == used);
            assert!(used_place.is_some(), "{shown}: `{used}` is no layer");
            // A leaf may use only the domain, which uses nothing.
            let limit = place.unwrap_or(1);
            assert!(used_place.unwrap() < limit, "{shown}: `{own}` may not use `{used}`");
            for (narrow, allowed) in NARROW {
                assert!(narrow != own || allowed.contains(&used.as_str()), "{shown}: `{own}` may not use `{used}`");
            }
        }
        let code: Vec<_> = source.text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        let code = code.join("\n");
        for (fenced, allowed) in FENCED {
            let names = code.contains(&format!("{fenced}::")) || code.contains(&format!("use {fenced}"));
            assert!(!names || allowed.contains(&own), "{shown}: `{own}` may not name `{fenced}`");
        }
        assert!(!code.contains("env::var") || own == "config", "{shown}: only `config` reads the environment");
    }
    assert!(uses > 500, "the paths were found: {uses}");
}

#[test]
fn no_file_is_in_a_circle() {
    let sources = sources();
    let files: BTreeMap<&[String], usize> = (0..).zip(&sources).map(|(at, source)| (&*source.module, at)).collect();
    // The file that a path leads into: that of its longest part that is a module.
    let file = |path: &[String]| (1..=path.len()).rev().find_map(|length| files.get(&path[..length]).copied());
    // What a file has of the module that it is a part of ties nothing: the two are one thing in several files.
    let arrows = |source: &Source| -> BTreeSet<usize> {
        let found = source.named();
        let to = found.iter().filter_map(|path| file(path));
        to.filter(|to| !source.module.starts_with(&sources[*to].module)).collect()
    };
    let arrows: Vec<_> = sources.iter().map(arrows).collect();
    assert!(arrows.iter().map(BTreeSet::len).sum::<usize>() > 500, "the arrows were found");
    let reached = |from: usize| {
        let (mut reached, mut left) = (BTreeSet::new(), vec![from]);
        while let Some(at) = left.pop() {
            left.extend(arrows[at].iter().filter(|to| reached.insert(**to)));
        }
        reached
    };
    let reached: Vec<_> = (0..sources.len()).map(reached).collect();
    let path = |at: usize| sources[at].path.display().to_string();
    let mut circles = BTreeSet::new();
    for at in (0..sources.len()).filter(|at| reached[*at].contains(at)) {
        let within: Vec<_> = reached[at].iter().copied().filter(|other| reached[*other].contains(&at)).collect();
        let shown = within.iter().map(|from| {
            let to: Vec<_> = arrows[*from].iter().filter(|to| within.contains(to)).map(|to| path(*to)).collect();
            format!("{} -> {}", path(*from), to.join(", "))
        });
        circles.insert(shown.collect::<Vec<_>>().join("\n"));
    }
    let circles: Vec<_> = circles.into_iter().collect();
    assert!(circles.is_empty(), "{} circles:\n{}", circles.len(), circles.join("\n\n"));
}
