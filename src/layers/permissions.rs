//! `docs/permissions.md` says what the policy's table says.

use std::{fmt::Write as _, fs};

use crate::domain::policy::{Act, Level, Rule, Whose};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn level(level: Level) -> &'static str {
    match level {
        Level::Guest => "anybody, also without a credential (`--guests on`)",
        Level::Member => "every user",
        Level::Moderator => "admins",
    }
}

fn whose(rule: Rule) -> &'static str {
    match rule.whose {
        Whose::Nobody | Whose::Own => "",
        Whose::Author => "the author; admins with the right `moderate`",
        Whose::AuthorWithinWindow => "the author, within `--edit-window`",
    }
}

/// The document, made from the table.
fn document() -> String {
    let mut text = String::from(
        "# Permissions\n\nMade from the table in `src/domain/policy.rs`, which decides with `--auth required`; a test compares \
         the two.\nIn open mode everybody may do all of it under any name, except for editing and deleting others' messages.\n\n\
         | to | right of the credential | who | of a message |\n| --- | --- | --- | --- |\n",
    );
    for act in Act::ALL {
        let rule = act.rule();
        let row = (act.words(), rule.right.word(), level(rule.level), whose(rule));
        writeln!(text, "| {} | `{}` | {} | {} |", row.0, row.1, row.2, row.3).unwrap();
    }
    text.replace(" |  |", " | |")
}

#[test]
fn the_document_is_made_from_the_table() {
    let made = document();
    let path = format!("{ROOT}/docs/permissions.md");
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(written == made, "docs/permissions.md has to be:\n{made}");
}
