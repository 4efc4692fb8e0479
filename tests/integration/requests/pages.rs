//! The files of the web client: their variants, and what a client is told that has them already.

use std::{collections::BTreeSet, io::Read};

use reqwest::{Method, Response, StatusCode, header::HeaderMap};

use crate::support::Server;

const FILES: [&str; 6] =
    ["/", "/rooms/general", "/static/parlor.js", "/static/room/room.css", "/static/emoji/emoji.json", "/favicon.ico"];

/// The headers of every page and file, also of one that the client has already.
const SENT: [&str; 6] =
    ["etag", "cache-control", "vary", "content-security-policy", "referrer-policy", "permissions-policy"];

async fn ask(server: &Server, method: Method, path: &str, headers: &[(&str, &str)]) -> Response {
    let request = server.http().request(method, server.url(path));
    headers
        .iter()
        .fold(request, |request, (name, value)| request.header(*name, *value))
        .send()
        .await
        .expect("an answer")
}

pub(super) fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).map_or("", |value| value.to_str().expect("a text"))
}

/// The body as it was before it was packed.
pub(super) fn unpacked(coding: &str, body: &[u8]) -> Vec<u8> {
    let mut reader: Box<dyn Read> = match coding {
        "gzip" => Box::new(flate2::read::GzDecoder::new(body)),
        "br" => Box::new(brotli::Decompressor::new(body, 4096)),
        "" => Box::new(body),
        other => panic!("no such coding: {other}"),
    };
    let mut plain = Vec::new();
    reader.read_to_end(&mut plain).expect("the body is packed as it says");
    plain
}

#[tokio::test]
async fn each_variant_of_a_file_is_the_same_file_under_a_tag_of_its_own() {
    let server = Server::start().await;
    for path in FILES {
        let plain = ask(&server, Method::GET, path, &[]).await;
        assert_eq!(text(plain.headers(), "content-encoding"), "", "{path}");
        let mut tags = BTreeSet::from([text(plain.headers(), "etag").to_owned()]);
        let plain = plain.bytes().await.expect("a body");
        let mut codings = BTreeSet::new();
        for accepted in ["gzip", "br", "gzip, deflate, br, zstd", "gzip;q=0.5, br;q=0.1", "GZIP", "*"] {
            let answer = ask(&server, Method::GET, path, &[("accept-encoding", accepted)]).await;
            assert_eq!(answer.status(), StatusCode::OK, "{path}");
            let vary = answer.headers().get_all("vary").iter().any(|value| value == "accept-encoding");
            assert!(vary, "{path} for {accepted}");
            let coding = text(answer.headers(), "content-encoding").to_owned();
            tags.insert(text(answer.headers(), "etag").to_owned());
            let body = answer.bytes().await.expect("a body");
            assert_eq!(unpacked(&coding, &body), plain, "{path} as {coding}");
            assert!(coding.is_empty() || body.len() < plain.len(), "{path} as {coding}");
            codings.insert(coding);
        }
        assert_eq!(
            tags.len(),
            BTreeSet::from([String::new()]).union(&codings).count(),
            "{path}: {tags:?} for {codings:?}"
        );
        assert!(plain.len() < 500 || codings.is_superset(&["br".into(), "gzip".into()].into()), "{path}: {codings:?}");
    }
}

#[tokio::test]
async fn a_client_that_refuses_a_coding_does_not_get_it() {
    let server = Server::start().await;
    let cases = [
        ("br;q=0, gzip", "gzip"),
        ("gzip;q=0, br;q=0", ""),
        ("*;q=0", ""),
        ("br;q=0, *", "gzip"),
        ("identity", ""),
        ("brand-new", ""),
        ("x-gzip", "gzip"),
        ("", ""),
    ];
    for (accepted, coding) in cases {
        let answer = ask(&server, Method::GET, "/static/room/room.css", &[("accept-encoding", accepted)]).await;
        assert_eq!(text(answer.headers(), "content-encoding"), coding, "{accepted:?}");
    }
}

#[tokio::test]
async fn a_file_that_the_client_has_is_not_sent_again() {
    let server = Server::start().await;
    for path in FILES {
        for accepted in ["identity", "gzip", "br"] {
            let first = ask(&server, Method::GET, path, &[("accept-encoding", accepted)]).await;
            let tag = text(first.headers(), "etag").to_owned();
            for known in [tag.clone(), format!("W/{tag}"), format!("\"another\", {tag}"), "*".to_owned()] {
                for method in [Method::GET, Method::HEAD] {
                    let headers = [("accept-encoding", accepted), ("if-none-match", known.as_str())];
                    let again = ask(&server, method.clone(), path, &headers).await;
                    assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{method} {path} with {known}");
                    for name in SENT {
                        assert_eq!(again.headers().get(name), first.headers().get(name), "{name} of {path}");
                    }
                    assert_eq!(again.bytes().await.expect("no body").len(), 0);
                }
            }
            let another = ask(&server, Method::GET, path, &[("if-none-match", "\"another\"")]).await;
            assert_eq!(another.status(), StatusCode::OK, "{path}");
        }
    }
}

#[tokio::test]
async fn head_says_of_a_variant_what_get_says() {
    let server = Server::start().await;
    for path in FILES {
        for accepted in ["identity", "gzip", "br"] {
            let of = async |method| ask(&server, method, path, &[("accept-encoding", accepted)]).await;
            let (get, head) = (of(Method::GET).await, of(Method::HEAD).await);
            assert_eq!(head.status(), StatusCode::OK, "{path}");
            for name in ["content-type", "content-length", "content-encoding", "etag", "cache-control", "vary"] {
                assert_eq!(head.headers().get(name), get.headers().get(name), "{name} of {path}");
            }
            assert_eq!(head.bytes().await.expect("no body").len(), 0, "{path}");
        }
    }
}

#[tokio::test]
async fn a_slash_at_the_end_leads_to_a_page_too() {
    let server = Server::start().await;
    let page = ask(&server, Method::GET, "/rooms/general", &[]).await.bytes().await.expect("a page");
    let rooms = ask(&server, Method::GET, "/", &[]).await.bytes().await.expect("a page");
    for (path, expected) in [("/rooms/general/", &page), ("/client1", &page), ("/rooms", &rooms), ("/rooms/", &rooms)] {
        let answer = ask(&server, Method::GET, path, &[]).await;
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        assert_eq!(&answer.bytes().await.expect("a page"), expected, "{path}");
    }
}

#[tokio::test]
async fn the_policy_of_windows_is_told_where_browsers_heed_it() {
    let named = Server::builder().arg("--allowed-hosts").arg("chat.example.org").start().await;
    let site = Server::builder().arg("--public-url").arg("https://chat.example.org").start().await;
    for (server, host, is_told) in
        [(&named, "127.0.0.1", false), (&named, "chat.example.org", false), (&site, "chat.example.org", true)]
    {
        let page = ask(server, Method::GET, "/", &[("host", host)]).await;
        assert_eq!(page.status(), StatusCode::OK);
        assert_eq!(page.headers().contains_key("cross-origin-opener-policy"), is_told, "{host}");
    }
}
