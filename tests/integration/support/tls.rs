//! Certificates of the test's own, and clients that trust them.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::ring,
        pki_types::{CertificateDer, ServerName, pem::PemObject as _},
    },
};

use super::{DEADLINE, Server, within};

/// The files of a certificate that signs itself, and of its key.
#[derive(Debug, Clone)]
pub struct Pair {
    pub cert: PathBuf,
    pub key: PathBuf,
}

impl Pair {
    /// Makes one for these names in a directory; over another, if there is one of the same name.
    pub fn make(dir: &Path, name: &str, names: &[&str]) -> Self {
        Self::make_with(dir, name, names, |_| ())
    }

    /// Makes one whose time is over.
    pub fn make_expired(dir: &Path, name: &str, names: &[&str]) -> Self {
        Self::make_with(dir, name, names, |params| params.not_after = date_time_ymd(2020, 1, 1))
    }

    /// Makes one whose time has not come.
    pub fn make_early(dir: &Path, name: &str, names: &[&str]) -> Self {
        Self::make_with(dir, name, names, |params| params.not_before = date_time_ymd(4000, 1, 1))
    }

    fn make_with(dir: &Path, name: &str, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Self {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("names");
        change(&mut params);
        let key = KeyPair::generate().expect("a key");
        let cert = params.self_signed(&key).expect("a certificate");
        let pair = Self { cert: dir.join(format!("{name}.pem")), key: dir.join(format!("{name}.key")) };
        std::fs::write(&pair.key, key.serialize_pem()).expect("the key is written");
        std::fs::write(&pair.cert, cert.pem()).expect("the certificate is written");
        pair
    }

    /// The settings of a client that trusts these alone, and offers these protocols.
    pub fn trusted(pairs: &[&Self], protocols: &[&str]) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        for pair in pairs {
            let cert = CertificateDer::from_pem_file(&pair.cert).expect("a certificate");
            roots.add(cert).expect("a certificate");
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().expect("versions");
        let mut config = builder.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        config
    }

    /// A client that trusts this one alone, and offers these protocols.
    pub fn client(&self, protocols: &[&str]) -> reqwest::ClientBuilder {
        reqwest::Client::builder().no_proxy().tls_backend_preconfigured(Self::trusted(&[self], protocols))
    }
}

/// A TLS connection to the server, for whatever the test sends.
pub async fn connect(server: &Server, name: &str, config: ClientConfig) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(server.tls_addr()).await?;
    let name = ServerName::try_from(name.to_owned()).expect("a name");
    within(DEADLINE, "a handshake ends", TlsConnector::from(Arc::new(config)).connect(name, stream)).await
}

/// A connection of any kind.
pub trait Line: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Line for T {}
