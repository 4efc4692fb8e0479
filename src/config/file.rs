//! The file of settings: a table a section, whose values take the place of the defaults.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    path::{Path, PathBuf},
};

use clap::Args as _;

use super::{ConfigError, ServeArgs};

/// The file that is read when there is one and no other is named.
pub const DEFAULT_FILE: &str = "parlor.toml";

/// The tables of the file, and which setting each key is. A setting may also stand before the first table,
/// under the name of its flag.
pub(super) const TABLES: [(&str, &[(&str, &str)]); 6] = [
    (
        "server",
        &[
            ("listen", "listen"),
            ("tls-cert", "tls_cert"),
            ("tls-key", "tls_key"),
            ("public-url", "public_url"),
            ("allowed-hosts", "allowed_hosts"),
            ("allow-origin", "allow_origin"),
            ("compress", "compress"),
            ("trusted-proxies", "trusted_proxies"),
            ("client-header", "client_header"),
            ("auth", "auth"),
            ("allow-open", "allow_open"),
            ("drain-delay", "drain_delay"),
        ],
    ),
    (
        "identity",
        &[
            ("accounts", "accounts"),
            ("jwt-key", "jwt_key"),
            ("jwks", "jwks"),
            ("jwt-issuer", "jwt_issuer"),
            ("jwt-audience", "jwt_audience"),
            ("jwt-leeway", "jwt_leeway"),
            ("guests", "guests"),
            ("room-creation", "room_creation"),
            ("directory", "directory"),
        ],
    ),
    ("database", &[("url", "database_url"), ("sqlite-synchronous", "sqlite_synchronous"), ("migrate", "migrate")]),
    (
        "limits",
        &[
            ("max-connections", "max_connections"),
            ("content-limit", "content_limit"),
            ("edit-window", "edit_window"),
            ("revisions", "revisions"),
            ("stall-timeout", "stall_timeout"),
            ("unsent-limit", "unsent_limit"),
            ("rates", "limits"),
            ("exempt", "limits_exempt"),
            ("posts", "limit_posts"),
            ("edits", "limit_edits"),
            ("reactions", "limit_reactions"),
            ("typing", "limit_typing"),
            ("reads", "limit_reads"),
            ("searches", "limit_searches"),
            ("rooms", "limit_rooms"),
            ("streams", "limit_streams"),
            ("registrations", "limit_registrations"),
            ("requests", "limit_requests"),
        ],
    ),
    ("log", &[("format", "log_format"), ("filter", "log")]),
    (
        "times",
        &[
            ("typing-lapse", "typing_lapse"),
            ("socket-typing-lapse", "socket_typing_lapse"),
            ("presence-grace", "presence_grace"),
            ("presence-lease", "presence_lease"),
            ("presence-digest-interval", "presence_digest_interval"),
            ("read-receipt-interval", "read_receipt_interval"),
            ("ping-interval", "ping_interval"),
            ("socket-ping-interval", "socket_ping_interval"),
            ("socket-close-timeout", "socket_close_timeout"),
            ("poll-ephemeral-wait", "poll_ephemeral_wait"),
            ("handshake-timeout", "handshake_timeout"),
            ("http2-idle-time", "http2_idle_time"),
            ("certificate-interval", "certificate_interval"),
            ("head-timeout", "head_timeout"),
            ("body-timeout", "body_timeout"),
            ("write-timeout", "write_timeout"),
            ("hang-timeout", "hang_timeout"),
            ("probe-interval", "probe_interval"),
            ("revocation-interval", "revocation_interval"),
            ("revocation-patience", "revocation_patience"),
            ("ticket-lifetime", "ticket_lifetime"),
            ("last-use-interval", "last_use_interval"),
            ("auth-notice", "auth_notice"),
            ("room-idle-time", "room_idle_time"),
            ("room-sweep-interval", "room_sweep_interval"),
            ("drain-spread", "drain_spread"),
            ("drain-timeout", "drain_timeout"),
            ("unsent-wait", "unsent_wait"),
            ("unsent-stall", "unsent_stall"),
        ],
    ),
];

/// The settings in a file.
#[derive(Debug, Default)]
pub struct FileSettings {
    /// The file; none, if no file was read.
    pub path: Option<PathBuf>,
    /// The values by setting.
    values: BTreeMap<String, Vec<String>>,
}

impl FileSettings {
    /// Reads the file that the command line or the environment names, or the default one if it is there.
    ///
    /// # Errors
    /// [`ConfigError`] when the file can't be read, or sets something that is no setting.
    pub fn read(args: &[OsString]) -> Result<Self, ConfigError> {
        let Some(path) = file_to_read(args) else { return Ok(Self::default()) };
        let shown = path.display();
        let text =
            std::fs::read_to_string(&path).map_err(|error| ConfigError(format!("can't read {shown}: {error}")))?;
        let values = parse(&text).map_err(|error| ConfigError(format!("{shown}: {error}")))?;
        Ok(Self { path: Some(path), values })
    }

    /// Returns true if the file has this setting.
    #[must_use]
    pub fn sets(&self, setting: &str) -> bool {
        self.values.contains_key(setting)
    }

