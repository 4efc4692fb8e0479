//! Secrets: none that was made while tests run is in the log, the database or the answers of any server, except for
//! the answer that hands it out.
//!
//! The product's own are known by their form, whoever made them: API keys, sessions, tickets, invitations, resets and
//! tokens. Passwords have no form, so whatever sends one for a test keeps it here.

use std::{
    collections::BTreeSet,
    io::Write as _,
    ops::RangeInclusive,
    path::PathBuf,
    process::{Command, Stdio},
    sync::{Mutex, PoisonError},
    thread,
};

use serde_json::Value;

/// The forms of secrets, for `grep -E`: also of one that is cut short, or sent as Basic.
const FORMS: [&str; 4] = [
    "pl[rstip]_[0-9A-Za-z]{20,}",
    "eyJ[0-9A-Za-z_-]{10,}\\.eyJ[0-9A-Za-z_-]{10,}\\.[0-9A-Za-z_-]{20,}",
    "Basic [0-9A-Za-z+/]{40,}",
    "PRIVATE KEY-----",
];
/// The fields of bodies in which passwords are sent.
const FIELDS: [&str; 3] = ["password", "current", "new"];
/// The characters of a password that is looked for: a shorter one is refused, and the longest ones that tests send are of
/// one letter alone. Other texts have both.
const LENGTHS: RangeInclusive<usize> = 10..=100;

static PASSWORDS: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Keeps a password, from now on looked for in everything that servers have written.
pub fn keep(password: &str) {
    // Digits may be any number.
    if LENGTHS.contains(&password.chars().count()) && !password.chars().all(|c| c.is_ascii_digit()) {
        PASSWORDS.lock().unwrap_or_else(PoisonError::into_inner).insert(password.to_owned());
    }
}

/// Keeps the passwords in a body.
pub fn keep_those_in(body: &Value) {
    FIELDS.iter().filter_map(|field| body[field].as_str()).for_each(keep);
}

/// The fields of answers in which secrets are handed out, once.
const HANDED_OUT: [&str; 4] = ["key", "ticket", "invitation", "reset"];

/// Fails if a secret is in an answer, except for those that it is there to hand out.
pub fn expect_handed_out(answer: &Value) {
    match answer {
        Value::Object(fields) => {
            let others = fields.iter().filter(|(field, _)| !HANDED_OUT.contains(&field.as_str()));
            others.for_each(|(field, value)| expect_unsaid(&format!("{field}: {value}")));
        }
        other => expect_unsaid(&other.to_string()),
    }
}

/// Fails if a secret is in something that a server says.
pub fn expect_unsaid(said: &str) {
    // Most of what is said has none of them, and much is said.
    if BEGINNINGS.iter().any(|beginning| said.contains(beginning)) {
        let is_of_word = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        let mut words = said.split(|c| !is_of_word(c));
        assert!(!words.any(is_secret), "a secret is where none may be: {said}");
    }
    // What is long is of tests of sizes, which have thousands of them, and some of them have to be read in time.
    if said.len() < LONG {
        let passwords = PASSWORDS.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(!passwords.iter().any(|password| said.contains(password)), "a password is where none may be: {said}");
    }
}

/// The bytes from which on something that is said is not looked through for each password.
const LONG: usize = 4_096;

/// The beginnings of secrets: of a token, and of each kind of our own.
const BEGINNINGS: [&str; 6] = ["eyJ", "plr_", "pls_", "plt_", "pli_", "plp_"];

/// Returns true if a word has the form of a secret.
fn is_secret(word: &str) -> bool {
    let is_own = |beginning: &&str| {
        word.split_once(*beginning)
            .is_some_and(|(_, rest)| rest.chars().take_while(char::is_ascii_alphanumeric).count() >= 20)
    };
    let parts: Vec<_> = word.split('.').collect();
    let is_token = parts.windows(3).any(|it| it[0].contains("eyJ") && it[1].starts_with("eyJ") && it[2].len() >= 20);
    is_token || BEGINNINGS[1..].iter().any(is_own)
}

