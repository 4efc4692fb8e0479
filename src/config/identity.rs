//! The mode of authorization, and the sources of identity that `--auth required` has.

use std::{convert::Infallible, path::PathBuf, str::FromStr, time::Duration};

use clap::{Args, ValueEnum};

use super::{ConfigError, Origin};

/// The longest difference between two clocks that is forgiven: "usually no more than a few minutes" (RFC 7519, 4.1.4).
const MAX_LEEWAY: Duration = Duration::from_mins(5);
/// The longest name of an issuer or an audience, in bytes.
const MAX_PARTY_BYTES: usize = 1_000;

/// The settings of who is asking.
#[derive(Debug, Clone, Args)]
pub struct IdentityArgs {
    /// Mode of authorization; in open mode names are claimed, not proven
    #[arg(long, env = "PARLOR_AUTH", value_name = "MODE", default_value = "open")]
    pub auth: AuthMode,

    /// Accounts kept by Parlor: none, by invitation, or for anybody who registers
    #[arg(long, env = "PARLOR_ACCOUNTS", value_name = "MODE", default_value = "off")]
    pub accounts: Accounts,

    /// A key that signs tokens of another system.
    #[arg(
        help = "A file with a key that signs tokens (JWT) of another system: a PEM PUBLIC KEY (RS256, ES256, EdDSA), or a JWK of a shared key (HS256). With :admin after it, its tokens may carry the right admin"
    )]
    #[arg(long, env = "PARLOR_JWT_KEY", value_name = "FILE[:admin]", value_delimiter = ',')]
    pub jwt_key: Vec<JwtKeyFile>,

    /// A file with a set of such keys (JWKS)
    #[arg(long, env = "PARLOR_JWKS", value_name = "FILE")]
    pub jwks: Option<PathBuf>,

    /// The issuer (iss) that tokens have to name
    #[arg(long, env = "PARLOR_JWT_ISSUER", value_name = "NAME", value_parser = party)]
    pub jwt_issuer: Option<String>,

    /// The audience (aud) that tokens have to name; public keys need one
    #[arg(long, env = "PARLOR_JWT_AUDIENCE", value_name = "NAME", value_parser = party)]
    pub jwt_audience: Option<String>,

    /// Difference that is forgiven between this machine's clock and that of whoever signs tokens, up to 5m
    #[arg(long, env = "PARLOR_JWT_LEEWAY", value_name = "TIME", default_value = "30s", value_parser = leeway)]
    pub jwt_leeway: Duration,

    /// Public rooms may be read without credentials
    #[arg(long, env = "PARLOR_GUESTS", value_name = "MODE", default_value = "off")]
    pub guests: Guests,

    /// Makers of rooms: everyone, or admins only
    #[arg(long, env = "PARLOR_ROOM_CREATION", value_name = "MODE", default_value = "everyone")]
    pub room_creation: RoomCreation,

    /// People find each other beyond the rooms that they share
    #[arg(long, env = "PARLOR_DIRECTORY", value_name = "MODE", default_value = "on")]
    pub directory: Directory,
}

/// The modes of authorization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AuthMode {
    /// Names are claimed, not proven.
    Open,
    /// Each request says whose it is, and proves it.
    Required,
}

/// The ways to an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Accounts {
    /// There are none.
    Off,
    /// By invitation.
    Invite,
    /// Anybody may register.
    Open,
}

impl Accounts {
    /// The word for it, as the setting has it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Invite => "invite",
            Self::Open => "open",
        }
    }
}

/// The ways in for those who have no credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Guests {
    /// Public rooms may be read by anybody.
    On,
    /// Each request needs a credential.
    Off,
}

/// The users whom people find.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Directory {
    /// People find all others.
    On,
    /// People find those with whom they share a room.
    Off,
}

/// Those who may make a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RoomCreation {
    /// Everyone who may post.
    Everyone,
    /// Admins.
    Admins,
}

/// A file with a key that signs tokens, as `--jwt-key` has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JwtKeyFile {
    /// The file.
    pub path: PathBuf,
    /// True if its tokens may give the right `admin`.
    pub is_admin: bool,
}

