//! The pages compare names as the server does: the table they have is made from the server's own rule.

use std::{
    env,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use parlor::domain::name::Username;
use unicode_normalization::is_nfc;

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("static/shared/folded.js")
}

/// A row of the table: every `step`th character from `first` to `last` becomes `to`.
struct Row {
    first: u32,
    last: u32,
    step: u32,
    to: To,
}

#[derive(PartialEq)]
enum To {
    Character(i64),
    Text(String),
}

/// The fold of a character within a name, if that is not itself. None for one that no name has.
fn folded(char: char) -> Option<String> {
    let name = format!("-{char}-");
    // Names are composed first: what that changes is never folded.
    let key = Username::parse(&name).ok().filter(|_| is_nfc(&name))?.key().as_str().to_owned();
    (key != name).then(|| key[1..key.len() - 1].to_owned())
}

fn table() -> String {
    let mut rows: Vec<Row> = Vec::new();
    for char in '\0'..=char::MAX {
        let Some(text) = folded(char) else { continue };
        let code = u32::from(char);
        let mut chars = text.chars();
        let to = match (chars.next(), chars.next()) {
            (Some(one), None) => To::Character(i64::from(u32::from(one)) - i64::from(code)),
            _ => To::Text(text),
        };
        match rows.last_mut() {
            // A pair of characters has its capital first: every second one is folded.
            Some(row)
                if row.to == to && (row.first == row.last || row.step == code - row.last) && code - row.last <= 2 =>
            {
                row.step = code - row.last;
                row.last = code;
            }
            _ => rows.push(Row { first: code, last: code, step: 1, to }),
        }
    }
    let mut text = String::from(
        "// Made by `make folding` from the server's rule for names; a test holds it to that.\n\n\
         /** From the first to the last character in steps: what is added to each, or what it becomes. */\n\
         export const FOLDED = /** @type {[first: number, last: number, step: number, to: number | string][]} */ ([\n",
    );
    for Row { first, last, step, to } in rows {
        let to = match to {
            To::Character(difference) => difference.to_string(),
            To::Text(text) => {
                let escaped: String = text.encode_utf16().fold(String::new(), |mut escaped, unit| {
                    write!(escaped, "\\u{unit:04x}").expect("a text takes more");
                    escaped
                });
                format!("'{escaped}'")
            }
        };
        writeln!(text, "  [{first}, {last}, {step}, {to}],").expect("a text takes more");
    }
    text.push_str("]);\n");
    text
}

#[test]
fn the_pages_fold_names_as_the_server_does() {
    let table = table();
    if env::var_os("PARLOR_WRITE_FOLDING").is_some() {
        fs::write(path(), &table).expect("the table is written");
    }
    let committed = fs::read_to_string(path()).expect("the table is there");
    assert!(committed == table, "static/shared/folded.js is behind the server's rule: `make folding` writes it again");
}
