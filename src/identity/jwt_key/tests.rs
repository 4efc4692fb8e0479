//! The files of keys that are taken, and those that are refused.

use std::fs;

use aws_lc_rs::{
    encoding::{AsDer, PublicKeyX509Der},
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RsaKeyPair,
    },
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::json;

use super::*;
use crate::{config::identity::JwtKeyFile, identity::signing_key::GeneratedKey};

/// Public keys as `openssl pkey -pubout` writes them, in lines of 64.
const OF_OPENSSL: [(&str, Algorithm); 3] = [
    (
        "-----BEGIN PUBLIC KEY-----\n\
         MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAyDSqkheACtjb4oTXM70v\n\
         qwQAFMtPv7ntzHbNhzhhJTeHf063fwma7tb9vPalaQH4Cr72bRim8mWY2j/C0xIV\n\
         FFAOwWZEEKZmEPXX2bg88xapZb7W3YEvxqmw4SMNoxplEGQYjK4XuFF7C3Hpje8b\n\
         5WsYTp9ifZYV6RmDnmyjrXaT+A3X7D+z2W90OqwuGwJxvW3PIxrIrhhNeEzNXoW9\n\
         pU9llAtnzP2wA8kE2sfmqF1PefrTDrr0R7TEnfotgJX2wP+gXgqOEtdKjWIzF/GA\n\
         zkZdVrEPD9X5GxEUjlwPGg2ntuPwl2oxRu73HanrYhOEC2JTneTaHbuq4HuyRwDW\n\
         0wIDAQAB\n\
         -----END PUBLIC KEY-----\n",
        Algorithm::RS256,
    ),
    (
        "-----BEGIN PUBLIC KEY-----\n\
         MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAELyTASqmzLe5Ab79U8Rai7LN5HoNX\n\
         ESASenA4g2NSKv81AQYAnxqv+qQQZRrKUIbNkB3Kg+LUiJMZDGFZtWHppw==\n\
         -----END PUBLIC KEY-----\n",
        Algorithm::ES256,
    ),
    (
        "-----BEGIN PUBLIC KEY-----\n\
         MCowBQYDK2VwAyEASFX7K/XPF+yu3murGrvus9r0RrwgIFINCnfGZjVf6sY=\n\
         -----END PUBLIC KEY-----\n",
        Algorithm::EdDSA,
    ),
];

fn pem(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
}

fn spki(key: &impl AsDer<PublicKeyX509Der<'static>>) -> String {
    pem("PUBLIC KEY", key.as_der().unwrap().as_ref())
}

/// The settings for one file with this content, by a flag.
fn load(flag: &str, content: &str, audience: Option<&str>) -> Result<JwtKeys, KeyError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("the-key");
    fs::write(&path, content).unwrap();
    let mut settings = JwtSettings { audience: audience.map(str::to_owned), ..JwtSettings::default() };
    match flag {
        "--jwt-key" => settings.keys.push(JwtKeyFile { path, is_admin: false }),
        _ => settings.jwks = Some(path),
    }
    JwtKeys::load(&settings)
}

/// The algorithms of a file's keys.
fn algorithms(flag: &str, content: &str) -> Vec<Algorithm> {
    load(flag, content, Some("parlor")).unwrap().keys.iter().map(|key| key.algorithm).collect()
}

/// The reason why a file is refused; it names the flag and the file.
fn refused(flag: &str, content: &str) -> String {
    let error = load(flag, content, Some("parlor")).unwrap_err().to_string();
    assert!(error.starts_with(flag) && error.contains("the-key: "), "{error}");
    error
}

fn shared(bytes: usize) -> String {
    json!({"kty": "oct", "kid": "one", "k": URL_SAFE_NO_PAD.encode(vec![7; bytes])}).to_string()
}

#[test]
fn the_key_fixes_the_algorithm() {
    let ed = GeneratedKey::new().unwrap().public_pem;
    let ec = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let rsa = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    for (content, algorithm) in [
        (ed.clone(), Algorithm::EdDSA),
        (format!("a comment\n{}\n\n", ed.replace('\n', "\r\n")), Algorithm::EdDSA),
        (spki(ec.public_key()), Algorithm::ES256),
        (spki(rsa.public_key()), Algorithm::RS256),
        (shared(32), Algorithm::HS256),
        (format!("\n {}\n", shared(64)), Algorithm::HS256),
    ] {
        assert_eq!(algorithms("--jwt-key", &content), [algorithm], "{content}");
    }
    for (content, algorithm) in OF_OPENSSL {
        assert_eq!(algorithms("--jwt-key", content), [algorithm], "{content}");
    }
}