/// The settings of tokens that other systems sign.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JwtSettings {
    /// The files with a key each.
    pub keys: Vec<JwtKeyFile>,
    /// The file with a set of keys.
    pub jwks: Option<PathBuf>,
    /// The issuer that tokens have to name, if any.
    pub issuer: Option<String>,
    /// The audience that tokens have to name; with none, a token that names one is for somebody else.
    pub audience: Option<String>,
    /// The difference that is forgiven between this machine's clock and that of whoever signs.
    pub leeway: Duration,
}

impl JwtSettings {
    /// Returns true if tokens may give the right `admin`.
    #[must_use]
    pub fn has_admins(&self) -> bool {
        self.keys.iter().any(|key| key.is_admin)
    }
}

/// The settings of who is asking, checked as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityConfig {
    /// The mode of authorization.
    pub auth: AuthMode,
    /// True if open mode is meant where it could be a mistake.
    pub is_open_meant: bool,
    /// The ways to an account.
    pub accounts: Accounts,
    /// Tokens that other systems sign.
    pub jwt: JwtSettings,
    /// True if public rooms may be read without credentials.
    pub has_guests: bool,
    /// Those who may make a room.
    pub room_creation: RoomCreation,
    /// True if people find each other beyond the rooms that they share.
    pub has_directory: bool,
}

impl IdentityArgs {
    /// Checks the settings together with those of the address.
    ///
    /// # Errors
    /// [`ConfigError`] with the setting's name, and with what it needs.
    pub fn check(self, public_url: Option<&Origin>, is_loopback: bool) -> Result<IdentityConfig, ConfigError> {
        if self.auth == AuthMode::Open
            && let Some(flag) = self.only_required()
        {
            return Err(ConfigError(format!("{flag} needs --auth required")));
        }
        if self.accounts != Accounts::Off && public_url.is_none() && !is_loopback {
            return Err(ConfigError(
                "--accounts needs the address that browsers see: name it with --public-url, or listen on 127.0.0.1"
                    .to_owned(),
            ));
        }
        let has_keys = !self.jwt_key.is_empty() || self.jwks.is_some();
        if !has_keys && let Some(flag) = self.only_tokens() {
            return Err(ConfigError(format!("{flag} needs a key to check tokens by: add --jwt-key or --jwks")));
        }
        Ok(IdentityConfig {
            auth: self.auth,
            is_open_meant: false,
            accounts: self.accounts,
            jwt: JwtSettings {
                keys: self.jwt_key,
                jwks: self.jwks,
                issuer: self.jwt_issuer,
                audience: self.jwt_audience,
                leeway: self.jwt_leeway,
            },
            has_guests: self.guests == Guests::On,
            room_creation: self.room_creation,
            has_directory: self.directory == Directory::On,
        })
    }

    /// The first setting that does something in `required` mode alone, and is not at its default.
    fn only_required(&self) -> Option<&'static str> {
        let given = [
            (self.accounts != Accounts::Off, "--accounts"),
            (!self.jwt_key.is_empty(), "--jwt-key"),
            (self.jwks.is_some(), "--jwks"),
            (self.guests == Guests::On, "--guests"),
            (self.room_creation != RoomCreation::Everyone, "--room-creation"),
            (self.directory == Directory::Off, "--directory"),
        ];
        let first = given.into_iter().find_map(|(is_given, flag)| is_given.then_some(flag));
        first.or_else(|| self.only_tokens())
    }

    /// The first setting that does something for tokens alone.
    fn only_tokens(&self) -> Option<&'static str> {
        let given = [(self.jwt_issuer.is_some(), "--jwt-issuer"), (self.jwt_audience.is_some(), "--jwt-audience")];
        given.into_iter().find_map(|(is_given, flag)| is_given.then_some(flag))
    }
}

/// Open mode, which needs nothing else.
impl Default for IdentityConfig {
    fn default() -> Self {
        Self {
            auth: AuthMode::Open,
            is_open_meant: false,
            accounts: Accounts::Off,
            jwt: JwtSettings::default(),
            has_guests: false,
            room_creation: RoomCreation::Everyone,
            has_directory: true,
        }
    }
}

impl IdentityConfig {
    /// Returns true if the settings have a source of identity. Users with API keys in the database are one too, which
    /// settings don't know of.
    #[must_use]
    pub fn has_source(&self) -> bool {
        self.accounts != Accounts::Off || self.jwt.has_keys()
    }
}

impl JwtSettings {
    /// Returns true if there are files with keys.
    #[must_use]
    pub fn has_keys(&self) -> bool {
        !self.keys.is_empty() || self.jwks.is_some()
    }
}

