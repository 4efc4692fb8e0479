//! `docs/permissions.md` says what the policy's table says.

use std::{fmt::Write as _, fs};

use crate::domain::{
    policy::{Act, Level, Rule, SessionNeeded, Whose},
    rights::Right,
};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn level(act: Act) -> &'static str {
    match act.rule().session {
        SessionNeeded::None => {}
        SessionNeeded::Any => return "who has signed in",
        SessionNeeded::ByPassword => return "who has signed in with a password",
        SessionNeeded::ByPasswordOrWholeKey => {
            return "admins who have signed in with a password, or come with an API key that nothing narrows";
        }
    }
    if matches!(act, Act::Register | Act::SignIn) {
        return "anybody on a page of this server, as `--accounts` has it";
    }
    if act.rule().right == Right::Admin {
        return "admins";
    }
    match act.rule().level {
        Level::Reader | Level::Member if !act.is_in_a_room() => "every user",
        Level::Guest => "anybody, also without a credential (`--guests on`)",
        Level::Reader => "members, readers too; in a public room every user",
        Level::Member => "members; in a public room every user who is no reader",
        Level::Moderator => "moderators",
        Level::Owner => "owners",
    }
}

fn whose(rule: Rule) -> &'static str {
    match rule.whose {
        Whose::Nobody | Whose::Own | Whose::LowerRole => "",
        Whose::Author => "the author; of others moderators",
        Whose::AuthorWithinWindow => "the author, within `--edit-window`",
    }
}

/// The document, made from the table.
fn document() -> String {
    let mut text = String::from(
        "# Permissions\n\nMade from the table in `src/domain/policy.rs`, which decides with `--auth required`; a test compares \
         the two.\nIn open mode everybody may do all of it under any name, except for editing and deleting others' messages.\n\
         Owners may what moderators may. Admins are owners of public rooms, and of those without an owner who is not \
         disabled. Other private rooms they see once they have added themselves, which is an event there; direct messages \
         never. Where admins are owners only admins ban or mute them, and a ban does not bind who comes with the right \
         `admin`. One who is banned from another private room ends that by adding themselves.\n\
         A reader of a public room who leaves it may post there as every user may: mute who is to be silent.\n\
         Guests have the right `read`.\nA room that somebody may not know of is answered as one that is \
         not there. Who is banned from a room may do nothing there.\n\n\
         | to | right of the credential | who | of a message | muted |\n| --- | --- | --- | --- | --- |\n",
    );
    for act in Act::ALL {
        let rule = act.rule();
        let muted = if rule.is_for_the_unmuted { "no" } else { "" };
        let of_others =
            rule.right_of_others.map_or_else(String::new, |right| format!(", of others `{}`", right.word()));
        let right = format!("`{}`{of_others}", rule.right.word());
        let row = (act.words(), right, level(act), whose(rule), muted);
        writeln!(text, "| {} | {} | {} | {} | {} |", row.0, row.1, row.2, row.3, row.4).unwrap();
    }
    text.replace(" |  |", " | |").replace(" |  |", " | |")
}

#[test]
fn the_document_is_made_from_the_table() {
    let made = document();
    let path = format!("{ROOT}/docs/permissions.md");
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(written == made, "docs/permissions.md has to be:\n{made}");
}
