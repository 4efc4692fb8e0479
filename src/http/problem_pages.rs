//! The pages that the `type` of a problem names: what each kind means, and what to do about it.

use std::{fmt::Write, sync::Arc};

use axum::{
    Router,
    extract::Path,
    http::header,
    response::{IntoResponse, Response},
    routing::get,
};

use super::problem::{Code, Problem, not_here};
use crate::app::App;

/// A page has nothing to load.
const POLICY: &str = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'";

/// The pages, and the list of them.
pub fn routes() -> Router<Arc<App>> {
    Router::new().route("/problems/", get(list)).route("/problems/{code}", get(page))
}

async fn page(Path(word): Path<String>) -> Result<Response, Problem> {
    let code = Code::ALL.iter().find(|code| code.word() == word).ok_or_else(not_here)?;
    let (meaning, advice) = code.explanation();
    let (status, title) = (code.status().as_u16(), code.title());
    let body = format!(
        "<h1>{status} {title}</h1>\n<p><code>{word}</code></p>\n<p>{meaning}</p>\n<p>{advice}</p>\n\
         <p><a href=\"/problems/\">All problems</a></p>\n"
    );
    Ok(html(&format!("{word}: {title}"), &body))
}

async fn list() -> Response {
    let mut body = "<h1>Problems</h1>\n<ul>\n".to_owned();
    for code in Code::by_word() {
        let (word, (meaning, _)) = (code.word(), code.explanation());
        let _ = writeln!(body, "<li><a href=\"{word}\"><code>{word}</code></a>: {meaning}</li>");
    }
    html("Problems", &(body + "</ul>\n"))
}

fn html(title: &str, body: &str) -> Response {
    let page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{title}</title>\n{body}</html>\n"
    );
    let headers = [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CONTENT_SECURITY_POLICY, POLICY)];
    (headers, page).into_response()
}
