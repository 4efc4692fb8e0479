//! Users and keys, made by the command line as an operator does, beside a server or without one.

use std::{
    io::{ErrorKind, Write as _},
    path::Path,
    process::{Output, Stdio},
};

use super::{
    Server, secrets,
    server::{complaint, parlor, parlor_command},
};

/// A database and the folder that commands on it run in.
#[derive(Clone)]
pub struct Operator {
    dir: std::path::PathBuf,
    url: String,
}

impl Operator {
    /// Somebody who keeps the users of this database.
    pub fn new(dir: &Path, url: &str) -> Self {
        Self { dir: dir.to_owned(), url: url.to_owned() }
    }

    /// Somebody who keeps the users of this server's database.
    pub fn of(server: &Server) -> Self {
        Self::new(server.dir(), &server.database_url())
    }

    /// Runs a command, whatever comes of it: `user add Alice`.
    pub fn run(&self, words: &[&str]) -> Output {
        let output = parlor(&self.dir, &[words, &["--database-url", &self.url]].concat());
        secrets::expect_none(&String::from_utf8_lossy(&output.stderr), &[]);
        output
    }

    /// Runs a command with something on standard input, whatever comes of it.
    pub fn run_with_input(&self, words: &[&str], input: &str) -> Output {
        input.lines().for_each(secrets::keep);
        let mut command = parlor_command(&self.dir, &[words, &["--database-url", &self.url]].concat());
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().expect("it runs");
        let written = process.stdin.take().expect("its input").write_all(input.as_bytes());
        // A command that refuses its flags reads nothing.
        if let Err(error) = written {
            assert_eq!(error.kind(), ErrorKind::BrokenPipe, "{error}");
        }
        process.wait_with_output().expect("it ends")
    }

    /// Runs a command, which must succeed; what it printed on standard output and on standard error.
    pub fn done(&self, words: &[&str]) -> (String, String) {
        let output = self.run(words);
        let [out, err] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).expect("text"));
        assert_eq!(output.status.code(), Some(0), "{words:?}: {err}");
        (out, err)
    }

    /// Runs a command, which must fail with this code; what it says.
    pub fn refused(&self, words: &[&str], code: i32) -> String {
        complaint(&self.run(words), code)
    }

    /// Makes a user.
    pub fn add_user(&self, words: &[&str]) {
        let (out, _) = self.done(&[&["user", "add"], words].concat());
        assert_eq!(out, "", "standard output is for what was asked for");
    }

    /// Makes a key of a user, with more flags; the key.
    pub fn key(&self, user: &str, flags: &[&str]) -> String {
        let (out, _) = self.done(&[&["key", "create", "--user", user], flags].concat());
        out.strip_suffix('\n').expect("a line").to_owned()
    }

    /// A list, as programs read it: `user list`.
    pub fn list(&self, words: &[&str]) -> Vec<serde_json::Value> {
        let (out, err) = self.done(&[words, &["--json"]].concat());
        assert_eq!(err, "", "nothing is to be said of a list");
        serde_json::from_str(&out).expect("a list in JSON")
    }

    /// A user, as the list has them.
    pub fn user(&self, name: &str) -> serde_json::Value {
        let users = self.list(&["user", "list"]);
        users.into_iter().find(|user| user["username"] == name).unwrap_or_else(|| panic!("{name} is not listed"))
    }
}
