//! Passwords on the command line: asked for, or read from standard input. Never an argument, which other users of the
//! machine see.

use std::io::{self, BufRead as _, IsTerminal as _};

use super::identity::NotDone;
use crate::identity::password::Password;

/// The password in the first line of standard input.
///
/// # Errors
/// [`NotDone`] if there is none, or it breaks a rule.
pub(super) fn first_line() -> Result<Password, NotDone> {
    let mut line = String::new();
    io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(|error| refused(format!("standard input can't be read: {error}")))?;
    parse(line.strip_suffix('\n').map_or(line.as_str(), |line| line.strip_suffix('\r').unwrap_or(line)))
}

/// A password that is asked for twice, without being shown.
///
/// # Errors
/// [`NotDone`] if nobody can be asked, the two are different, or it breaks a rule.
pub(super) fn asked_for() -> Result<Password, NotDone> {
    if !io::stdin().is_terminal() {
        return Err(refused(
            "standard input is no terminal: give --password-stdin to read the password from it".into(),
        ));
    }
    let ask = |prompt| rpassword::prompt_password(prompt).map_err(|error| refused(error.to_string()));
    let (password, again) = (ask("Password: ")?, ask("Again: ")?);
    if password == again { parse(&password) } else { Err(refused("the two are different".into())) }
}

fn parse(text: &str) -> Result<Password, NotDone> {
    Password::new("password", text).map_err(|invalid| {
        let is_whole = invalid.detail.starts_with("a password");
        refused(if is_whole { invalid.detail } else { format!("the password {}", invalid.detail) })
    })
}

fn refused(why: String) -> NotDone {
    NotDone::Refused(why)
}
