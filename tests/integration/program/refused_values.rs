//! Values of settings that are refused, in words for people who don't know the language it is written in.

use crate::support::{
    Server,
    server::{failure, parlor},
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
    const ONLY_OPEN: &str = "[possible values: open]";
    const ONLY_REQUIRED: &str = "needs --auth required, which this version does not have yet";
    for (setting, value, says) in [
        ("redis-url", "redis://127.0.0.1:6379", ABSENT),
        ("limits", "on", ABSENT),
        ("limits", "off", ABSENT),
        ("limits-exempt", "10.0.0.0/8", ABSENT),
        ("auth", "token", ONLY_OPEN),
        ("auth", "required", ONLY_OPEN),
        ("accounts", "open", "this version does not have accounts yet"),
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
