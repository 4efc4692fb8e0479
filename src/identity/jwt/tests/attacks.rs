//! Forged tokens: algorithms, keys, headers and shapes that a careless reader would take.

use base64::engine::general_purpose::STANDARD;

use super::*;

const UNSIGNED: &str = "none of the keys has signed it";
const NO_KEY: &str = "there is no key of its alg and kid";

#[test]
fn no_algorithm_is_no_signature() {
    let scene = Scene::new();
    let claims = changed(&json!({})).to_string();
    for alg in ["none", "None", "NONE", "nOnE", "", " none", "none\0", "hs256", "HS256 ", "dir"] {
        let header = json!({"alg": alg}).to_string();
        let bare = format!("{}.{}.", encoded(&header), encoded(&claims));
        reason(scene.keys.verify(&bare, NOW));
        reason(scene.under(&scene.one, &header));
    }
    for header in [
        "{}",
        r#"{"typ":"JWT"}"#,
        r#"{"alg":null}"#,
        r#"{"alg":["HS256"]}"#,
        r#"{"alg":"none","alg":"HS256"}"#,
        r#"{"alg":"HS256","alg":"none"}"#,
        r#"["HS256"]"#,
        "null",
        "",
        "HS256",
    ] {
        reason(scene.under(&scene.one, header));
    }
    // A good header without a signature.
    let good = by(&scene.one, &changed(&json!({})));
    let (message, signature) = good.rsplit_once('.').unwrap();
    assert_eq!(reason(scene.keys.verify(&format!("{message}."), NOW)), UNSIGNED);
    assert_eq!(reason(scene.keys.verify(&format!("{message}.{}", &signature[..42]), NOW)), UNSIGNED);
}

