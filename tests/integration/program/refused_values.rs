//! Values of settings that are refused, in words for people who don't know the language it is written in.

use crate::support::server::parlor;

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
