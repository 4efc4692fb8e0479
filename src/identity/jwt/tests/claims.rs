//! The claims: what each may be, and what comes of it.

use super::*;

fn rooms(entries: &[&str]) -> RoomScope {
    RoomScope::parse(entries.iter().copied()).unwrap()
}

#[test]
fn a_good_token_says_who_is_asking() {
    let scene = Scene::new();
    let plain = scene.with(&json!({})).unwrap();
    assert_eq!((&*plain.subject, plain.username.as_str(), plain.expires_at), ("Alice", "Alice", NOW + 60));
    assert_eq!((plain.rooms.is_all(), plain.can, plain.issued_at), (true, None, None));
    let narrowed = scene.with(&json!({
        "sub": "auth0|7", "iat": NOW - 5, "nbf": NOW - 5, "aud": ["other", "parlor"], "unknown": [{"a": null}],
        "parlor": {"username": " Alice  Lee", "rooms": ["general", "team-*"], "can": ["read", "post"]},
    }));
    let narrowed = narrowed.unwrap();
    assert_eq!((&*narrowed.subject, narrowed.username.as_str()), ("auth0|7", "Alice Lee"));
    assert_eq!(narrowed.rooms, rooms(&["general", "team-*"]));
    assert_eq!((narrowed.can, narrowed.issued_at), (Some(Rights::parse(["read", "post"]).unwrap()), Some(NOW - 5)));
    let none = scene.with(&json!({"parlor": {"rooms": [], "can": []}})).unwrap();
    assert_eq!((none.rooms, none.can), (rooms(&[]), Some(Rights::NONE)), "an empty list is none");
    let empty = scene.with(&json!({"parlor": {}})).unwrap();
    assert_eq!((empty.rooms.is_all(), empty.can), (true, None), "absent is all");
}