/// Fails if a secret is in what a server has logged, or in one of its files. Files that are gone are passed over.
pub fn expect_none(log: &str, files: &[PathBuf]) {
    let found = found(log, files);
    assert!(found.is_empty(), "secrets are where none may be: {found}");
}

fn found(log: &str, files: &[PathBuf]) -> String {
    let passwords: Vec<_> =
        PASSWORDS.lock().unwrap_or_else(PoisonError::into_inner).iter().map(|it| exactly(it)).collect();
    let mut grep = Command::new("grep");
    // The first few are enough. Bytes, since a database file has no characters.
    grep.env("LC_ALL", "C").args([
        "--text",
        "--no-messages",
        "--only-matching",
        "--with-filename",
        "--max-count=3",
        "-E",
    ]);
    for pattern in FORMS.into_iter().chain(passwords.iter().map(String::as_str)) {
        grep.arg("-e").arg(pattern);
    }
    grep.args(["--", "-"]).args(files).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut grep = grep.spawn().expect("grep is there");
    let mut input = grep.stdin.take().expect("its input");
    let found = thread::scope(|scope| {
        // It stops reading once it has found enough.
        scope.spawn(move || drop(input.write_all(log.as_bytes())));
        grep.wait_with_output().expect("its output")
    });
    String::from_utf8_lossy(&found.stdout).into_owned()
}

/// The pattern that a text alone matches.
fn exactly(text: &str) -> String {
    text.chars().map(|c| if r".[]{}()\*+?^$|".contains(c) { format!("\\{c}") } else { c.to_string() }).collect()
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        panic::{self, AssertUnwindSafe},
    };

    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_found_in_answers_except_where_they_are_handed_out() {
        let key = format!("plr_{}", "0aZ".repeat(14));
        expect_handed_out(&json!({"key": key, "name": "plr_short", "id": 1}));
        for said in [key.clone(), format!("a.{key}"), "x eyJhbGciOiJ.eyJzdWIiOiJB.AAAAAAAAAAAAAAAAAAAAAAAA.".into()] {
            let is_found = |check: &dyn Fn()| panic::catch_unwind(AssertUnwindSafe(check)).is_err();
            assert!(is_found(&|| expect_unsaid(&said)), "{said}");
            assert!(is_found(&|| expect_handed_out(&json!({"keys": [{"name": said}]}))), "{said}");
            assert!(is_found(&|| expect_handed_out(&json!([said]))), "{said}");
        }
        expect_unsaid("plr_*** pls_short eyJhbGciOiJFZERTQSJ9 example.org");
    }

    #[test]
    fn secrets_are_found_in_logs_and_files_and_nothing_else_is_taken_for_one() {
        let folder = tempfile::tempdir().expect("a directory");
        let file = folder.path().join("parlor.db");
        keep("a+b (c) of a test's own");
        let digits = "0aZ".repeat(14) + "x";
        let token = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJBbGljZSJ9.AAAAAAAAAAAAAAAAAAAAAAAA";
        let basic = format!("Basic {}", "eDpw".repeat(12));
        let secrets = ["plr_", "pls_", "plt_", "pli_", "plp_"].map(|prefix| format!("{prefix}{digits}"));
        let others = ["a+b (c) of a test's own", token, &basic, "PRIVATE KEY-----"].map(str::to_owned);
        for secret in secrets.into_iter().chain(others) {
            let log = format!("a line\nGET /?x={secret}&y\nanother");
            assert_eq!(found(&log, &[]), format!("(standard input):{secret}\n"));
            fs::write(&file, format!("\0\u{1}{secret}\0")).expect("it is written");
            assert_eq!(found("", std::slice::from_ref(&file)), format!("{}:{secret}\n", file.display()));
        }
        let log = format!("plr_*** plx_{digits} pls_short eyJhbGciOiJFZERTQSJ9 Basic dXNlcg== aab c of a test's own");
        fs::write(&file, &log).expect("it is written");
        assert_eq!(found(&log, &[file, folder.path().join("gone")]), "");
    }
}
