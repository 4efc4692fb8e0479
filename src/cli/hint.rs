//! The hint at the start: for people, what to open and what to try.

use crate::{
    config::{Accounts, AuthMode, Config},
    server::listen::Listener,
};

/// The settings that decide what there is to try.
#[derive(Debug)]
pub(super) struct Hint {
    mode: AuthMode,
    has_accounts: bool,
    /// The URL that browsers see, if it is not the address.
    public_url: Option<String>,
}

impl Hint {
    pub(super) fn of(config: &Config) -> Self {
        Self {
            mode: config.identity.auth,
            has_accounts: config.identity.accounts != Accounts::Off,
            public_url: config.public_url.as_ref().map(|url| url.as_str().to_owned()),
        }
    }

    /// The text, for a server that listens there. Programs on this machine ask at the plainest of the addresses, and
    /// browsers at the public URL.
    pub(super) fn text(&self, listeners: &[Listener]) -> String {
        let plainest =
            listeners.iter().filter(|listener| listener.tcp_address().is_some()).min_by_key(|tcp| tcp.has_tls);
        match (plainest, &self.public_url) {
            // A certificate has the name that browsers know.
            (Some(listener), Some(url)) if listener.has_tls => self.text_at(url, ""),
            (Some(listener), _) => self.text_at(&listener.to_string(), ""),
            (None, _) => {
                let path = listeners.iter().map(Listener::address).next().unwrap_or_default();
                self.text_at("http://localhost", &format!("--unix-socket {path} "))
            }
        }
    }

    /// The text, for a server that programs ask at that URL, with that option of curl.
    fn text_at(&self, here: &str, option: &str) -> String {
        let (page, api) = (self.public_url.as_deref().unwrap_or(here), format!("{here}/api/v1"));
        let path = if self.mode == AuthMode::Required && !self.has_accounts { "/docs" } else { "/" };
        let (key, header, by) = match self.mode {
            AuthMode::Open => ("", "", "-d username=Alice "),
            // The user has to be there: `parlor user add` makes one.
            AuthMode::Required => {
                ("  key    KEY=$(parlor key create --user NAME)\n", "-H \"Authorization: Bearer $KEY\" ", "")
            }
        };
        format!(
            "\n  open   {page}{path}\n{key}  try    curl {option}{header}{by}-d content=hi {api}/rooms/general/messages\n  \
             follow curl -N {option}{header}{api}/rooms/general/stream\n"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(mode: AuthMode, has_accounts: bool, public_url: Option<&str>) -> String {
        let hint = Hint { mode, has_accounts, public_url: public_url.map(str::to_owned) };
        hint.text_at("http://127.0.0.1:3000", "")
    }

    #[test]
    fn it_leads_to_where_there_is_a_way_in() {
        let open = "\n  open   http://127.0.0.1:3000/\n  try    curl -d username=Alice -d content=hi \
                    http://127.0.0.1:3000/api/v1/rooms/general/messages\n  follow curl -N \
                    http://127.0.0.1:3000/api/v1/rooms/general/stream\n";
        assert_eq!(text(AuthMode::Open, false, None), open);
        let accounts = text(AuthMode::Required, true, Some("https://chat.example"));
        assert!(
            accounts.starts_with("\n  open   https://chat.example/\n  key    KEY=$(parlor key create --user NAME)\n")
        );
        assert!(accounts.contains("curl -N -H \"Authorization: Bearer $KEY\" http://127.0.0.1:3000/api/v1/rooms"));
        assert!(text(AuthMode::Required, false, None).contains("open   http://127.0.0.1:3000/docs\n"));
    }
}