impl FromStr for JwtKeyFile {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (path, is_admin) = text.strip_suffix(":admin").map_or((text, false), |path| (path, true));
        Ok(Self { path: path.into(), is_admin })
    }
}

fn leeway(text: &str) -> Result<Duration, String> {
    let time = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if time <= MAX_LEEWAY { Ok(time) } else { Err("has to be from 0s to 5m".to_owned()) }
}

/// The name of an issuer or an audience. Tokens are compared with it byte by byte, and none names nothing.
fn party(text: &str) -> Result<String, String> {
    if (1..=MAX_PARTY_BYTES).contains(&text.len()) {
        Ok(text.to_owned())
    } else {
        Err(format!("has to have from 1 to {MAX_PARTY_BYTES} bytes"))
    }
}

#[cfg(test)]
mod tests {
    use clap::{Command, FromArgMatches as _};

    use super::*;

    /// The settings that a command line has; `required` is put in here, since it may not be offered.
    fn args(auth: AuthMode, flags: &str) -> Result<IdentityArgs, String> {
        let command = IdentityArgs::augment_args(Command::new("serve").no_binary_name(true));
        let matches = command.try_get_matches_from(flags.split_whitespace()).map_err(|error| error.to_string())?;
        let args = IdentityArgs::from_arg_matches(&matches).map_err(|error| error.to_string())?;
        Ok(IdentityArgs { auth, ..args })
    }

    fn check(auth: AuthMode, flags: &str) -> Result<IdentityConfig, String> {
        args(auth, flags)?.check(None, true).map_err(|error| error.to_string())
    }

    #[test]
    fn what_only_required_mode_does_is_refused_in_open_mode() {
        for flags in [
            "--jwt-key a.pem",
            "--jwks a.json",
            "--jwt-issuer a",
            "--jwt-audience a",
            "--guests on",
            "--room-creation admins",
            "--directory off",
        ] {
            let refused = check(AuthMode::Open, flags).unwrap_err();
            let flag = flags.split(' ').next().unwrap();
            assert!(refused.contains(flag) && refused.contains("--auth required"), "{flags}: {refused}");
        }
        // The defaults may be said.
        let plain = check(AuthMode::Open, "--accounts off --guests off --room-creation everyone --directory on");
        let default = IdentityConfig {
            jwt: JwtSettings { leeway: Duration::from_secs(30), ..JwtSettings::default() },
            ..IdentityConfig::default()
        };
        assert_eq!(plain.unwrap(), default);
    }

    #[test]
    fn a_key_is_a_source_and_tokens_need_one() {
        let config =
            check(AuthMode::Required, "--jwt-key a.pem,b:admin --jwt-key c --jwt-leeway 0s --guests on").unwrap();
        assert!(config.has_source() && config.has_guests && config.has_directory);
        let file = |path: &str, is_admin| JwtKeyFile { path: path.into(), is_admin };
        assert_eq!(config.jwt.keys, [file("a.pem", false), file("b", true), file("c", false)]);
        assert_eq!(config.jwt.leeway, Duration::ZERO);
        assert!(check(AuthMode::Required, "--jwks a.json --jwt-audience a").unwrap().has_source());
        assert!(!check(AuthMode::Required, "").unwrap().has_source());
        for flag in ["--jwt-issuer", "--jwt-audience"] {
            let refused = check(AuthMode::Required, &format!("{flag} a")).unwrap_err();
            assert!(refused.contains(flag) && refused.contains("--jwt-key"), "{refused}");
        }
        assert!(args(AuthMode::Required, "--jwt-leeway 5m1s").unwrap_err().contains("from 0s to 5m"));
        assert!(args(AuthMode::Required, "--jwt-audience=").unwrap_err().contains("1 to 1000 bytes"));
    }

    #[test]
    fn accounts_need_an_address_that_browsers_see() {
        let with_accounts = || args(AuthMode::Required, "--accounts open").unwrap();
        let url = "https://chat.example.org".parse().unwrap();
        assert!(with_accounts().check(None, true).unwrap().has_source());
        assert!(with_accounts().check(Some(&url), false).is_ok());
        assert!(with_accounts().check(None, false).unwrap_err().to_string().contains("--public-url"));
        assert!(args(AuthMode::Required, "--accounts some").unwrap_err().contains("off, invite, open"));
    }
}
