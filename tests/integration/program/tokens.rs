//! `parlor keygen` and `parlor token`: keys that nobody else can read, and tokens that a server takes.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use parlor::{
    config::{JwtSettings, identity::JwtKeyFile},
    domain::{name::RoomName, rights::Rights},
    identity::{
        jwt::{JwtError, Verified},
        jwt_key::JwtKeys,
    },
};
use serde_json::{Value, json};

use crate::support::server::{complaint, parlor, parlor_command};

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a directory")
}

/// Runs `parlor`, which must succeed; its standard output.
fn made(dir: &Path, args: &[&str]) -> String {
    let output = parlor(dir, args);
    assert_eq!(output.status.code(), Some(0), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("a file").permissions().mode() & 0o777
}

fn now() -> i64 {
    #[expect(clippy::disallowed_methods, reason = "the program takes the system's time")]
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970");
    since.as_secs().cast_signed()
}

/// The result of a token with the keys of a file.
fn verified(file: &Path, audience: Option<&str>, token: &str) -> Result<Verified, JwtError> {
    let settings = JwtSettings {
        keys: vec![JwtKeyFile { path: file.to_owned(), is_admin: false }],
        audience: audience.map(str::to_owned),
        leeway: Duration::ZERO,
        ..JwtSettings::default()
    };
    JwtKeys::load(&settings).expect("keys").verify(token, now())
}

#[test]
fn keygen_makes_a_pair_that_nobody_else_can_read_and_never_overwrites() {
    let dir = folder();
    let dir = dir.path();
    assert_eq!(made(dir, &["keygen", "chat.pem"]), "", "standard output is for what was asked for");
    let (private, public) = (dir.join("chat.pem"), dir.join("chat.pem.pub"));
    assert_eq!((mode(&private), mode(&public) & 0o600), (0o600, 0o600));
    let texts = || [&private, &public].map(|path| fs::read_to_string(path).expect("a key"));
    let before = texts();
    assert!(before[0].starts_with("-----BEGIN PRIVATE KEY-----\n"), "{before:?}");
    assert!(before[1].starts_with("-----BEGIN PUBLIC KEY-----\n"), "{before:?}");

    let again = complaint(&parlor(dir, &["keygen", "chat.pem"]), 1);
    assert!(again.contains("chat.pem is there already"), "{again}");
    assert_eq!(texts(), before);

    // With one of the two there, the other is not made.
    fs::write(dir.join("half.pub"), "mine").expect("a file is written");
    let half = complaint(&parlor(dir, &["keygen", "half"]), 1);
    assert!(half.contains("half.pub is there already"), "{half}");
    assert!(!dir.join("half").exists());
    assert_eq!(fs::read_to_string(dir.join("half.pub")).expect("a file"), "mine");

    // A link that leads nowhere is there too: what it names is not made.
    symlink(dir.join("elsewhere"), dir.join("link")).expect("a link");
    complaint(&parlor(dir, &["keygen", "link"]), 1);
    assert!(!dir.join("elsewhere").exists() && !dir.join("link.pub").exists());

    let nowhere = complaint(&parlor(dir, &["keygen", "no/such/folder"]), 1);
    assert!(nowhere.contains("can't write no/such/folder"), "{nowhere}");
    complaint(&parlor(dir, &["keygen"]), 2);
    complaint(&parlor(dir, &["keygen", "a", "b"]), 2);
}

#[test]
fn a_token_of_the_command_line_is_taken_by_the_public_key() {
    let dir = folder();
    let dir = dir.path();
    made(dir, &["keygen", "key"]);
    let (public, before) = (dir.join("key.pub"), now());
    let short = ["token", "--sub", "Alice", "--audience", "parlor", "--for", "1h", "--key", "key"];
    let printed = made(dir, &short);
    let token = printed.strip_suffix('\n').expect("a line");
    assert!(token.split('.').count() == 3 && !token.contains(char::is_whitespace), "{printed}");
    let plain = verified(&public, Some("parlor"), token).expect("a good token");
    assert_eq!((&*plain.subject, plain.username.as_str(), plain.can), ("Alice", "Alice", None));
    assert!(plain.rooms.is_all());
    assert!((before..=now()).contains(&plain.issued_at.expect("a time")), "{plain:?}");
    assert_eq!(plain.expires_at, plain.issued_at.expect("a time") + 3_600);
    assert!(matches!(verified(&public, Some("other"), token), Err(JwtError::Invalid(_))));

    let more = ["--rooms", "general,team-*", "--can", "read,post", "--username", "Alice Lee", "--issuer", "shop"];
    let full = made(dir, &[&short[..], &more[..]].concat());
    let full = verified(&public, Some("parlor"), full.trim_end()).expect("a good token");
    assert_eq!(full.username.as_str(), "Alice Lee");
    assert_eq!(full.can, Some(Rights::parse(["read", "post"]).expect("rights")));
    for (room, is_covered) in [("general", true), ("team-a", true), ("other", false)] {
        assert_eq!(full.rooms.covers(&RoomName::parse(room).expect("a name")), is_covered, "{room}");
    }

    // Empty is none, not all.
    let none = made(dir, &[&short[..], &["--rooms", "", "--can", ""]].concat());
    let none = verified(&public, Some("parlor"), none.trim_end()).expect("a good token");
    assert_eq!((none.rooms.entries().count(), none.can), (0, Some(Rights::NONE)));

    // Another pair does not take it.
    made(dir, &["keygen", "other"]);
    assert!(matches!(verified(&dir.join("other.pub"), Some("parlor"), token), Err(JwtError::Invalid(_))));
}

#[test]
fn a_shared_secret_signs_too_under_its_name() {
    let dir = folder();
    let dir = dir.path();
    let jwk = json!({"kty": "oct", "kid": "2026", "k": URL_SAFE_NO_PAD.encode([7; 32])});
    fs::write(dir.join("secret.json"), jwk.to_string()).expect("a file is written");
    let token = made(dir, &["token", "--sub", "ci", "--for", "5m", "--key", "secret.json"]);
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().expect("a header")).expect("base64url");
    let header: Value = serde_json::from_slice(&header).expect("JSON");
    assert_eq!((&header["alg"], &header["kid"]), (&json!("HS256"), &json!("2026")));
    assert_eq!(&*verified(&dir.join("secret.json"), None, token.trim_end()).expect("a good token").subject, "ci");
}

