//! The keys that tokens of other systems are checked by, as files have them. A key fixes its algorithm.

use std::{fmt, path::Path, time::Duration};

use aws_lc_rs::{
    rsa,
    signature::{
        ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
    },
};
use jsonwebtoken::{
    Algorithm, DecodingKey, DecodingKeyKind,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk},
};
use rustls_pki_types::pem::SectionKind;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

pub use super::key_file::KeyError;
use super::key_file::{KeyFile, shared_secret};
use crate::{config::JwtSettings, domain::actor::KeyMark};

/// The sizes of an RSA key, in bits. Shorter ones are forged (RFC 7518, 3.3), longer ones cost more than they give.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2_048..=8_192;
/// The most keys of all files together: a token that names none is tried by each of its algorithm.
const MAX_KEYS: usize = 100;

/// A key that tokens are checked by.
#[derive(Clone)]
pub(super) struct JwtKey {
    /// The name by which tokens select it, if it has one.
    pub id: Option<String>,
    /// The one algorithm of its tokens.
    pub algorithm: Algorithm,
    /// True if its tokens may give the right `admin`.
    pub is_admin: bool,
    /// The key itself.
    pub key: DecodingKey,
    /// The mark by which it is known again.
    pub mark: KeyMark,
}

/// The keys in force, with what tokens have to say besides.
#[derive(Clone, Debug, Default)]
pub struct JwtKeys {
    pub(super) keys: Vec<JwtKey>,
    pub(super) issuer: Option<String>,
    pub(super) audience: Option<String>,
    pub(super) leeway: Duration,
}

impl JwtKeys {
    /// The difference that is forgiven between this machine's clock and that of whoever signs.
    #[must_use]
    pub fn leeway(&self) -> Duration {
        self.leeway
    }

    /// Reads the files of the settings. It reads them again whenever it is called, so keys can be changed while the
    /// server runs.
    ///
    /// # Errors
    /// [`KeyError`] with the flag and the file, if one can't be used, or has a public key while no audience is set:
    /// whoever has a token of another service of the same issuer could sign in here with it.
    pub fn load(settings: &JwtSettings) -> Result<Self, KeyError> {
        let mut keys = Vec::new();
        let mut add = |flag: &str, path: &Path, read: &dyn Fn(KeyFile) -> Result<Vec<JwtKey>, String>| {
            let error = |why| KeyError { file: format!("{flag} {}", path.display()), why };
            let found = KeyFile::read(path).and_then(read).map_err(error)?;
            if settings.audience.is_none() && found.iter().any(|key| key.algorithm != Algorithm::HS256) {
                let why = "its tokens may be for any service of their issuer; name this one with --jwt-audience";
                return Err(error(why.to_owned()));
            }
            keys.extend(found);
            if keys.len() > MAX_KEYS { Err(error(format!("makes more than {MAX_KEYS} keys"))) } else { Ok(()) }
        };
        for file in &settings.keys {
            add("--jwt-key", &file.path, &|content| {
                let key = JwtKey::single(content)?;
                Ok(vec![JwtKey { is_admin: file.is_admin, ..key }])
            })?;
        }
        if let Some(path) = &settings.jwks {
            add("--jwks", path, &JwtKey::set)?;
        }
        let (issuer, audience) = (settings.issuer.clone(), settings.audience.clone());
        Ok(Self { keys, issuer, audience, leeway: settings.leeway })
    }

    /// The number of keys.
    #[must_use]
    pub fn count(&self) -> usize {
        self.keys.len()
    }

    /// Returns true if the key of this mark is among them.
    #[must_use]
    pub fn has(&self, mark: KeyMark) -> bool {
        self.keys.iter().any(|key| key.mark == mark)
    }

