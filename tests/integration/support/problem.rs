//! Problem documents (RFC 9457): how every error must look.

use reqwest::Response;
use serde_json::Value;

use super::{DEADLINE, within};

/// Checks that an answer is a problem with this status and code, naming these fields; returns it.
pub async fn expect_problem(answer: Response, status: u16, code: &str, fields: &[&str]) -> Value {
    let url = answer.url().clone();
    let is = answer.status().as_u16();
    let problem = any_problem(answer).await;
    assert_eq!((is, problem["code"].as_str()), (status, Some(code)), "{url}: {problem}");
    for field in fields {
        let errors = problem["errors"].as_array().unwrap_or_else(|| panic!("{url}: no errors in {problem}"));
        let named = errors.iter().find(|error| error["field"] == *field);
        let named = named.unwrap_or_else(|| panic!("{url}: {field} is not named in {problem}"));
        assert!(named["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{url}: {problem}");
    }
    problem
}

/// Checks that an answer is a problem, whichever; returns it.
pub async fn any_problem(answer: Response) -> Value {
    let (status, url, headers) = (answer.status(), answer.url().clone(), answer.headers().clone());
    // What should have been refused may be a stream.
    let body = within(DEADLINE, "the end of a problem", answer.text()).await.expect("a body");
    let header = |name: &str| headers.get(name).map(|value| value.to_str().expect("text").to_owned());
    let content_type = header("content-type").unwrap_or_default();
    assert!(content_type.starts_with("application/problem+json"), "{url}: {status} {content_type} {body}");
    let problem: Value = serde_json::from_str(&body).unwrap_or_else(|error| panic!("{url}: {error}: {body}"));
    for field in ["type", "title", "detail", "code", "request_id"] {
        assert!(problem[field].as_str().is_some_and(|text| !text.is_empty()), "{url}: no {field} in {problem}");
    }
    assert_eq!(problem["status"], status.as_u16(), "{url}: {problem}");
    assert!(problem["type"].as_str().is_some_and(|kind| kind.contains("/problems/")), "{url}: {problem}");
    assert_eq!(problem["request_id"].as_str(), header("x-request-id").as_deref(), "{url}: {problem}");
    problem
}