#[test]
fn a_token_that_no_server_would_take_is_not_made() {
    let dir = folder();
    let dir = dir.path();
    made(dir, &["keygen", "key"]);
    let good = [("--sub", "Alice"), ("--for", "1h"), ("--key", "key")];
    // Good flags, one of them with another value, or one more.
    let with = |flag: &str, value: &str| {
        let others = good.iter().filter(|(known, _)| *known != flag).flat_map(|(flag, value)| [*flag, *value]);
        let args: Vec<_> = ["token"].into_iter().chain(others).chain([flag, value]).map(str::to_owned).collect();
        parlor_command(dir, &args.iter().map(String::as_str).collect::<Vec<_>>()).output().expect("parlor runs")
    };
    for (flag, value, says) in [
        ("--sub", "", "1 to 400 bytes"),
        ("--sub", "a\nb", "1 to 400 bytes"),
        ("--sub", "   ", "--username"),
        ("--sub", &"x".repeat(101), "--username"),
        ("--username", "\u{200b}", "username"),
        ("--rooms", "a.b", "a room's name"),
        ("--rooms", "a,,b", "a room's name"),
        ("--rooms", "*a", "a room's name"),
        ("--can", "write", "read, post, moderate, admin"),
        ("--for", "0s", "from 1s to 10y"),
        ("--for", "20y", "from 1s to 10y"),
        ("--for", "soon", "--for"),
        ("--no-such-flag", "1", "--no-such-flag"),
    ] {
        let error = complaint(&with(flag, value), 2);
        assert!(error.contains(says), "{flag} {value:?}: {error}");
    }
    for missing in good.map(|(flag, _)| flag) {
        let others = good.iter().filter(|(flag, _)| *flag != missing).flat_map(|(flag, value)| [*flag, *value]);
        let error = complaint(&parlor(dir, &["token"].into_iter().chain(others).collect::<Vec<_>>()), 2);
        assert!(error.contains(missing), "{missing}: {error}");
    }

    let short = json!({"kty": "oct", "k": URL_SAFE_NO_PAD.encode([7; 31])}).to_string();
    for (name, content) in [("short", &*short), ("text", "a secret"), ("jwk", r#"{"kty":"RSA"}"#)] {
        fs::write(dir.join(name), content).expect("a file is written");
    }
    for (file, says) in [
        ("key.pub", "a public key"),
        ("short", "31 bytes"),
        ("text", "neither a key in PEM nor a JWK"),
        ("jwk", "another kind than `oct`"),
        ("missing", "can't read it"),
    ] {
        let error = complaint(&with("--key", file), 1);
        assert!(error.contains(&format!("--key {file}: ")) && error.contains(says), "{error}");
    }
}
