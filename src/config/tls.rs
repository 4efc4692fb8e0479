//! The certificates of TLS, and their private keys.

use std::path::PathBuf;

use clap::Args;

use super::ConfigError;

/// The settings of TLS.
#[derive(Debug, Clone, Args)]
pub struct TlsArgs {
    /// Certificate for TLS, with those between it and the root, in PEM; repeat it for several, which are told apart by the names in them
    #[arg(long, env = "PARLOR_TLS_CERT", value_name = "FILE", value_delimiter = ',')]
    pub tls_cert: Vec<PathBuf>,

    /// Private key of the certificate, in PEM; one for each, in the same order
    #[arg(long, env = "PARLOR_TLS_KEY", value_name = "FILE", value_delimiter = ',')]
    pub tls_key: Vec<PathBuf>,
}

/// The files of a certificate and of its private key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsPair {
    /// The certificate.
    pub cert: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

impl TlsArgs {
    /// Puts certificates and keys together.
    ///
    /// # Errors
    /// [`ConfigError`] if there are more of the one than of the other.
    pub fn check(self) -> Result<Vec<TlsPair>, ConfigError> {
        let (certs, keys) = (self.tls_cert.len(), self.tls_key.len());
        if certs != keys {
            return Err(ConfigError(format!(
                "--tls-cert is given {certs} times and --tls-key {keys} times: each certificate needs its key"
            )));
        }
        let pairs = self.tls_cert.into_iter().zip(self.tls_key);
        Ok(pairs.map(|(cert, key)| TlsPair { cert, key }).collect())
    }
}
