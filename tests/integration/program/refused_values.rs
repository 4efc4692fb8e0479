//! Values of settings that are refused, in words for people who don't know the language it is written in.

use crate::support::{
    Server,
    server::{complaint, failure, parlor},
};

#[test]
fn a_value_that_is_refused_is_told_what_would_do() {
    let dir = tempfile::tempdir().expect("a directory");
    for (command, flag, values, says) in [
        ("serve", "--max-connections", ["abc", "0"], "has to be a whole number from 1 to "),
        ("serve", "--revisions", ["99999999999999999999", "-1"], "has to be a whole number from 0 to 10000"),
        ("serve", "--public-url", ["foo", "https://a/b"], "as in https://example.org"),
        ("serve", "--allow-origin", ["evil", "ftp://a"], "as in https://example.org"),
        ("serve", "--listen", ["localhost:7811", "3000"], "has to be an IP address and a port, such as 127.0.0.1:3000"),
        (
            "serve",
            "--trusted-proxies",
            ["localhost", "10.0.0.0/33"],
            "has to be a network or an IP address, such as 10.0.0.0/8",
        ),
        ("serve", "--limits", ["true", "1"], "[possible values: on, off]"),
        (
            "serve",
            "--limits-exempt",
            ["all", "10.0.0.0/33"],
            "has to be a network or an IP address, such as 10.0.0.0/8",
        ),
        ("serve", "--limit-posts", ["60", "0/min"], "has to be RATE/PERIOD or RATE/PERIOD:BURST, as 60/min:20"),
        ("serve", "--limit-requests", ["60/fortnight", "60/min:0"], "as 60/min:20"),
        ("seed", "--messages", ["x", "1.5"], "has to be a whole number from 1 to "),
    ] {
        for value in values {
            let refused = parlor(dir.path(), &[command, &format!("{flag}={value}")]);
            let error = String::from_utf8_lossy(&refused.stderr);
            assert_eq!(refused.status.code(), Some(2), "{flag} {value}: {error}");
            assert!(error.contains(flag) && error.contains(says), "{flag} {value}: {error}");
            for foreign in ["digit", "parse", "relative URL", "invalid socket", "number too large"] {
                assert!(!error.contains(foreign), "{flag} {value}: {error}");
            }
        }
    }
}

/// Taken and ignored, each of these would promise what is not there.
#[tokio::test]
async fn settings_this_version_does_not_have_exit_2_and_say_so() {
    const ABSENT: &str = "this version does not have this setting";
    const MODES: &str = "[possible values: open, required]";
    const ONLY_REQUIRED: &str = "needs --auth required";
    for (setting, value, says) in [
        ("redis-url", "redis://127.0.0.1:6379", ABSENT),
        ("auth", "token", MODES),
        ("accounts", "open", ONLY_REQUIRED),
        ("jwt-key", "key.pem", ONLY_REQUIRED),
        ("jwks", "keys.json", ONLY_REQUIRED),
        ("jwt-issuer", "shop", ONLY_REQUIRED),
        ("jwt-audience", "parlor", ONLY_REQUIRED),
        ("guests", "on", ONLY_REQUIRED),
        ("room-creation", "admins", ONLY_REQUIRED),
        ("directory", "off", ONLY_REQUIRED),
    ] {
        let variable = format!("PARLOR_{}", setting.to_uppercase().replace('-', "_"));
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::write(dir.path().join("parlor.toml"), format!("{setting} = \"{value}\"")).expect("a file is written");
        for given in [
            Server::builder().arg(format!("--{setting}")).arg(value),
            Server::builder().env(&variable, value),
            Server::builder().dir(dir.path()),
        ] {
            let error = failure(given, 2).await;
            assert!(error.contains(&format!("--{setting} ")) && error.contains(says), "{setting}: {error}");
        }
    }
}

#[test]
fn keys_that_cannot_be_used_exit_2_with_their_file() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    assert!(parlor(dir, &["keygen", "key"]).status.success());
    let config = |args: &[&str]| parlor(dir, &[&["config", "--auth", "required"], args].concat());
    for (args, says) in [
        (&["--jwt-key", "key", "--jwt-audience", "a"][..], "--jwt-key key: is a private key"),
        (&["--jwt-key", "key:admin", "--jwt-audience", "a"], "--jwt-key key: is a private key"),
        (&["--jwt-key", "key.pub"], "name this one with --jwt-audience"),
        (&["--jwt-key", "missing", "--jwt-audience", "a"], "--jwt-key missing: can't read it"),
        (&["--jwks", "key.pub", "--jwt-audience", "a"], "--jwks key.pub: is no set of JWKs"),
        (&["--jwt-audience", "a"], "add --jwt-key or --jwks"),
        (&["--jwt-key", "key.pub", "--jwt-audience", "a", "--jwt-leeway", "6m"], "from 0s to 5m"),
    ] {
        let error = complaint(&config(args), 2);
        assert!(error.contains(says), "{args:?}: {error}");
    }
    let good = config(&["--jwt-key", "key.pub,key.pub:admin", "--jwt-audience", "a", "--listen", "0.0.0.0:3000"]);
    let shown = String::from_utf8_lossy(&good.stdout);
    assert_eq!(good.status.code(), Some(0), "--allow-open is not needed: {}", String::from_utf8_lossy(&good.stderr));
    assert!(shown.contains("jwt-key = [\"key.pub\", \"key.pub:admin\"] # from --jwt-key"), "{shown}");
}
