//! The document at `/openapi.json`, and Swagger UI at `/docs` to read and try it.

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderValue, header},
    middleware::map_response,
    response::{IntoResponse, Response},
};
use tower_http::set_header::SetResponseHeaderLayer;
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::{Config, SwaggerUi};

use super::super::problem::Problem;

/// The content security policy of Swagger UI: its scripts and styles from here, the one style that its script adds to
/// the page, requests to here, and pictures that stand in its style sheet.
const POLICY: &str = "default-src 'none'; script-src 'self'; \
                      style-src 'self' 'sha256-RL3ie0nH+Lzz2YNqQN83mnU0J1ot4QL7b99vMdIX99w='; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'";

/// The tag that the page lacks: without it a phone shows the page as wide as a desk's, and tiny.
const VIEWPORT: &str = r#"<meta name="viewport" content="width=device-width, initial-scale=1">"#;
/// More than the page has, in bytes: it only names its parts.
const PAGE_LIMIT: usize = 64 * 1024;

/// The document and its page.
pub fn routes<S: Clone + Send + Sync + 'static>(document: OpenApi) -> Router<S> {
    // Its badge would send the document's address to a server elsewhere.
    let config = Config::default().validator_url("none");
    let policy = HeaderValue::from_static(POLICY);
    Router::from(SwaggerUi::new("/docs").config(config).url("/openapi.json", document))
        .layer(map_response(fit_for_phones))
        .layer(SetResponseHeaderLayer::if_not_present(header::CONTENT_SECURITY_POLICY, policy))
}

/// Puts the viewport into the page; whatever else is served passes as it is.
async fn fit_for_phones(answer: Response) -> Response {
    let is_page =
        answer.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    if !is_page {
        return answer;
    }
    let (mut parts, body) = answer.into_parts();
    let Ok(page) = to_bytes(body, PAGE_LIMIT).await else {
        return Problem::internal("the page of /docs is longer than expected".to_owned()).into_response();
    };
    let page = String::from_utf8_lossy(&page).replacen("<head>", &format!("<head>{VIEWPORT}"), 1);
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(page))
}

#[cfg(test)]
mod tests {
    use axum::{body::Body, http::Request};
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    use super::{super::super::document, *};

    /// That it works in a browser only a browser can tell; here, that nothing in the page asks for more.
    #[tokio::test]
    async fn the_page_has_a_policy_and_no_script_of_its_own() {
        let router: Router = routes(document());
        let request = Request::get("/docs/").body(Body::empty()).unwrap();
        let answer = router.oneshot(request).await.unwrap();
        assert_eq!(answer.headers()[header::CONTENT_SECURITY_POLICY], POLICY);
        let page = answer.into_body().collect().await.unwrap().to_bytes();
        let page = std::str::from_utf8(&page).unwrap();
        assert!(page.contains("swagger-ui-bundle.js"), "{page}");
        assert_eq!(page.matches(VIEWPORT).count(), 1, "{page}");
        for script in page.split("<script").skip(1) {
            assert!(script.trim_start().starts_with("src="), "{script}");
        }
        assert!(!page.contains("<style") && !page.contains("style="), "{page}");
    }
}
