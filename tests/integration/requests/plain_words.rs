//! Whatever is refused is refused in words for people who don't know the language the server is written in.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::Server;

/// Words of Rust and of its libraries.
const FOREIGN: [&str; 32] = [
    "struct",
    "enum",
    "variant",
    "tuple",
    "newtype",
    "trait",
    "serde",
    "deserial",
    "parseint",
    "i64",
    "u64",
    "u32",
    "usize",
    "u8",
    "bool",
    "expected",
    "invalid type",
    "invalid value",
    "invalid digit",
    "missing field",
    "unknown field",
    "duplicate field",
    "option<",
    "some(",
    "none",
    "ok(",
    "err(",
    "unwrap",
    "eof",
    "trailing",
    "panicked",
    "\".\"",
];

/// Values of every type of JSON, to be given where another is asked for.
fn wrong_values() -> Vec<Value> {
    vec![
        json!(5),
        json!(-5),
        json!(1.5),
        json!(1e300),
        json!("five"),
        json!(""),
        json!("7"),
        json!("true"),
        json!(true),
        json!([]),
        json!({}),
        json!([1, "x"]),
        json!({"a": 1}),
        json!(u64::MAX),
        json!("\u{202e}"),
        json!("x".repeat(20_000)),
    ]
}

const WRONG_TEXTS: [&str; 10] =
    ["", "x", "-1", "1.5", "1e3", "99999999999999999999", "%00", "%ff", "maybe", "%E2%80%AE"];
const WRONG_BODIES: [&str; 14] = [
    "",
    "nope",
    "{",
    "[1",
    "[]",
    "null",
    "\"x",
    "{}{}",
    "{\"a\":}",
    "{\"a\":1,}",
    "\\u{}",
    "username=A&content=x",
    "{\"username\":\"\\ud800\"}",
    "{\"username\":\"A\",\"username\":\"A\"}",
];

/// Says which foreign word the text has.
fn check(asked: &str, text: &str) {
    let plain = text.to_lowercase();
    let words: Vec<&str> = plain.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
    for foreign in FOREIGN {
        let is_word = foreign.bytes().all(|b| b.is_ascii_alphanumeric());
        let is_there = if is_word { words.contains(&foreign) } else { plain.contains(foreign) };
        assert!(!is_there, "{foreign:?} is told to who asked {asked}: {text}");
    }
}

/// Counts the answer if it is a problem, and looks at its words.
async fn look(asked: &str, answer: reqwest::Response, problems: &mut usize) {
    let kind = answer.headers().get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind != "application/problem+json" {
        return;
    }
    let problem: Value = answer.json().await.expect("JSON");
    for error in problem["errors"].as_array().into_iter().flatten() {
        check(asked, error["field"].as_str().expect("a field"));
        check(asked, error["detail"].as_str().expect("a detail"));
    }
    check(asked, problem["detail"].as_str().expect("a detail"));
    check(asked, problem["title"].as_str().expect("a title"));
    *problems += 1;
}

/// Follows the reference, if it is one.
fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let place = value["$ref"].as_str().map(|place| place.trim_start_matches('#'));
    place.map_or(value, |place| document.pointer(place).expect("a reference"))
}

#[tokio::test]
async fn every_operation_refuses_in_plain_words() {
    let server = Server::start().await;
    server.post("general", "A", "x").await;
    let document: Value =
        server.http().get(server.url("/openapi.json")).send().await.expect("an answer").json().await.expect("JSON");
    let (mut problems, mut operations) = (0, 0);
    for (path, methods) in document["paths"].as_object().expect("paths") {
        let path = path.replace("{room}", "general").replace("{id}", "1").replace("{emoji}", "x");
        for (method, operation) in methods.as_object().expect("operations") {
            let Ok(method) = Method::from_bytes(method.to_uppercase().as_bytes()) else { continue };
            if !operation.is_object() {
                continue;
            }
            operations += 1;
            let request = || server.http().request(method.clone(), server.url(&path));
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            for parameter in &parameters {
                let name = parameter["name"].as_str().expect("a name");
                for text in WRONG_TEXTS {
                    let is_query = parameter["in"] == "query";
                    let request = if is_query {
                        server.http().request(method.clone(), server.url(&format!("{path}?{name}={text}")))
                    } else {
                        request().header("x-nothing", text)
                    };
                    let asked = format!("{method} {path}?{name}={text}");
                    look(&asked, request.send().await.expect("an answer"), &mut problems).await;
                }
                let slip = format!("{path}?{name}x=1&{}=1&{name}=1&{name}=1", name.to_uppercase());
                let answer = server.http().request(method.clone(), server.url(&slip)).send().await;
                look(&slip, answer.expect("an answer"), &mut problems).await;
            }
            if method == Method::GET {
                continue;
            }
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            let schema = resolved(&document, schema);
            let mut names: Vec<&str> =
                schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
            names.extend(["username", "nonsense"]);
            for name in names {
                for value in wrong_values() {
                    let body = json!({name: value});
                    let asked = format!("{method} {path} {name}");
                    look(&asked, request().json(&body).send().await.expect("an answer"), &mut problems).await;
                    if let Some(text) = value.as_str() {
                        let form = request().form(&[(name, text), ("reply_to", "x"), ("a b", "")]);
                        look(&asked, form.send().await.expect("an answer"), &mut problems).await;
                    }
                }
            }
            for body in WRONG_BODIES {
                for kind in ["application/json", "application/x-www-form-urlencoded", "text/plain", ""] {
                    let request = if kind.is_empty() { request() } else { request().header("Content-Type", kind) };
                    let asked = format!("{method} {path} {kind} {body}");
                    look(&asked, request.body(body).send().await.expect("an answer"), &mut problems).await;
                }
            }
        }
    }
    assert!(operations > 20 && problems > 1_000, "{operations} operations, {problems} problems");
}

#[tokio::test]
async fn a_body_of_another_kind_than_it_is_said_to_be_is_told_which_type_to_say() {
    let server = Server::start().await;
    let json = r#"{"username":"A","content":"x"}"#;
    for (kind, body, right) in [
        ("application/x-www-form-urlencoded", json, "application/json"),
        ("application/json", "username=A&content=x", "application/x-www-form-urlencoded"),
        ("text/plain", json, "application/json"),
    ] {
        let request = server.http().post(server.api("/rooms/general/messages")).header("Content-Type", kind);
        let problem: Value = request.body(body).send().await.expect("an answer").json().await.expect("JSON");
        let detail = problem["detail"].as_str().expect("a detail");
        assert!(detail.contains(&format!("Content-Type: {right}")), "{detail}");
    }
}