    /// Puts the values in the place of the defaults of `command` and its subcommands, which have some of the settings.
    #[must_use]
    pub fn defaults_of(&self, mut command: clap::Command) -> clap::Command {
        for (setting, values) in &self.values {
            if has(&command, setting) {
                // The help shows defaults, and this one may have a password.
                command = command.mut_arg(setting, |arg| {
                    let is_secret = arg.is_hide_env_values_set();
                    arg.default_values(values.clone()).hide_default_value(is_secret)
                });
            }
        }
        command.mut_subcommands(|subcommand| self.defaults_of(subcommand))
    }
}

/// Looked for before the flags are parsed, since it changes their defaults.
fn file_to_read(args: &[OsString]) -> Option<PathBuf> {
    let mut args = args.iter().map(|arg| arg.to_string_lossy());
    let mut named = std::env::var_os("PARLOR_CONFIG").map(PathBuf::from);
    while let Some(arg) = args.next() {
        if arg == "--config" {
            named = args.next().map(|path| PathBuf::from(path.as_ref()));
        } else if let Some(path) = arg.strip_prefix("--config=") {
            named = Some(PathBuf::from(path));
        }
    }
    named.or_else(|| Path::new(DEFAULT_FILE).exists().then(|| PathBuf::from(DEFAULT_FILE)))
}

/// The values of a file by setting.
fn parse(text: &str) -> Result<BTreeMap<String, Vec<String>>, String> {
    let file: BTreeMap<String, toml::Value> = toml::from_str(text).map_err(|error| error.to_string())?;
    let all = ServeArgs::augment_args(clap::Command::new("serve"));
    let mut values = BTreeMap::new();
    let mut set = |shown: &str, setting: Option<String>, value: toml::Value| {
        let Some(setting) = setting else {
            return Err(format!("`{shown}` is no setting; `parlor config` lists them"));
        };
        let Some(value) = plain(value) else {
            return Err(format!("`{shown}` has to be a string, a number, true or false, or a list of those"));
        };
        if values.insert(setting, value).is_some() { Err(format!("`{shown}` is set twice")) } else { Ok(()) }
    };
    for (key, value) in file {
        match value {
            toml::Value::Table(table) => {
                let keys = TABLES.iter().find(|(name, _)| *name == key).map(|(_, keys)| *keys);
                let keys = keys.ok_or_else(|| format!("there is no table [{key}]; `parlor config` lists them"))?;
                for (inner, value) in table {
                    let name = inner.replace('_', "-");
                    let setting = keys.iter().find(|(key, _)| *key == name).map(|(_, setting)| (*setting).to_owned());
                    set(&format!("{key}.{inner}"), setting, value)?;
                }
            }
            value => {
                let setting = Some(key.replace('-', "_")).filter(|setting| setting != "config" && has(&all, setting));
                set(&key, setting, value)?;
            }
        }
    }
    Ok(values)
}

fn has(command: &clap::Command, setting: &str) -> bool {
    command.get_arguments().any(|arg| arg.get_id() == setting)
}

/// The value as a flag would have it.
fn plain(value: toml::Value) -> Option<Vec<String>> {
    match value {
        toml::Value::String(text) => Some(vec![text]),
        toml::Value::Integer(number) => Some(vec![number.to_string()]),
        toml::Value::Boolean(truth) => Some(vec![truth.to_string()]),
        toml::Value::Array(values) if !values.is_empty() => values
            .into_iter()
            .map(|value| plain(value).filter(|values| values.len() == 1))
            .map(|value| Some(value?.remove(0)))
            .collect(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_setting_has_a_place_in_a_table() {
        let all = ServeArgs::augment_args(clap::Command::new("serve"));
        let mut settings: Vec<_> =
            all.get_arguments().filter(|arg| !arg.is_hide_set()).map(|arg| arg.get_id().as_str()).collect();
        settings.retain(|setting| *setting != "config");
        let mut placed: Vec<_> = TABLES.iter().flat_map(|(_, keys)| keys.iter().map(|(_, setting)| *setting)).collect();
        settings.sort_unstable();
        placed.sort_unstable();
        assert_eq!(settings, placed);
    }

    #[test]
    fn a_table_and_a_flags_name_are_the_same_setting() {
        let nested = parse("[database]\nurl = \"a\"\n[log]\nfilter = \"b\"\n[server]\nallowed-hosts = [\"c\", \"d\"]");
        let flat = parse("database-url = \"a\"\nlog = \"b\"\nallowed_hosts = [\"c\", \"d\"]");
        assert_eq!(nested, flat);
        assert_eq!(nested.unwrap()["allowed_hosts"], ["c", "d"]);
    }

    #[test]
    fn what_is_no_setting_is_named() {
        for (text, named) in [
            ("[database]\nurk = 1", "`database.urk`"),
            ("[databases]\nurl = 1", "[databases]"),
            ("listn = 1", "`listn`"),
            ("config = \"a\"", "`config`"),
            ("[times]\nlisten = \"a\"", "`times.listen`"),
            ("log = \"a\"\n[log]\nfilter = \"b\"", "twice"),
            ("[log]\nfilter = 1.5", "`log.filter`"),
            ("allow-origin = []", "`allow-origin`"),
        ] {
            let refused = parse(text).unwrap_err();
            assert!(refused.contains(named) || refused.contains("duplicate"), "{text}: {refused}");
        }
    }
}