    /// Returns true if there is no key, so that no token is good.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

impl JwtKey {
    /// The key of a file with one.
    fn single(content: KeyFile) -> Result<Self, String> {
        match content {
            KeyFile::Pem(SectionKind::PublicKey, der) => Self::of_spki(&der),
            KeyFile::Pem(kind, _) => Err(refused(kind)),
            KeyFile::Json(jwk) if jwk.contains_key("keys") => {
                Err("is a set of keys, not one; give it with --jwks".to_owned())
            }
            KeyFile::Json(jwk) => Self::of_jwk(&jwk),
        }
    }

    /// The keys of a set (RFC 7517, 5), except those that say of themselves that they are for encryption.
    fn set(content: KeyFile) -> Result<Vec<Self>, String> {
        let KeyFile::Json(set) = content else {
            return Err("is no set of JWKs; give a key in PEM with --jwt-key".to_owned());
        };
        let Some(Value::Array(jwks)) = set.get("keys") else {
            return Err("has no list `keys`, as a set of JWKs has; give a single key with --jwt-key".to_owned());
        };
        let mut keys = Vec::new();
        for (number, jwk) in (1..).zip(jwks) {
            let Value::Object(jwk) = jwk else { return Err(format!("key {number} is no JWK")) };
            if jwk.get("use").and_then(Value::as_str) != Some("enc") {
                keys.push(Self::of_jwk(jwk).map_err(|why| format!("key {number} {why}"))?);
            }
        }
        if keys.is_empty() { Err("has no key for signatures".to_owned()) } else { Ok(keys) }
    }

    fn new(algorithm: Algorithm, key: DecodingKey) -> Self {
        let mark = mark(algorithm, &key);
        Self { id: None, algorithm, is_admin: false, key, mark }
    }

    /// The key of a DER `SubjectPublicKeyInfo` (RFC 5280, 4.1.2.7), which is what a PEM `PUBLIC KEY` holds.
    fn of_spki(der: &[u8]) -> Result<Self, String> {
        // The library takes bare points too. An SPKI is a sequence, and the shortest, of Ed25519, has 44 bytes.
        if der.len() >= 44 && der[0] == 0x30 {
            if ParsedPublicKey::new(&ED25519, der).is_ok() {
                return Ok(Self::new(Algorithm::EdDSA, DecodingKey::from_ed_der(der)));
            }
            if ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, der).is_ok() {
                return Ok(Self::new(Algorithm::ES256, DecodingKey::from_ec_der(der)));
            }
            if let Ok(key) = rsa::PublicKey::from_der(der) {
                let parts = RsaPublicKeyComponents::<Vec<u8>>::from(&key);
                return Self::of_rsa(&parts.n, &parts.e);
            }
        }
        Err("has a public key of none of the kinds RSA (RS256), P-256 (ES256) and Ed25519 (EdDSA)".to_owned())
    }