#[test]
fn a_public_key_is_no_shared_secret() {
    let scene = Scene::new();
    let only_public = keys(&[(&scene.admin_pem, true)], Some("issuer"), Some("parlor"));
    assert!(only_public.verify(&by(&scene.admin, &changed(&json!({}))), NOW).is_ok());
    let body = scene.admin_pem.lines().nth(1).unwrap();
    let der = STANDARD.decode(body).unwrap();
    let texts = [scene.admin_pem.as_bytes(), scene.admin_pem.trim_end().as_bytes(), body.as_bytes()];
    for secret in texts.into_iter().chain([&der[..], &der[12..]]) {
        let forged = by(&EncodingKey::from_secret(secret).unwrap(), &changed(&json!({})));
        assert_eq!(reason(only_public.verify(&forged, NOW)), NO_KEY, "no key is for HS256");
        assert_eq!(reason(scene.keys.verify(&forged, NOW)), UNSIGNED);
        // Nor under the name of the algorithm that the key is for.
        let (_, rest) = forged.split_once('.').unwrap();
        let renamed = format!("{}.{rest}", encoded(r#"{"alg":"EdDSA"}"#));
        assert_eq!(reason(only_public.verify(&renamed, NOW)), UNSIGNED);
    }
}

#[test]
fn the_algorithm_is_the_keys_and_not_the_headers() {
    let scene = Scene::new();
    for alg in ["HS384", "HS512", "RS256", "RS512", "ES256", "ES384", "PS256"] {
        assert_eq!(reason(scene.under(&scene.one, &json!({"alg": alg}).to_string())), NO_KEY, "{alg}");
    }
    assert_eq!(reason(scene.under(&scene.one, r#"{"alg":"EdDSA"}"#)), UNSIGNED);
    assert_eq!(reason(scene.under(&scene.admin, r#"{"alg":"HS256"}"#)), UNSIGNED);
}

#[test]
fn another_key_signs_nothing() {
    let scene = Scene::new();
    let claims = changed(&json!({}));
    for other in [
        private(&GeneratedKey::new().unwrap()),
        EncodingKey::from_secret(&[3; 32]).unwrap(),
        EncodingKey::from_secret(&[0]).unwrap(),
        EncodingKey::from_secret(&[1; 31]).unwrap(),
    ] {
        assert_eq!(reason(scene.keys.verify(&by(&other, &claims), NOW)), UNSIGNED);
    }
    assert_eq!(reason(JwtKeys::default().verify(&by(&scene.one, &claims), NOW)), NO_KEY);
}

#[test]
fn a_kid_selects_among_the_keys_that_bear_it_and_does_nothing_else() {
    let scene = Scene::new();
    let named = |key, kid: &str| scene.under(key, &json!({"alg": "HS256", "kid": kid}).to_string());
    assert!(named(&scene.one, "one").is_ok() && named(&scene.two, "two").is_ok());
    assert!(scene.under(&scene.two, r#"{"alg":"HS256"}"#).is_ok(), "without one, all keys of the algorithm are tried");
    assert_eq!(reason(named(&scene.one, "two")), UNSIGNED, "the name of another key");
    let empty = EncodingKey::from_secret(&[0]).unwrap();
    for kid in [
        "",
        "ONE",
        "one ",
        "three",
        "../../../../dev/null",
        "/etc/hostname",
        "file:///dev/null",
        "one' OR '1'='1",
        "x' UNION SELECT 'secret' --",
        "https://evil.example/key",
        "one\0",
        "1",
        "*",
    ] {
        assert_eq!(reason(named(&scene.one, kid)), NO_KEY, "{kid}");
        assert_eq!(reason(named(&empty, kid)), NO_KEY, "{kid}");
    }
    for header in [r#"{"alg":"HS256","kid":null}"#, r#"{"alg":"HS256","kid":1}"#, r#"{"alg":"HS256","kid":["one"]}"#] {
        assert_eq!(reason(scene.under(&scene.one, header)), "its kid is no string");
    }
    reason(scene.under(&scene.one, r#"{"alg":"HS256","kid":"two","kid":"one"}"#));
}

#[test]
fn what_is_critical_is_refused_and_keys_in_a_header_are_not_looked_at() {
    let scene = Scene::new();
    for crit in ["[]", r#"["exp"]"#, r#"["b64"]"#, r#"["unknown"]"#, "null", "true"] {
        let header = format!(r#"{{"alg":"HS256","crit":{crit},"b64":true}}"#);
        assert_eq!(reason(scene.under(&scene.one, &header)), "its header has crit", "{crit}");
    }
    let attacker = EncodingKey::from_secret(&[9; 32]).unwrap();
    let jwk: Value = serde_json::from_str(&shared("one", &[9; 32])).unwrap();
    for (member, value) in [
        ("jwk", jwk),
        ("jwk", json!("nonsense")),
        ("jku", json!("http://127.0.0.1:1/keys")),
        ("x5u", json!("http://127.0.0.1:1/cert")),
        ("x5c", json!(["AAAA"])),
    ] {
        let mut header = json!({"alg": "HS256"});
        header[member] = value;
        assert_eq!(reason(scene.under(&attacker, &header.to_string())), UNSIGNED, "{member}");
        assert!(scene.under(&scene.one, &header.to_string()).is_ok(), "{member} changes nothing");
    }
}

#[test]
fn no_claim_stands_there_twice() {
    let scene = Scene::new();
    let good = changed(&json!({})).to_string();
    assert!(scene.with_text(&good).is_ok());
    for (first, second) in [
        ("\"sub\":\"Mallory\"", "\"sub\":\"Alice\""),
        ("\"exp\":9", "\"exp\":1900000060"),
        ("\"aud\":\"parlor\"", "\"aud\":\"other\""),
        ("\"iss\":\"issuer\"", "\"iss\":\"other\""),
        ("\"nbf\":1", "\"nbf\":1"),
        ("\"parlor\":{\"rooms\":[]}", "\"parlor\":{}"),
        ("\"nbf\":1", "\"n\\u0062f\":1"),
    ] {
        let twice = good.replacen('{', &format!("{{{first},{second},"), 1);
        let told = reason(scene.with_text(&twice));
        assert_eq!(told, "its claims are no JSON object, or have one of them twice", "{twice}");
    }
}

#[test]
fn a_token_has_one_shape() {
    let scene = Scene::new();
    let good = by(&scene.one, &changed(&json!({})));
    assert!(scene.keys.verify(&good, NOW).is_ok());
    let (message, signature) = good.rsplit_once('.').unwrap();
    let (header, claims) = message.split_once('.').unwrap();
    let flattened = json!({"payload": claims, "protected": header, "signature": signature}).to_string();
    for bad in [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        "...".to_owned(),
        message.to_owned(),
        format!("{good}."),
        format!("{good}.e30"),
        format!(".{good}"),
        format!("{good} "),
        format!(" {good}"),
        format!("{good}\n"),
        format!("{good}="),
        format!("{header}=.{claims}.{signature}"),
        format!("{header}.{claims}==.{signature}"),
        format!("{header}.{claims}.{signature}AA"),
        format!("{header}.{}.{signature}", encoded("[]")),
        format!("{header}.{claims}.{}", "A".repeat(43)),
        good.replacen('.', " .", 1),
        good.replace('.', ":"),
        good.to_lowercase(),
        "é.é.é".to_owned(),
        "\0.\0.\0".to_owned(),
        flattened,
    ] {
        reason(scene.keys.verify(&bad, NOW));
    }
    // The two unused bits of the last character are zero, so that no two texts are one token.
    let digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last = digits.find(&signature[signature.len() - 1..]).unwrap();
    for other in [last ^ 1, last ^ 2, last ^ 4] {
        let changed = format!("{}{}", &good[..good.len() - 1], &digits[other..=other]);
        assert_eq!(reason(scene.keys.verify(&changed, NOW)), UNSIGNED);
    }
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(2_000), "]".repeat(2_000));
    for claims in ["", "null", "7", "\"sub\"", "[]", "[[]]", "{", "{}{}", "{} x", "not json", "\u{feff}{}", &deep] {
        reason(scene.with_text(claims));
    }
}

#[test]
fn a_token_has_at_most_8_kib() {
    let scene = Scene::new();
    let padded = |padding: usize| by(&scene.one, &changed(&json!({"pad": "x".repeat(padding)})));
    let room = MAX_TOKEN_BYTES - padded(0).len();
    let longest = padded(room * 3 / 4);
    assert!((MAX_TOKEN_BYTES - 4..=MAX_TOKEN_BYTES).contains(&longest.len()), "{}", longest.len());
    assert!(scene.keys.verify(&longest, NOW).is_ok());
    assert_eq!(reason(scene.keys.verify(&padded(room), NOW)), "it has more than 8 KiB");
}

proptest::proptest! {
    #[test]
    fn no_text_is_a_token_by_chance(text in "\\PC{0,200}|([A-Za-z0-9_-]{0,60}\\.){2}[A-Za-z0-9_-]{0,60}") {
        let keys = keys(&[(&shared("one", &[1; 32]), false)], None, None);
        proptest::prop_assert!(keys.verify(&text, NOW).is_err());
    }
}
