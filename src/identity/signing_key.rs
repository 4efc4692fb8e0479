//! Keys that sign tokens, for the command line: made, read from a file, and used.

use std::{fmt, path::Path};

use aws_lc_rs::{
    encoding::{AsDer as _, PublicKeyX509Der},
    error::Unspecified,
    signature::{Ed25519KeyPair, KeyPair as _},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use rustls_pki_types::pem::SectionKind;
use serde::Serialize;

use super::key_file::{KeyError, KeyFile, shared_secret};
use crate::domain::{rights::Rights, room_scope::RoomScope};

/// A key that signs tokens.
#[derive(Debug)]
pub struct SigningKey {
    algorithm: Algorithm,
    /// The `kid` of its JWK, by which servers select it.
    id: Option<String>,
    key: EncodingKey,
}

/// A pair of keys of Ed25519, as PEM files have them.
pub struct GeneratedKey {
    /// The private one, PKCS #8 (RFC 5958).
    pub private_pem: String,
    /// The public one, a `SubjectPublicKeyInfo`.
    pub public_pem: String,
}

/// The claims of a token.
#[derive(Debug, Clone, Serialize)]
pub struct TokenClaims {
    /// The user as the signing system knows them.
    pub sub: String,
    /// The issuer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iss: Option<String>,
    /// The server that the token is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aud: Option<String>,
    /// The time it is made at, in seconds since 1970.
    pub iat: i64,
    /// The end of it, in seconds since 1970.
    pub exp: i64,
    /// The claim of the server, which narrows it.
    #[serde(skip_serializing_if = "Narrowing::is_empty")]
    pub parlor: Narrowing,
}

/// The claim `parlor`.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Narrowing {
    /// The name of the user, if it is not made of `sub`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The rooms; all, if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rooms: Option<RoomScope>,
    /// The rights; what the user's role gives, if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can: Option<Rights>,
}

impl Narrowing {
    fn is_empty(&self) -> bool {
        self.username.is_none() && self.rooms.is_none() && self.can.is_none()
    }
}

impl SigningKey {
    /// Reads a private key of Ed25519 (PEM, PKCS #8), or a shared secret (JWK of `oct`).
    ///
    /// # Errors
    /// [`KeyError`] with the file.
    pub fn load(path: &Path) -> Result<Self, KeyError> {
        let error = |why| KeyError { file: path.display().to_string(), why };
        KeyFile::read(path).and_then(Self::of).map_err(error)
    }

    fn of(content: KeyFile) -> Result<Self, String> {
        match content {
            KeyFile::Pem(SectionKind::PrivateKey, der) => match Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der) {
                Ok(_) => Ok(Self { algorithm: Algorithm::EdDSA, id: None, key: EncodingKey::from_ed_der(&der) }),
                Err(_) => Err("has a private key that is not of Ed25519; parlor keygen makes one".to_owned()),
            },
            KeyFile::Pem(SectionKind::PublicKey, _) => {
                Err("is a public key, which checks tokens; the private one signs them".to_owned())
            }
            KeyFile::Pem(..) => Err("is PEM, but not of a `PRIVATE KEY`; parlor keygen makes one".to_owned()),
            KeyFile::Json(jwk) => {
                if jwk.get("kty").and_then(serde_json::Value::as_str) != Some("oct") {
                    return Err("is a JWK of another kind than `oct`; keys that are no shared secret are read as PEM"
                        .to_owned());
                }
                let key = EncodingKey::from_secret(&shared_secret(&jwk)?).map_err(|_| "has no secret")?;
                let id = jwk.get("kid").and_then(serde_json::Value::as_str).map(str::to_owned);
                Ok(Self { algorithm: Algorithm::HS256, id, key })
            }
        }
    }

    /// A signed token.
    ///
    /// # Errors
    /// The library's, in words.
    pub fn sign(&self, claims: &TokenClaims) -> Result<String, String> {
        let header = Header { kid: self.id.clone(), ..Header::new(self.algorithm) };
        encode(&header, claims, &self.key).map_err(|error| format!("can't sign: {error}"))
    }
}

impl GeneratedKey {
    /// A new pair, from the system's randomness.
    ///
    /// # Errors
    /// If there is none.
    pub fn new() -> Result<Self, Unspecified> {
        let pair = Ed25519KeyPair::generate()?;
        let public: PublicKeyX509Der<'_> = pair.public_key().as_der()?;
        // The first version of the format, without the public key beside: older readers know no other.
        let private = pair.to_pkcs8v1()?;
        Ok(Self { private_pem: pem("PRIVATE KEY", private.as_ref()), public_pem: pem("PUBLIC KEY", public.as_ref()) })
    }
}

/// Shows the public one alone.
impl fmt::Debug for GeneratedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.public_pem)
    }
}

/// A block of PEM (RFC 7468). Keys of Ed25519 fit on one of its lines of 64.
fn pem(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
}