    fn of_rsa(modulus: &[u8], exponent: &[u8]) -> Result<Self, String> {
        let start = modulus.iter().position(|byte| *byte != 0).unwrap_or(modulus.len());
        let modulus = &modulus[start..];
        let bits = modulus.first().map_or(0, |first| modulus.len() * 8 - first.leading_zeros() as usize);
        if !RSA_BITS.contains(&bits) {
            return Err(format!(
                "has an RSA key of {bits} bits; from {} to {} will do",
                RSA_BITS.start(),
                RSA_BITS.end()
            ));
        }
        let parts = RsaPublicKeyComponents { n: modulus, e: exponent };
        parts
            .to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256)
            .map_err(|_| "has an RSA key that is none".to_owned())?;
        Ok(Self::new(Algorithm::RS256, DecodingKey::from_rsa_raw_components(modulus, exponent)))
    }

    /// The key of a JWK.
    fn of_jwk(object: &Map<String, Value>) -> Result<Self, String> {
        let kind = object.get("kty").and_then(Value::as_str).ok_or("has no `kty`, as a JWK has")?;
        if kind == "oct" {
            let secret = shared_secret(object)?;
            if Self::of_spki(&secret).is_ok() {
                return Err("has a public key as its shared secret; give it in PEM".to_owned());
            }
            let key = DecodingKey::from_secret(&secret).map_err(|_| "has no secret")?;
            return Self::new(Algorithm::HS256, key).named(object);
        }
        if ["d", "p", "q", "dp", "dq", "qi", "oth"].iter().any(|private| object.contains_key(*private)) {
            return Err("is a private key; leave it with whoever signs, and give the public one".to_owned());
        }
        let jwk: Jwk = serde_json::from_value(Value::Object(object.clone())).map_err(|_| "is no JWK")?;
        let key = DecodingKey::from_jwk(&jwk).map_err(|_| unknown_kind())?;
        let is_sound = |algorithm| key.try_get_as_bytes().is_ok_and(|key| ParsedPublicKey::new(algorithm, key).is_ok());
        let algorithm = match &jwk.algorithm {
            AlgorithmParameters::RSA(_) => {
                let DecodingKeyKind::RsaModulusExponent { n, e } = key.kind() else {
                    return Err(unknown_kind());
                };
                return Self::of_rsa(n, e)?.named(object);
            }
            AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
                is_sound(&ECDSA_P256_SHA256_FIXED).then_some(Algorithm::ES256)
            }
            AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
                is_sound(&ED25519).then_some(Algorithm::EdDSA)
            }
            _ => return Err(unknown_kind()),
        };
        let algorithm = algorithm.ok_or("has a point that is not on its curve")?;
        Self::new(algorithm, key).named(object)
    }

    /// The key with the `kid` of its JWK, which may not say that it is for something else.
    fn named(self, jwk: &Map<String, Value>) -> Result<Self, String> {
        let algorithm = format!("{:?}", self.algorithm);
        for (member, needed) in [("alg", algorithm.as_str()), ("use", "sig")] {
            match jwk.get(member) {
                None => {}
                Some(Value::String(said)) if said == needed => {}
                Some(said) => return Err(format!("says `{member}` {said}, and its kind is used for {needed} only")),
            }
        }
        match jwk.get("key_ops") {
            None => {}
            Some(Value::Array(operations)) if operations.iter().any(|operation| operation == "verify") => {}
            Some(_) => return Err("says in `key_ops` that it is not for `verify`".to_owned()),
        }
        match jwk.get("kid") {
            None => Ok(self),
            Some(Value::String(id)) => Ok(Self { id: Some(id.clone()), ..self }),
            Some(_) => Err("has a `kid` that is no string".to_owned()),
        }
    }
}

/// The mark of a key: the same one on every node that has it.
fn mark(algorithm: Algorithm, key: &DecodingKey) -> KeyMark {
    let mut hash = Sha256::new_with_prefix(format!("{algorithm:?} "));
    match key.kind() {
        DecodingKeyKind::RsaModulusExponent { n, e } => {
            hash.update(n);
            hash.update(e);
        }
        DecodingKeyKind::SecretOrDer(bytes) => hash.update(bytes),
    }
    hash.finalize().iter().take(size_of::<KeyMark>()).fold(0, |mark, byte| mark << 8 | KeyMark::from(*byte))
}

fn unknown_kind() -> String {
    "is a JWK of none of the kinds oct (HS256), RSA (RS256), EC with P-256 (ES256) and OKP with Ed25519 (EdDSA)"
        .to_owned()
}

/// The reason for refusing a PEM block that is no public key.
fn refused(kind: SectionKind) -> String {
    let what = match kind {
        SectionKind::PrivateKey | SectionKind::RsaPrivateKey | SectionKind::EcPrivateKey => {
            "is a private key; leave it with whoever signs, and give the public one"
        }
        SectionKind::Certificate => "is a certificate; give its key: openssl x509 -pubkey -noout -in FILE",
        _ => "is PEM, but not of a `PUBLIC KEY`",
    };
    what.to_owned()
}

/// Shows no key, not even a public one, since a shared secret is one of them.
impl fmt::Debug for JwtKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {:?}", self.algorithm, self.id)
    }
}

#[cfg(test)]
mod tests;
