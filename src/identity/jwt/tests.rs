//! Tokens that are good, and every attack on one that this layer has to withstand.

mod attacks;
mod claims;

use std::{fs, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use serde_json::{Value, json};

use super::*;
use crate::{
    config::{JwtSettings, identity::JwtKeyFile},
    identity::signing_key::GeneratedKey,
};

/// The time at which tokens are checked here.
const NOW: i64 = 1_900_000_000;
const LEEWAY: i64 = 30;

/// Keys in force, with those that sign for them.
struct Scene {
    keys: JwtKeys,
    /// Signs for the key in PEM, which may give `admin`.
    admin: EncodingKey,
    admin_pem: String,
    /// Signs for the two shared secrets, whose names are `one` and `two`.
    one: EncodingKey,
    two: EncodingKey,
}

/// The keys of files with these contents.
fn keys(contents: &[(&str, bool)], issuer: Option<&str>, audience: Option<&str>) -> JwtKeys {
    let folder = tempfile::tempdir().unwrap();
    let file = |(number, (content, is_admin)): (usize, &(&str, bool))| {
        let path = folder.path().join(number.to_string());
        fs::write(&path, content).unwrap();
        JwtKeyFile { path, is_admin: *is_admin }
    };
    let settings = JwtSettings {
        keys: contents.iter().enumerate().map(file).collect(),
        jwks: None,
        issuer: issuer.map(str::to_owned),
        audience: audience.map(str::to_owned),
        leeway: Duration::from_secs(LEEWAY.unsigned_abs()),
    };
    JwtKeys::load(&settings).unwrap()
}

fn shared(name: &str, secret: &[u8]) -> String {
    json!({"kty": "oct", "kid": name, "k": URL_SAFE_NO_PAD.encode(secret)}).to_string()
}

fn private(pair: &GeneratedKey) -> EncodingKey {
    let body = pair.private_pem.lines().nth(1).unwrap();
    EncodingKey::from_ed_der(&base64::engine::general_purpose::STANDARD.decode(body).unwrap())
}

impl Scene {
    fn new() -> Self {
        let pair = GeneratedKey::new().unwrap();
        let (one, two) = ([1; 32], [2; 32]);
        let files = [(&*pair.public_pem, true), (&*shared("one", &one), false), (&*shared("two", &two), false)];
        Self {
            keys: keys(&files, Some("issuer"), Some("parlor")),
            admin: private(&pair),
            admin_pem: pair.public_pem,
            one: EncodingKey::from_secret(&one).unwrap(),
            two: EncodingKey::from_secret(&two).unwrap(),
        }
    }

    /// The result for claims that differ from good ones in these, signed with a shared secret.
    fn with(&self, changes: &Value) -> Result<Verified, JwtError> {
        self.keys.verify(&by(&self.one, &changed(changes)), NOW)
    }

    /// The result for claims as text.
    fn with_text(&self, claims: &str) -> Result<Verified, JwtError> {
        self.keys.verify(&signed(&self.one, r#"{"alg":"HS256"}"#, claims), NOW)
    }

    /// The result for good claims under a header as text, signed with a key by its own algorithm.
    fn under(&self, key: &EncodingKey, header: &str) -> Result<Verified, JwtError> {
        self.keys.verify(&signed(key, header, &changed(&json!({})).to_string()), NOW)
    }
}

/// Good claims, changed; `null` takes one away.
fn changed(changes: &Value) -> Value {
    let mut claims = json!({"sub": "Alice", "iss": "issuer", "aud": "parlor", "exp": NOW + 60});
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    claims
}

fn encoded(part: &str) -> String {
    URL_SAFE_NO_PAD.encode(part)
}

/// A token of parts as text, signed by the key's own algorithm whatever the header says.
fn signed(key: &EncodingKey, header: &str, claims: &str) -> String {
    let message = format!("{}.{}", encoded(header), encoded(claims));
    let algorithm = if key.family() == jsonwebtoken::AlgorithmFamily::Ed { Algorithm::EdDSA } else { Algorithm::HS256 };
    format!("{message}.{}", crypto::sign(message.as_bytes(), key, algorithm).unwrap())
}

/// A token of claims under a plain header.
fn by(key: &EncodingKey, claims: &Value) -> String {
    let is_ed = key.family() == jsonwebtoken::AlgorithmFamily::Ed;
    signed(key, if is_ed { r#"{"alg":"EdDSA"}"# } else { r#"{"alg":"HS256"}"# }, &claims.to_string())
}

/// The reason for the log.
#[track_caller]
fn reason(result: Result<Verified, JwtError>) -> &'static str {
    match result {
        Err(JwtError::Invalid(reason)) => reason,
        other => panic!("it is not refused: {other:?}"),
    }
}
