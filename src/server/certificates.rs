//! The certificates that a TLS client is shown: read from files at the start, and again while the server runs.

use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use sha2::{Digest as _, Sha256};
use tokio::time::{MissedTickBehavior, interval};
use tokio_rustls::rustls::{
    self, ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use x509_parser::{
    certificate::X509Certificate,
    extensions::GeneralName,
    prelude::{FromDer as _, ParsedExtension},
};

use crate::{clock::Clock, config::tls::TlsPair};

/// The protocols that are offered (RFC 7301), the better first.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// A certificate or a key that can't be used.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {fault}")]
pub struct BadCertificate {
    file: String,
    fault: String,
}

impl BadCertificate {
    fn new(file: &Path, fault: &dyn ToString) -> Self {
        Self { file: file.display().to_string(), fault: fault.to_string() }
    }
}

/// The settings of TLS on a listener.
#[derive(Debug)]
pub struct Tls {
    /// For connections that are served.
    pub serving: Arc<ServerConfig>,
    /// For connections that are refused, all by HTTP/1.1.
    pub refusing: Arc<ServerConfig>,
}

/// The certificates in force, and the files they came from.
#[derive(Debug)]
pub struct Certificates {
    pairs: Vec<TlsPair>,
    clock: Clock,
    current: RwLock<Arc<[Named]>>,
    /// The files as they were when they were read last, whether or not they could be used.
    seen: Mutex<Vec<u8>>,
}

/// A certificate with its key, and the names it is for.
#[derive(Debug)]
struct Named {
    names: Vec<String>,
    key: Arc<CertifiedKey>,
}

impl Certificates {
    /// Reads the files; none, if there are none to read.
    ///
    /// # Errors
    /// [`BadCertificate`] for a file that can't be read, has not what it should, is of another pair, or whose time is over
    /// or has not come.
    pub fn load(pairs: &[TlsPair], clock: &Clock) -> Result<Option<Arc<Self>>, BadCertificate> {
        if pairs.is_empty() {
            return Ok(None);
        }
        let (seen, current) = (Mutex::new(stamp(pairs)), RwLock::new(read(pairs, clock)?));
        Ok(Some(Arc::new(Self { pairs: pairs.to_vec(), clock: clock.clone(), current, seen })))
    }

    /// Reads the files again. If one of them can't be used, the log says why, and what there was stays.
    pub fn reread(&self) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = stamp(&self.pairs);
        match read(&self.pairs, &self.clock) {
            Ok(new) => {
                tracing::info!(certificates = new.len(), "the certificates are read again");
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = new;
            }
            Err(error) => tracing::error!(%error, "the certificates can't be read again: they stay as they are"),
        }
    }

    /// Reads the files again whenever they have changed; never ends.
    pub async fn watch(self: Arc<Self>, every: Duration) {
        let mut looks = interval(every);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            let certificates = self.clone();
            let looked = tokio::task::spawn_blocking(move || {
                if *certificates.seen.lock().unwrap_or_else(PoisonError::into_inner) != stamp(&certificates.pairs) {
                    certificates.reread();
                }
            });
            // It fails only where it panicked, which the log has by then.
            let _ = looked.await;
        }
    }

    /// The settings of TLS with these certificates: versions 1.2 and 1.3, and the same keys of tickets throughout, so
    /// that who comes back need not shake hands in full, whichever certificate is in force.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub fn settings(self: &Arc<Self>) -> Result<Tls, rustls::Error> {
        let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?;
        let mut config = builder.with_no_client_auth().with_cert_resolver(self.clone());
        config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
        config.ticketer = ring::Ticketer::new()?;
        let mut refusing = config.clone();
        refusing.alpn_protocols.retain(|protocol| protocol == b"http/1.1");
        Ok(Tls { serving: Arc::new(config), refusing: Arc::new(refusing) })
    }
}

impl ResolvesServerCert for Certificates {
    /// The certificate for the name that the client asks for: by that name, or by a wildcard, or else the first.
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner).clone();
        let found = hello.server_name().and_then(|name| {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            let parent = name.split_once('.').map(|(_, parent)| format!("*.{parent}"));
            let of = |name: &String| current.iter().find(|named| named.names.contains(name));
            of(&name).or_else(|| of(parent.as_ref()?))
        });
        found.or_else(|| current.first()).map(|named| named.key.clone())
    }
}

/// The contents of all files, in short. One that can't be read has none.
fn stamp(pairs: &[TlsPair]) -> Vec<u8> {
    let mut stamp = Sha256::new();
    for file in pairs.iter().flat_map(|pair| [&pair.cert, &pair.key]) {
        let content = fs::read(file).unwrap_or_default();
        stamp.update(content.len().to_be_bytes());
        stamp.update(content);
    }
    stamp.finalize().to_vec()
}

fn read(pairs: &[TlsPair], clock: &Clock) -> Result<Arc<[Named]>, BadCertificate> {
    pairs.iter().map(|pair| read_pair(pair, clock)).collect()
}

fn read_pair(pair: &TlsPair, clock: &Clock) -> Result<Named, BadCertificate> {
    let TlsPair { cert, key } = pair;
    let bad_cert = |fault: &dyn ToString| BadCertificate::new(cert, fault);
    let pem = fs::read(cert).map_err(|error| bad_cert(&error))?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let chain = chain.map_err(|error| bad_cert(&format!("is no PEM: {error}")))?;
    let own = chain.first().ok_or_else(|| bad_cert(&"has no certificate in PEM (`BEGIN CERTIFICATE`)"))?;
    let names = names(own, clock).map_err(|fault| bad_cert(&fault))?;

    let bad_key = |fault: &dyn ToString| BadCertificate::new(key, fault);
    let pem = fs::read(key).map_err(|error| bad_key(&error))?;
    let private = PrivateKeyDer::from_pem_slice(&pem).map_err(|_| {
        bad_key(&"has no private key in PEM (`BEGIN PRIVATE KEY`); one with a password has to be decrypted first")
    })?;
    let key = CertifiedKey::from_der(chain, private, &ring::default_provider()).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => bad_key(&format!("is not the key of {}", cert.display())),
        error => bad_key(&format!("can't be used: {error}")),
    })?;
    Ok(Named { names, key: Arc::new(key) })
}

/// The names that a certificate is for, if it may be used now.
fn names(der: &CertificateDer<'_>, clock: &Clock) -> Result<Vec<String>, String> {
    let (_, certificate) = X509Certificate::from_der(der).map_err(|error| format!("is no certificate: {error}"))?;
    let (validity, now) = (certificate.validity(), clock.now().micros() / 1_000_000);
    if validity.not_after.timestamp() < now {
        return Err(format!("has expired: {}", validity.not_after));
    }
    if validity.not_before.timestamp() > now {
        return Err(format!("is not valid before {}", validity.not_before));
    }
    let names = certificate.extensions().iter().filter_map(|extension| match extension.parsed_extension() {
        ParsedExtension::SubjectAlternativeName(names) => Some(&names.general_names),
        _ => None,
    });
    let names = names.flatten().filter_map(|name| match name {
        GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
        _ => None,
    });
    Ok(names.collect())
}
