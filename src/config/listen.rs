//! The places to listen on, each with its own switches.

use std::{fmt, net::SocketAddr, path::PathBuf, str::FromStr};

/// A place to listen on, and how connections begin there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// The place.
    pub place: Place,
    /// TLS or none; if absent, TLS where there is a certificate, except on a Unix socket.
    pub tls: Option<bool>,
}

/// The place that connections come in by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A TCP address.
    Tcp(SocketAddr),
    /// A Unix socket that is made at this path.
    Unix(PathBuf),
    /// The sockets that the service manager has opened (`sd_listen_fds(3)`).
    Systemd,
}

impl Listen {
    /// Returns true if only this machine can connect there. Of the service manager's sockets nobody knows before they
    /// are there.
    #[must_use]
    pub fn is_local(&self) -> bool {
        match &self.place {
            Place::Tcp(address) => address.ip().to_canonical().is_loopback(),
            Place::Unix(_) => true,
            Place::Systemd => false,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Systemd => f.write_str("systemd:"),
        }
    }
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.split(',');
        let place = parts.next().unwrap_or_default().parse()?;
        let mut listen = Self { place, tls: None };
        for part in parts {
            let (switch, value) = match part.split_once('=') {
                Some(("tls", value)) => (&mut listen.tls, value),
                _ => return Err(format!("`{part}` is no switch of a listener; tls=on and tls=off are")),
            };
            let is_on = match value {
                "on" => true,
                "off" => false,
                _ => return Err(format!("`{part}` has to end with on or off")),
            };
            if switch.replace(is_on).is_some() {
                return Err(format!("`{part}` is the same switch again"));
            }
        }
        Ok(listen)
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "systemd:" {
            return Ok(Self::Systemd);
        }
        if let Some(path) = text.strip_prefix("unix:") {
            let is_path = path.starts_with('/') && !path.ends_with('/');
            return if is_path {
                Ok(Self::Unix(path.into()))
            } else {
                Err("has to be an absolute path of a socket, such as unix:/run/parlor/parlor.sock".to_owned())
            };
        }
        let refused = "has to be an IP address and a port, such as 127.0.0.1:3000, 0.0.0.0:3000 or [::1]:3000, \
                       unix: and a path, or systemd:";
        text.parse().map(Self::Tcp).map_err(|_| refused.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_has_its_own_switches() {
        let parse = |text: &str| text.parse::<Listen>();
        let plain = parse("127.0.0.1:3000").unwrap();
        assert_eq!(plain, Listen { place: Place::Tcp("127.0.0.1:3000".parse().unwrap()), tls: None });
        assert_eq!(parse("[::]:443,tls=on").unwrap().tls, Some(true));
        assert_eq!(parse("unix:/run/p.sock,tls=off").unwrap().place, Place::Unix("/run/p.sock".into()));
        assert_eq!(parse("systemd:").unwrap().place, Place::Systemd);
        for (bad, named) in [
            ("", "an IP address and a port"),
            ("unix:p.sock", "absolute"),
            ("unix:/run/", "absolute"),
            ("systemd:3", "systemd:"),
            ("127.0.0.1:1,tls", "`tls`"),
            ("127.0.0.1:1,tls=yes", "on or off"),
            ("127.0.0.1:1,tls=on,tls=off", "again"),
            ("127.0.0.1:1,", "``"),
        ] {
            assert!(parse(bad).unwrap_err().contains(named), "{bad}");
        }
    }

    #[test]
    fn what_others_can_reach_is_not_local() {
        for (text, is_local) in [
            ("127.9.9.9:1", true),
            ("[::1]:1", true),
            ("[::ffff:127.0.0.1]:1", true),
            ("unix:/p", true),
            ("0.0.0.0:1", false),
            ("[::]:1", false),
            ("10.0.0.1:1", false),
            ("systemd:", false),
        ] {
            assert_eq!(text.parse::<Listen>().unwrap().is_local(), is_local, "{text}");
        }
    }
}
