//! Files with keys: a PEM block, or JSON of keys (JWK, RFC 7517), told apart by how they begin.

use std::{fs::File, io::Read as _, path::Path};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use rustls_pki_types::pem::{PemObject as _, SectionKind};
use serde_json::{Map, Value};

/// The longest file that is read, in bytes. A set of keys has a few thousand.
const MAX_FILE_BYTES: u64 = 1 << 20;
/// The shortest shared secret: as long as what HMAC SHA-256 makes of it (RFC 7518, 3.2).
pub(super) const MIN_SECRET_BYTES: usize = 32;

/// A file of keys that can't be used, and why, in words for the operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {why}")]
pub struct KeyError {
    /// The file, and the flag that names it, if one does.
    pub file: String,
    /// The reason, and what would do.
    pub why: String,
}

/// The content of a file of keys.
pub(super) enum KeyFile {
    /// The one block of a PEM file.
    Pem(SectionKind, Vec<u8>),
    /// A JSON object.
    Json(Map<String, Value>),
}

impl KeyFile {
    /// Reads a file.
    ///
    /// # Errors
    /// The reason, if it can't be read, or is neither PEM with one block nor a JSON object.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(|error| format!("can't read it: {error}"))?;
        file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(|error| format!("can't read it: {error}"))?;
        if bytes.len() as u64 > MAX_FILE_BYTES {
            return Err("has more than 1 MiB, as no key has".to_owned());
        }
        Self::parse(&bytes)
    }

    /// Takes the content of a file apart.
    ///
    /// # Errors
    /// As [`KeyFile::read`].
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        if bytes.trim_ascii_start().starts_with(b"{") {
            let object = serde_json::from_slice(bytes).map_err(|error| format!("is no JSON: {error}"));
            return object.map(Self::Json);
        }
        let mut blocks = Vec::new();
        for block in <(SectionKind, Vec<u8>)>::pem_slice_iter(bytes) {
            blocks.push(block.map_err(|_| "is PEM that can't be read".to_owned())?);
        }
        match (blocks.pop(), blocks.is_empty()) {
            (Some((kind, der)), true) => Ok(Self::Pem(kind, der)),
            (Some(_), false) => Err("has several PEM blocks; a key is one".to_owned()),
            (None, _) => Err("is neither a key in PEM nor a JWK".to_owned()),
        }
    }
}

/// The secret of a JWK of `kty` `oct`.
///
/// # Errors
/// The reason, if it has none or a short one.
pub(super) fn shared_secret(jwk: &Map<String, Value>) -> Result<Vec<u8>, String> {
    let text = jwk.get("k").and_then(Value::as_str).ok_or("has no `k`, in which a JWK of `oct` has its secret")?;
    let secret = URL_SAFE_NO_PAD.decode(text).map_err(|_| "has a `k` that is not base64url without padding")?;
    let length = secret.len();
    if secret.trim_ascii_start().starts_with(b"-----BEGIN ") {
        return Err("has a key in PEM as its shared secret; give the PEM file itself".to_owned());
    }
    if length < MIN_SECRET_BYTES {
        return Err(format!("has a secret of {length} bytes; HS256 needs at least {MIN_SECRET_BYTES}"));
    }
    Ok(secret)
}
