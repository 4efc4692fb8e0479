//! The listener: an address, and room for those who connect in the same instant.

use std::{fs, io::Result, net::SocketAddr};

use tokio::net::{TcpListener, TcpSocket};

/// Connections that may wait to be accepted. One more would be tried again by the other side, but only
/// a second later.
const BACKLOG: u32 = 4_096;
/// The kernel's own bound on it (listen(2)).
const SOMAXCONN: &str = "/proc/sys/net/core/somaxconn";

/// Listens on an address, and warns if the kernel leaves less room than is asked for.
///
/// # Errors
/// The system's, most often that something else has the address.
pub fn listen(address: SocketAddr) -> Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // So that a restart need not wait until the old connections are forgotten.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    let listener = socket.listen(BACKLOG)?;
    // Where there is no such file there is no such bound to speak of.
    if let Some(bound) = fs::read_to_string(SOMAXCONN).ok().as_deref().and_then(lower_bound) {
        tracing::warn!(
            somaxconn = bound,
            backlog = BACKLOG,
            "the kernel bounds how many may connect in one instant: raise net.core.somaxconn"
        );
    }
    Ok(listener)
}

/// The kernel's bound, if it is lower than what is asked for.
fn lower_bound(text: &str) -> Option<u32> {
    text.trim().parse().ok().filter(|bound| *bound < BACKLOG)
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
