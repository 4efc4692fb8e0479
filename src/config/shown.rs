//! The settings in force and the source of each value, as `parlor config` prints them.

use std::fmt::Write as _;

use clap::{ArgMatches, parser::ValueSource};

use super::{
    DatabaseUrl,
    database_url::HIDDEN,
    file::{FileSettings, TABLES},
};

/// The settings as a file that has all of them, with the source of each in a comment. Passwords are hidden.
#[must_use]
pub fn shown(matches: &ArgMatches, command: &clap::Command, file: &FileSettings) -> String {
    let mut text = String::new();
    for (table, keys) in TABLES {
        // Writing to a string can't fail.
        let _ = writeln!(text, "{}[{table}]", if text.is_empty() { "" } else { "\n" });
        for (key, setting) in keys {
            let source = source(matches, command, file, setting);
            let _ = match value(matches, command, setting) {
                Some(value) => writeln!(text, "{key} = {value} # {source}"),
                None => writeln!(text, "# {key} is not set"),
            };
        }
    }
    text
}

fn value(matches: &ArgMatches, command: &clap::Command, setting: &str) -> Option<String> {
    let arg = command.get_arguments().find(|arg| arg.get_id() == setting)?;
    let given: Vec<String> = if setting == "database_url" {
        vec![matches.get_one::<DatabaseUrl>(setting)?.to_string()]
    } else if arg.is_hide_env_values_set() {
        vec![HIDDEN.to_owned()]
    } else {
        matches.get_raw(setting)?.map(|value| value.to_string_lossy().into_owned()).collect()
    };
    // A string of JSON is one of TOML.
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    if let Some(delimiter) = arg.get_value_delimiter() {
        let values: Vec<_> = given.iter().flat_map(|given| given.split(delimiter)).map(quoted).collect();
        return Some(format!("[{}]", values.join(", ")));
    }
    let text = given.first()?;
    Some(if text.parse::<i64>().is_ok() || text.parse::<bool>().is_ok() { text.clone() } else { quoted(text) })
}

/// The source of a value, in words.
fn source(matches: &ArgMatches, command: &clap::Command, file: &FileSettings, setting: &str) -> String {
    let arg = command.get_arguments().find(|arg| arg.get_id() == setting);
    match matches.value_source(setting) {
        Some(ValueSource::CommandLine) => {
            format!("from --{}", arg.and_then(clap::Arg::get_long).unwrap_or(setting))
        }
        Some(ValueSource::EnvVariable) => {
            let variable = arg.and_then(clap::Arg::get_env).unwrap_or_default();
            format!("from {}", variable.to_string_lossy())
        }
        _ if file.sets(setting) => format!("from {}", file.path.as_deref().unwrap_or("a file".as_ref()).display()),
        _ => "default".to_owned(),
    }
}
