//! Listeners: sockets of all kinds, and room for those who connect in the same instant.

use std::{
    fmt, fs,
    io::{Error, ErrorKind, Result},
    net::SocketAddr,
    os::unix::fs::{FileTypeExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use listenfd::ListenFd;
use tokio::net::{TcpListener, TcpSocket, UnixListener, UnixSocket};
use tokio_util::either::Either;

use super::serving::Socket;
use crate::config::listen::{Listen, Place};

/// Connections that may wait to be accepted. One more would be tried again by the other side, but only
/// a second later.
const BACKLOG: u32 = 4_096;
/// The kernel's own bound on it (listen(2)).
const SOMAXCONN: &str = "/proc/sys/net/core/somaxconn";
/// The owner and the group of a Unix socket may connect.
const UNIX_MODE: u32 = 0o660;

/// A socket that takes connections, and how they begin.
#[derive(Debug)]
pub struct Listener {
    socket: Accepting,
    /// True if connections begin with TLS.
    pub has_tls: bool,
    /// The address, as it is announced.
    address: String,
    /// The path of a Unix socket that is removed with it.
    owned: Option<PathBuf>,
}

#[derive(Debug)]
enum Accepting {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    /// Accepts the next connection.
    ///
    /// # Errors
    /// The system's (accept(2)).
    pub async fn accept(&self) -> Result<Socket> {
        match &self.socket {
            Accepting::Tcp(listener) => listener.accept().await.map(|(stream, _)| Either::Left(stream)),
            Accepting::Unix(listener) => listener.accept().await.map(|(stream, _)| Either::Right(stream)),
        }
    }

    /// The TCP address, if it is none of a Unix socket.
    #[must_use]
    pub fn tcp_address(&self) -> Option<SocketAddr> {
        match &self.socket {
            Accepting::Tcp(listener) => listener.local_addr().ok(),
            Accepting::Unix(_) => None,
        }
    }

    /// The address or the path alone.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    fn tcp(listener: TcpListener, has_tls: bool) -> Result<Self> {
        let address = listener.local_addr()?.to_string();
        Ok(Self { socket: Accepting::Tcp(listener), has_tls, address, owned: None })
    }
}

/// As it is announced: a URL, or `unix:` and the path.
impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.socket, self.has_tls) {
            (Accepting::Unix(_), _) => write!(f, "unix:{}", self.address),
            (Accepting::Tcp(_), false) => write!(f, "http://{}", self.address),
            (Accepting::Tcp(_), true) => write!(f, "https://{}", self.address),
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some(path) = &self.owned {
            let _ = fs::remove_file(path);
        }
    }
}

/// Listens on a place, and warns if the kernel leaves less room than is asked for. The service manager may have opened
/// several sockets, which are `given`. `has_certificate` decides for TLS where nothing else does.
///
/// # Errors
/// The system's, most often that something else has the address.
pub fn listen(listen: &Listen, given: &mut ListenFd, has_certificate: bool) -> Result<Vec<Listener>> {
    let tls = listen.tls;
    let listeners = match &listen.place {
        Place::Tcp(address) => {
            let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
            // So that a restart need not wait until the old connections are forgotten.
            socket.set_reuseaddr(true)?;
            socket.bind(*address)?;
            vec![Listener::tcp(socket.listen(BACKLOG)?, tls.unwrap_or(has_certificate))?]
        }
        Place::Unix(path) => vec![unix(path, tls.unwrap_or(false))?],
        Place::Systemd => return inherited(given, tls, has_certificate),
    };
    // Where there is no such file there is no such bound to speak of.
    if let Some(bound) = fs::read_to_string(SOMAXCONN).ok().as_deref().and_then(lower_bound) {
        tracing::warn!(
            somaxconn = bound,
            backlog = BACKLOG,
            "the kernel bounds how many may connect in one instant: raise net.core.somaxconn"
        );
    }
    Ok(listeners)
}

/// Makes a Unix socket under another name, and gives it its own once it has its mode and listens: nobody finds one that
/// is not ready. One that a process has left behind is replaced.
fn unix(path: &Path, has_tls: bool) -> Result<Listener> {
    match std::os::unix::net::UnixStream::connect(path) {
        Ok(_) => return Err(Error::new(ErrorKind::AddrInUse, "another process listens on it")),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => {}
        Err(error) => return Err(error),
    }
    if path.symlink_metadata().is_ok_and(|found| !found.file_type().is_socket()) {
        return Err(Error::new(ErrorKind::AlreadyExists, "there is a file that is no socket"));
    }
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}", std::process::id()));
    let temporary = PathBuf::from(name);
    let _ = fs::remove_file(&temporary);
    let socket = UnixSocket::new_stream()?;
    socket.bind(&temporary)?;
    let listener = fs::set_permissions(&temporary, fs::Permissions::from_mode(UNIX_MODE))
        .and_then(|()| socket.listen(BACKLOG))
        .and_then(|listener| fs::rename(&temporary, path).map(|()| listener));
    if listener.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    let address = path.display().to_string();
    Ok(Listener { socket: Accepting::Unix(listener?), has_tls, address, owned: Some(path.to_owned()) })
}

/// The kernel's bound, if it is lower than what is asked for.
fn lower_bound(text: &str) -> Option<u32> {
    text.trim().parse().ok().filter(|bound| *bound < BACKLOG)
}

/// Takes over the sockets of the service manager; their backlog is of its own settings.
fn inherited(given: &mut ListenFd, tls: Option<bool>, has_certificate: bool) -> Result<Vec<Listener>> {
    let mut listeners = Vec::new();
    for index in 0..given.len() {
        if let Ok(Some(listener)) = given.take_tcp_listener(index) {
            listener.set_nonblocking(true)?;
            listeners.push(Listener::tcp(TcpListener::from_std(listener)?, tls.unwrap_or(has_certificate))?);
        } else if let Some(listener) = given.take_unix_listener(index)? {
            listener.set_nonblocking(true)?;
            let address = listener.local_addr()?;
            let address = address.as_pathname().unwrap_or(Path::new("")).display().to_string();
            let socket = Accepting::Unix(UnixListener::from_std(listener)?);
            listeners.push(Listener { socket, has_tls: tls.unwrap_or(false), address, owned: None });
        }
    }
    if listeners.is_empty() {
        return Err(Error::new(ErrorKind::NotFound, "the service manager has opened no socket for this process"));
    }
    Ok(listeners)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lower_bound_of_the_kernel_is_noticed() {
        assert_eq!(lower_bound("128\n"), Some(128));
        assert_eq!(lower_bound("4095\n"), Some(4_095));
        assert_eq!((lower_bound("4096\n"), lower_bound("65535\n"), lower_bound("")), (None, None, None));
    }
}