#[test]
fn what_is_no_key_to_check_tokens_by_is_refused_in_plain_words() {
    let pair = GeneratedKey::new().unwrap();
    let curve = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap();
    let der = STANDARD.decode(pair.public_pem.lines().nth(1).unwrap()).unwrap();
    let point = |x: &str, y: &str| json!({"kty": "EC", "crv": "P-256", "x": x, "y": y}).to_string();
    let pem_as_secret = json!({"kty": "oct", "k": URL_SAFE_NO_PAD.encode(&pair.public_pem)}).to_string();
    let der_as_secret = json!({"kty": "oct", "k": URL_SAFE_NO_PAD.encode(&der)}).to_string();
    for (content, says) in [
        (String::new(), "neither a key in PEM nor a JWK"),
        ("a secret of more than thirty-two bytes".to_owned(), "neither a key in PEM nor a JWK"),
        (pair.private_pem.clone(), "a private key"),
        (pem("EC PRIVATE KEY", &der), "a private key"),
        (pem("RSA PRIVATE KEY", &der), "a private key"),
        (pem("CERTIFICATE", &der), "a certificate"),
        (pem("CERTIFICATE REQUEST", &der), "not of a `PUBLIC KEY`"),
        (pem("OPENSSH PRIVATE KEY", &der), "neither a key in PEM"),
        (format!("{0}{0}", pair.public_pem), "several PEM blocks"),
        (format!("{}{}", pair.public_pem, pair.private_pem), "several PEM blocks"),
        (pair.public_pem.replace("-----END", "----END"), "can't be read"),
        (pem("PUBLIC KEY", &der[..40]), "none of the kinds"),
        (pem("PUBLIC KEY", &der[12..]), "none of the kinds"),
        (spki(curve.public_key()), "none of the kinds"),
        (shared(31), "has a secret of 31 bytes; HS256 needs at least 32"),
        (shared(0), "has a secret of 0 bytes"),
        (pem_as_secret, "has a key in PEM as its shared secret"),
        (der_as_secret, "has a public key as its shared secret"),
        (r#"{"kty":"oct"}"#.to_owned(), "has no `k`"),
        (r#"{"kty":"oct","k":"a+b="}"#.to_owned(), "not base64url"),
        ("{".to_owned(), "is no JSON"),
        ("{}".to_owned(), "has no `kty`"),
        (r#"{"kty":"AKP","alg":"ML-DSA-44","pub":"AA"}"#.to_owned(), "none of the kinds"),
        (r#"{"kty":"OKP","crv":"Ed25519","x":"AA"}"#.to_owned(), "not on its curve"),
        (
            r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","d":"AA"}"#.to_owned(),
            "is a private key",
        ),
        (r#"{"kty":"EC","crv":"P-384","x":"AA","y":"AA"}"#.to_owned(), "none of the kinds"),
        (point(&URL_SAFE_NO_PAD.encode([1; 32]), &URL_SAFE_NO_PAD.encode([1; 32])), "not on its curve"),
        (
            json!({"kty": "RSA", "n": URL_SAFE_NO_PAD.encode([0xff; 128]), "e": "AQAB"}).to_string(),
            "an RSA key of 1024 bits",
        ),
        (shared(32).replace("oct\"", "oct\",\"alg\":\"HS512\""), "says `alg` \"HS512\""),
        (shared(32).replace("oct\"", "oct\",\"use\":\"enc\""), "says `use` \"enc\""),
        (shared(32).replace("oct\"", "oct\",\"key_ops\":[\"sign\"]"), "not for `verify`"),
        (shared(32).replace("\"one\"", "1"), "has a `kid` that is no string"),
        (format!("{{\"keys\":[{}]}}", shared(32)), "give it with --jwks"),
        (format!("{}{}", shared(32), shared(32)), "is no JSON"),
        ("x".repeat(1 << 20) + "xx", "more than 1 MiB"),
    ] {
        let error = refused("--jwt-key", &content);
        assert!(error.contains(says), "{says}: {error}");
        assert!(!error.contains(&*pair.private_pem) && !error.contains("BwcHBw"), "no key is shown: {error}");
    }
    let missing = JwtSettings {
        keys: vec![JwtKeyFile { path: "no-such-file".into(), is_admin: false }],
        ..JwtSettings::default()
    };
    let error = JwtKeys::load(&missing).unwrap_err().to_string();
    assert!(error.starts_with("--jwt-key no-such-file: can't read it: "), "{error}");
}

#[test]
fn a_set_has_keys_for_signatures() {
    let ed = r#"{"kty":"OKP","crv":"Ed25519","kid":"ed","use":"sig","alg":"EdDSA","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    let encrypting = r#"{"kty":"RSA","use":"enc","alg":"RSA-OAEP","n":"AA","e":"AQAB"}"#;
    let set = |keys: &[&str]| format!("{{\"keys\": [{}]}}", keys.join(","));
    let keys = load("--jwks", &set(&[encrypting, ed, &shared(32)]), Some("parlor")).unwrap().keys;
    let found: Vec<_> = keys.iter().map(|key| (key.id.as_deref(), key.algorithm, key.is_admin)).collect();
    assert_eq!(found, [(Some("ed"), Algorithm::EdDSA, false), (Some("one"), Algorithm::HS256, false)]);
    for (content, says) in [
        (set(&[]), "has no key for signatures"),
        (set(&[encrypting]), "has no key for signatures"),
        (set(&[ed, "{}"]), "key 2 has no `kty`"),
        (set(&[ed, &shared(31)]), "key 2 has a secret of 31 bytes"),
        (set(&["7"]), "key 1 is no JWK"),
        (set(&vec![ed; 101]), "more than 100 keys"),
        (ed.to_owned(), "has no list `keys`"),
        (GeneratedKey::new().unwrap().public_pem, "give a key in PEM with --jwt-key"),
    ] {
        let error = refused("--jwks", &content);
        assert!(error.contains(says), "{says}: {error}");
    }
}

#[test]
fn a_public_key_needs_an_audience_and_a_shared_secret_none() {
    let public = GeneratedKey::new().unwrap().public_pem;
    let error = load("--jwt-key", &public, None).unwrap_err().to_string();
    assert!(error.contains("--jwt-audience"), "{error}");
    assert!(load("--jwt-key", &public, Some("parlor")).is_ok());
    let keys = load("--jwt-key", &shared(32), None).unwrap();
    assert!(!keys.is_empty() && JwtKeys::default().is_empty());
    assert_eq!(format!("{:?}", keys.keys), "[HS256 Some(\"one\")]", "no key is shown");
}