/// The examples of RFC 7515, A.1, A.2 and A.3, whose claims have no audience, and of RFC 8037, A.4, whose payload is no
/// JSON. That this is found means that the signature was good, since it is checked first.
#[test]
fn examples_of_the_standards_are_checked_as_they_say() {
    const CLAIMS: &str =
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    const NO_AUDIENCE: &str = "it has no aud, and --jwt-audience is set";
    for (jwk, token, says) in [
        (
            json!({"kty": "oct", "k":
                "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}),
            format!("eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.{CLAIMS}.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
            NO_AUDIENCE,
        ),
        (
            json!({"kty": "RSA", "e": "AQAB", "n": concat!(
                "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SF",
                "d2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo",
                "7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkM",
                "Ls91kzk2PAcDTW9gb54h4FRWyuXpoQ",
            )}),
            format!(
                "eyJhbGciOiJSUzI1NiJ9.{CLAIMS}.{}",
                concat!(
                    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdb",
                    "F9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383",
                    "LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWy",
                    "wlVmtVrBp0igcN_IoypGlUPQGe77Rw",
                )
            ),
            NO_AUDIENCE,
        ),
        (
            json!({"kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
                "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}),
            format!(
                "eyJhbGciOiJFUzI1NiJ9.{CLAIMS}.{}{}",
                "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCg", "fTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
            ),
            NO_AUDIENCE,
        ),
        (
            json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}),
            format!(
                "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.{}{}",
                "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6", "dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
            ),
            "its claims are no JSON object, or have one of them twice",
        ),
    ] {
        let keys = keys(&[(&jwk.to_string(), false)], None, Some("parlor"));
        assert_eq!(reason(keys.verify(&token, 0)), says, "{token}");
        let forged = token.replacen("eyJp", "eyJq", 1).replacen("RXhh", "RXhi", 1);
        assert_ne!(forged, token);
        assert_eq!(reason(keys.verify(&forged, 0)), "none of the keys has signed it", "{token}");
    }
}

#[test]
fn a_token_ends_at_its_exp_plus_the_leeway() {
    let scene = Scene::new();
    let expiring = |exp: Value| scene.with(&json!({"exp": exp})).map(|verified| verified.expires_at);
    assert_eq!(expiring(json!(NOW - LEEWAY + 1)), Ok(NOW - LEEWAY + 1));
    for over in [json!(NOW - LEEWAY), json!(NOW - LEEWAY - 1), json!(0), json!(-1), json!(-1.5), json!(0.0)] {
        assert_eq!(expiring(over.clone()), Err(JwtError::Expired), "{over}");
    }
    assert_eq!(expiring(json!(1_900_000_059.9)), Ok(NOW + 59), "fractions are cut");
    assert_eq!(expiring(json!(253_402_300_799_i64)), Ok(253_402_300_799));
    for text in [
        "253402300800",
        "1900000060000",
        "9223372036854775807",
        "18446744073709551615",
        "99999999999999999999",
        "1e300",
        "1e400",
        "-1e300",
        "\"1900000060\"",
        "true",
        "null",
        "[1900000060]",
        "{}",
        "0x7fffffff",
        "NaN",
        "Infinity",
    ] {
        reason(scene.with_text(&format!(r#"{{"sub":"Alice","iss":"issuer","aud":"parlor","exp":{text}}}"#)));
    }
    assert_eq!(reason(scene.with(&json!({"exp": null}))), "it has no exp");
}

#[test]
fn only_a_token_that_is_good_in_all_else_is_told_that_it_has_expired() {
    let scene = Scene::new();
    let over = |key: &EncodingKey, mut changes: Value| {
        changes["exp"] = json!(NOW - 3_600);
        by(key, &changed(&changes))
    };
    let good = over(&scene.one, json!({}));
    assert_eq!(scene.keys.verify(&good, NOW), Err(JwtError::Expired));
    let stranger = EncodingKey::from_secret(&[3; 32]).unwrap();
    assert_eq!(reason(scene.keys.verify(&over(&stranger, json!({})), NOW)), "none of the keys has signed it");
    for changes in [json!({"sub": null}), json!({"aud": "other"}), json!({"iss": "other"}), json!({"parlor": 1})] {
        reason(scene.keys.verify(&over(&scene.one, changes), NOW));
    }
}

#[test]
fn a_token_from_the_future_is_refused_beyond_the_leeway() {
    let scene = Scene::new();
    for (claim, says) in [("nbf", "its nbf is in the future"), ("iat", "its iat is in the future")] {
        let at = |time: Value| {
            let mut changes = json!({});
            changes[claim] = time;
            scene.with(&changes)
        };
        for good in [json!(NOW), json!(NOW + LEEWAY), json!(0), json!(-5), json!(1_900_000_029.5)] {
            assert!(at(good.clone()).is_ok(), "{claim} {good}");
        }
        assert_eq!(reason(at(json!(NOW + LEEWAY + 1))), says);
        assert_eq!(reason(at(json!(1_900_000_030.5))), says);
        for bad in [json!("1"), json!(true), json!(1e300), json!([NOW])] {
            assert!(reason(at(bad.clone())).contains("is no time"), "{claim} {bad}");
        }
        let null = format!(r#"{{"sub":"Alice","iss":"issuer","aud":"parlor","exp":{},"{claim}":null}}"#, NOW + 60);
        assert!(reason(scene.with_text(&null)).contains("is no time"), "{claim}");
    }
}

#[test]
fn a_token_is_for_this_server_and_from_its_issuer() {
    let scene = Scene::new();
    for bad in [
        json!("other"),
        json!("Parlor"),
        json!("parlor "),
        json!(""),
        json!([]),
        json!(["other"]),
        json!([["parlor"]]),
        json!(["parlor", 1]),
        json!({"parlor": 1}),
        json!(7),
        json!(true),
        Value::Null,
    ] {
        assert!(reason(scene.with(&json!({"aud": bad}))).contains("aud"), "{bad}");
    }
    for bad in [json!("other"), json!(["issuer"]), json!(7), Value::Null] {
        assert!(reason(scene.with(&json!({"iss": bad}))).contains("iss"), "{bad}");
    }
    // With none set, a token that names an audience is for somebody else.
    let secret = shared("one", &[1; 32]);
    let open = keys(&[(&secret, false)], None, None);
    let verify = |changes: Value| open.verify(&by(&scene.one, &changed(&changes)), NOW);
    assert!(verify(json!({"aud": null})).is_ok());
    for aud in [json!("parlor"), json!(["parlor"]), json!([]), json!("")] {
        assert_eq!(reason(verify(json!({"aud": aud}))), "it has an aud, and --jwt-audience is not set");
    }
    assert_eq!(reason(verify(json!({"aud": null, "iss": ["issuer"]}))), "its iss is no string");
}

#[test]
fn a_sub_is_a_text_that_can_be_stored_and_makes_a_name() {
    let scene = Scene::new();
    let longest = "字".repeat(100);
    assert_eq!(scene.with(&json!({"sub": longest})).unwrap().username.as_str(), longest);
    for bad in [
        json!(""),
        json!(7),
        json!(["Alice"]),
        json!({}),
        Value::Null,
        json!("a\0b"),
        json!("a\nb"),
        json!("x".repeat(401)),
        json!("x".repeat(101)),
        json!("a\u{202e}b"),
        json!("\u{200b}"),
        json!("   "),
    ] {
        assert!(reason(scene.with(&json!({"sub": bad}))).contains("sub"), "{bad}");
    }
    // No path leads to these.
    for step in [".", "..", " .. "] {
        assert!(reason(scene.with(&json!({"sub": step}))).contains("path"), "{step}");
        let named = json!({"sub": "u-1", "parlor": {"username": step}});
        assert!(reason(scene.with(&named)).contains("path"), "{step}");
    }
    assert_eq!(scene.with(&json!({"sub": "..."})).unwrap().username.as_str(), "...");
    // Another name stands in for one that is none, not for a `sub` that can't be stored.
    let named = |sub: &str| scene.with(&json!({"sub": sub, "parlor": {"username": "Alice"}}));
    assert_eq!(named(&"x".repeat(400)).unwrap().username.as_str(), "Alice");
    reason(named("a\0b"));
    reason(named(&"x".repeat(401)));
}

#[test]
fn a_malformed_claim_is_refused_rather_than_taken_for_all() {
    let scene = Scene::new();
    for bad in [
        "null",
        "[]",
        "\"rooms\"",
        "7",
        "true",
        r#"["Alice",["*"],["read"]]"#,
        r#"{"rooms":null}"#,
        r#"{"can":null}"#,
        r#"{"username":null}"#,
        r#"{"rooms":"*"}"#,
        r#"{"can":"read"}"#,
        r#"{"rooms":{}}"#,
        r#"{"rooms":[1]}"#,
        r#"{"rooms":["a*b"]}"#,
        r#"{"rooms":["a.b"]}"#,
        r#"{"rooms":[""]}"#,
        r#"{"can":["write"]}"#,
        r#"{"can":["READ"]}"#,
        r#"{"can":[["read"]]}"#,
        r#"{"username":""}"#,
        r#"{"username":7}"#,
        r#"{"username":"a\u0000b"}"#,
        r#"{"room":["general"]}"#,
        r#"{"Rooms":[]}"#,
        r#"{"admin":true}"#,
        r#"{"rooms":[],"rooms":["*"]}"#,
        r#"{"can":[],"can":["read"]}"#,
    ] {
        let claims = format!(r#"{{"sub":"Alice","iss":"issuer","aud":"parlor","exp":{},"parlor":{bad}}}"#, NOW + 60);
        assert!(reason(scene.with_text(&claims)).contains("parlor"), "{bad}");
    }
    let many: Vec<_> = (0..101).map(|number| format!("r{number}")).collect();
    reason(scene.with(&json!({"parlor": {"rooms": many}})));
}

#[test]
fn only_a_key_with_admin_gives_admin() {
    let scene = Scene::new();
    let claims = changed(&json!({"parlor": {"can": ["read", "admin"]}}));
    let given = scene.keys.verify(&by(&scene.admin, &claims), NOW).unwrap();
    assert!(given.can.unwrap().contains(Right::Admin));
    assert!(reason(scene.keys.verify(&by(&scene.one, &claims), NOW)).contains("gives admin"));
}
