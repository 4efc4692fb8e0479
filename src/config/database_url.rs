//! The address of a database, whose password is never shown.

use std::{convert::Infallible, fmt, str::FromStr};

use url::Url;

/// The text shown in place of a password.
pub(super) const HIDDEN: &str = "***";

/// The value of `--database-url`, as given; it is shown without its password.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    /// With its password: for connecting, never for showing.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The scheme, before the first colon: `sqlite`, `postgres`, `mysql`.
    #[must_use]
    pub fn scheme(&self) -> &str {
        self.0.split_once(':').map_or("", |(scheme, _)| scheme)
    }

    /// With every password in it hidden. Of a URL that can't be taken apart, or whose password may
    /// have ended up in its path for want of an escape, only the scheme is shown.
    fn redacted(&self) -> String {
        let scheme = self.scheme();
        if scheme == "sqlite" {
            return self.0.clone();
        }
        let parsed = Url::parse(&self.0).ok();
        let sound = parsed.filter(|url| {
            let after = [Some(url.path()), url.query(), url.fragment()];
            !url.cannot_be_a_base() && !after.into_iter().flatten().any(|part| part.contains('@'))
        });
        let Some(mut url) = sound else { return format!("{scheme}://{HIDDEN}") };
        if url.password().is_some() && url.set_password(Some(HIDDEN)).is_err() {
            return format!("{scheme}://{HIDDEN}");
        }
        if url.query().is_some() {
            let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
            let shown = pairs.into_iter().map(|(key, value)| {
                let value = if key.contains("password") { HIDDEN.to_owned() } else { value };
                (key, value)
            });
            url.query_pairs_mut().clear().extend_pairs(shown.collect::<Vec<_>>());
        }
        url.into()
    }
}

impl From<String> for DatabaseUrl {
    fn from(url: String) -> Self {
        Self(url)
    }
}

impl FromStr for DatabaseUrl {
    // What is wrong with it is found out by opening it: a refusal here would quote it.
    type Err = Infallible;

    fn from_str(url: &str) -> Result<Self, Self::Err> {
        Ok(Self(url.to_owned()))
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.redacted())
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::DatabaseUrl;

    #[test]
    fn a_password_is_never_shown() {
        for (url, shown) in [
            ("postgres://alice:secret@db.example:5433/chat", "postgres://alice:***@db.example:5433/chat"),
            (
                "mysql://alice:secret@localhost/chat?ssl-mode=required",
                "mysql://alice:***@localhost/chat?ssl-mode=required",
            ),
            ("postgres://alice@localhost/chat", "postgres://alice@localhost/chat"),
            (
                "postgres://localhost/chat?user=alice&password=secret",
                "postgres://localhost/chat?user=alice&password=***",
            ),
            ("postgres:///chat?host=/run/postgresql", "postgres:///chat?host=%2Frun%2Fpostgresql"),
            ("postgres://localhost/chat?sslpassword=secret", "postgres://localhost/chat?sslpassword=***"),
            // An unescaped slash, question mark or hash ends the host, and the rest of the password
            // is in the path or behind it.
            ("postgres://alice:12/secret@localhost/chat", "postgres://***"),
            ("postgres://alice:12?secret@localhost/chat", "postgres://***"),
            ("postgres://alice:12#secret@localhost/chat", "postgres://***"),
            ("postgres://alice:secret/x@localhost/chat", "postgres://***"),
            ("postgres://alice:secret@local host/chat", "postgres://***"),
            ("postgres:alice:secret", "postgres://***"),
            ("alice:secret@localhost", "alice://***"),
            ("sqlite://parlor.db?mode=rwc", "sqlite://parlor.db?mode=rwc"),
        ] {
            let url: DatabaseUrl = url.parse().unwrap();
            assert_eq!(url.to_string(), shown);
            assert_eq!(format!("{url:?}"), shown);
        }
    }
}
