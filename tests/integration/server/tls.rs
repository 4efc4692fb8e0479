//! TLS: what is offered, which certificate is shown, and certificates that are replaced or can't be used.

use std::{
    path::Path,
    process::{Command, Output},
    time::Duration,
};

use reqwest::{StatusCode, Version};
use serde_json::json;
use tokio_rustls::rustls::pki_types::{CertificateDer, pem::PemObject as _};

use crate::support::{
    DEADLINE, Server,
    server::{Builder, Line, failure},
    tls::{Pair, connect},
    within,
};

/// A time between two looks at the files that a test need not wait for long.
const SOON: Duration = Duration::from_millis(50);

fn with_pairs(pairs: &[&Pair]) -> Builder {
    let builder = Server::builder().listen("127.0.0.1:0,tls=off").listen("127.0.0.1:0");
    pairs
        .iter()
        .fold(builder, |builder, pair| builder.arg("--tls-cert").arg(&pair.cert).arg("--tls-key").arg(&pair.key))
}

/// Runs `curl` against the server by its name.
fn curl(server: &Server, pair: &Pair, args: &[&str]) -> Output {
    let url = format!("https://localhost:{}/healthz", server.tls_addr().port());
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--noproxy", "*", "--ipv4", "--cacert"]).arg(&pair.cert).args(args);
    command.arg(url).output().expect("curl runs")
}

#[tokio::test]
async fn real_clients_get_the_version_they_ask_for() {
    let server = Server::builder().line(Line::Tls).start().await;
    let pair = server.pair();
    for (args, version) in [
        (&["--http2"][..], "2"),
        (&["--http1.1"], "1.1"),
        (&["--http2", "--tls-max", "1.2"], "2"),
        (&["--http1.1", "--tls-max", "1.2"], "1.1"),
        (&["--no-alpn"], "1.1"),
    ] {
        let args = [args, &["--output", "/dev/null", "--write-out", "%{http_version} %{http_code}"]].concat();
        let output = curl(&server, &pair, &args);
        let written = String::from_utf8_lossy(&output.stdout);
        assert_eq!(written, format!("{version} 200"), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let answer = within(DEADLINE, "an answer", server.http().get(server.url("/healthz")).send()).await;
    assert_eq!(answer.expect("an answer").version(), Version::HTTP_2);
    // Whoever speaks without TLS where there is some, or HTTP/2 without having agreed on it, is not served.
    let url = format!("http://{}/healthz", server.tls_addr());
    assert!(server.http().get(url).send().await.is_err());
    let prior = reqwest::Client::builder().no_proxy().http2_prior_knowledge().build().expect("a client");
    assert!(prior.get(format!("http://{}/healthz", server.addr())).send().await.is_err());
}

/// The output of `openssl s_client`, and whether the handshake succeeded.
fn s_client(server: &Server, args: &[&str]) -> (bool, String) {
    let mut command = Command::new("openssl");
    command.args(["s_client", "-connect", &server.tls_addr().to_string(), "-servername", "localhost"]).args(args);
    let output = command.stdin(std::process::Stdio::null()).output().expect("openssl runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.success(), text)
}

#[tokio::test]
async fn nothing_weak_is_offered() {
    let server = Server::builder().line(Line::Tls).start().await;
    for (args, offered) in [
        (&["-tls1_3"][..], true),
        (&["-tls1_2"], true),
        (&["-tls1_1", "-cipher", "DEFAULT:@SECLEVEL=0"], false),
        (&["-tls1", "-cipher", "DEFAULT:@SECLEVEL=0"], false),
        (&["-tls1_2", "-cipher", "AES128-SHA:AES256-SHA:AES128-GCM-SHA256:@SECLEVEL=0"], false),
        (&["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0"], false),
        (&["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"], true),
        (&["-tls1_2", "-cipher", "ECDHE-ECDSA-CHACHA20-POLY1305"], true),
        (&["-alpn", "h3"], false),
    ] {
        let (succeeded, text) = s_client(&server, args);
        assert_eq!(succeeded, offered, "{args:?}: {text}");
    }
    let (_, text) = s_client(&server, &["-alpn", "http/1.1,h2"]);
    assert!(text.contains("ALPN protocol: h2"), "the server's choice: {text}");
    let (_, text) = s_client(&server, &["-tls1_2"]);
    assert!(text.contains("Compression: NONE") && text.contains("Secure Renegotiation IS supported"), "{text}");
}

/// The certificate that a client is shown who asks for a name.
async fn shown(server: &Server, name: &str, pairs: &[&Pair]) -> CertificateDer<'static> {
    let stream = connect(server, name, Pair::trusted(pairs, &["h2"])).await.expect("a handshake");
    let certificates = stream.get_ref().1.peer_certificates().expect("a certificate");
    certificates[0].clone().into_owned()
}

fn file(pair: &Pair) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(&pair.cert).expect("a certificate")
}

#[tokio::test]
async fn each_name_has_its_certificate() {
    let dir = tempfile::tempdir().expect("a directory");
    let first = Pair::make(dir.path(), "first", &["chat.example.org", "127.0.0.1"]);
    let second = Pair::make(dir.path(), "second", &["other.example.org", "*.team.example.org"]);
    let pairs = [&first, &second];
    let server = with_pairs(&pairs).start().await;
    for (name, pair) in [
        ("chat.example.org", &first),
        ("other.example.org", &second),
        ("OTHER.example.org", &second),
        ("a.team.example.org", &second),
        ("127.0.0.1", &first),
    ] {
        assert!(shown(&server, name, &pairs).await == file(pair), "{name}");
    }
    // A name that nobody has gets the first, which the client then refuses.
    assert!(connect(&server, "unknown.example.org", Pair::trusted(&pairs, &["h2"])).await.is_err());
}

#[tokio::test]
async fn files_that_cannot_be_used_are_named_with_their_fault() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path();
    let good = Pair::make(path, "good", &["localhost"]);
    let other = Pair::make(path, "other", &["localhost"]);
    let expired = Pair::make_expired(path, "expired", &["localhost"]);
    let early = Pair::make_early(path, "early", &["localhost"]);
    let text = path.join("text.pem");
    std::fs::write(&text, "hello").expect("a file");
    let broken = path.join("broken.pem");
    std::fs::write(&broken, "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n").expect("a file");
    let missing = path.join("missing.pem");
    let is_named = |error: &str, file: &Path, fault: &str| {
        assert!(error.contains(&file.display().to_string()) && error.contains(fault), "{fault}: {error}");
    };
    for (cert, key, named, fault) in [
        (&missing, &good.key, &missing, "No such file"),
        (&good.cert, &missing, &missing, "No such file"),
        (&text, &good.key, &text, "no certificate"),
        (&broken, &good.key, &broken, "PEM"),
        (&good.key, &good.key, &good.key, "no certificate"),
        (&good.cert, &good.cert, &good.cert, "no private key"),
        (&good.cert, &text, &text, "no private key"),
        (&good.cert, &other.key, &other.key, "is not the key of"),
        (&expired.cert, &expired.key, &expired.cert, "has expired"),
        (&early.cert, &early.key, &early.cert, "not valid before"),
    ] {
        let pair = Pair { cert: cert.clone(), key: key.clone() };
        is_named(&failure(with_pairs(&[&good, &pair]), 2).await, named, fault);
    }
    let lonely = Server::builder().arg("--tls-cert").arg(&good.cert);
    assert!(failure(lonely, 2).await.contains("--tls-key 0 times"));
    let bare = failure(Server::builder().listen("127.0.0.1:0,tls=on"), 2).await;
    assert!(bare.contains("--tls-cert"), "{bare}");
}

#[tokio::test]
async fn a_certificate_that_is_replaced_is_shown_without_a_failed_request() {
    let dir = tempfile::tempdir().expect("a directory");
    let pair = Pair::make(dir.path(), "chat", &["localhost", "127.0.0.1"]);
    let server = with_pairs(&[&pair]).time("certificate-interval", SOON).start().await;
    let url = format!("https://{}/healthz", server.tls_addr());
    let old = file(&pair);
    let old_pair = Pair { cert: dir.path().join("old.pem"), key: pair.key.clone() };
    std::fs::copy(&pair.cert, &old_pair.cert).expect("a copy");

    let asking = async |count: &std::cell::Cell<usize>| {
        loop {
            // Each on a connection of its own, by whoever trusts both.
            let trusted = Pair::trusted(&[&old_pair, &pair], &["h2"]);
            let http = reqwest::Client::builder().no_proxy().tls_backend_preconfigured(trusted).build();
            let answer = within(DEADLINE, "an answer", http.expect("a client").get(&url).send()).await;
            assert_eq!(answer.expect("no request fails").status(), StatusCode::OK);
            count.set(count.get() + 1);
        }
    };
    let (asked, in_vain) = (std::cell::Cell::new(0), "can't be read again");
    let replacing = async {
        // A key without its certificate, as when a tool writes the one after the other.
        let new = Pair::make(dir.path(), "new", &["localhost", "127.0.0.1"]);
        std::fs::copy(&new.key, &pair.key).expect("the key is replaced");
        server.wait_for_log(in_vain, DEADLINE).await;
        assert!(shown(&server, "localhost", &[&old_pair]).await == old, "the old one stays");
        std::fs::copy(&new.cert, &pair.cert).expect("the certificate is replaced");
        server.wait_for_log("the certificates are read again", DEADLINE).await;
        assert!(shown(&server, "localhost", &[&new]).await == file(&new), "and then it is the new one");
        let before = asked.get();
        while asked.get() < before + 5 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        () = asking(&asked) => {}
        () = replacing => {}
    }
    assert!(asked.get() > 10, "{} asked", asked.get());
    let errors = server.log().iter().filter(|line| line.contains(in_vain)).count();
    assert_eq!(errors, 1, "it is told once for each change");
}

#[tokio::test]
async fn a_signal_has_the_certificates_read_at_once() {
    let dir = tempfile::tempdir().expect("a directory");
    let pair = Pair::make(dir.path(), "chat", &["localhost"]);
    // Nobody looks by itself within the test.
    let server = with_pairs(&[&pair]).time("certificate-interval", Duration::from_hours(1)).start().await;
    let open = connect(&server, "localhost", Pair::trusted(&[&pair], &["http/1.1"])).await.expect("a handshake");
    let new = Pair::make(dir.path(), "chat", &["localhost"]);
    server.signal("HUP");
    server.wait_for_log("the certificates are read again", DEADLINE).await;
    assert!(shown(&server, "localhost", &[&new]).await == file(&new));
    std::fs::write(&new.cert, "nothing").expect("a file");
    let before = shown_by_openssl(&server);
    server.signal("HUP");
    server.wait_for_log("can't be read again", DEADLINE).await;
    assert!(shown_by_openssl(&server) == before, "the last good one stays");
    drop(open);
}

/// The certificate that a server shows for `localhost`, whoever has signed it.
fn shown_by_openssl(server: &Server) -> String {
    let (_, text) = s_client(server, &["-showcerts"]);
    let begin = text.find("-----BEGIN CERTIFICATE-----").expect("a certificate");
    let end = text.find("-----END CERTIFICATE-----").expect("a certificate");
    text[begin..end].to_owned()
}

#[tokio::test]
async fn browsers_are_told_to_come_by_tls_again_and_pages_are_of_its_scheme() {
    let builder = Server::builder().line(Line::Tls).arg("--allowed-hosts=chat.example.org");
    let server = builder.start().await;
    let get = |url: String, host: &str| {
        let request = server.http().get(url).version(Version::HTTP_11).header("Host", host);
        async { within(DEADLINE, "an answer", request.send()).await.expect("an answer") }
    };
    // By HTTP/1.1, where a client may name the host by itself.
    let pair = server.pair();
    let one = pair.client(&["http/1.1"]).http1_only().build().expect("a client");
    for (host, is_told) in [("chat.example.org", true), ("localhost", false), ("127.0.0.1", false)] {
        let answer = one.get(server.url("/healthz")).header("Host", host).send();
        let answer = within(DEADLINE, "an answer", answer).await.expect("an answer");
        assert_eq!(answer.headers().contains_key("strict-transport-security"), is_told, "{host}");
    }
    let plain = get(format!("http://{}/healthz", server.addr()), "chat.example.org").await;
    assert!(!plain.headers().contains_key("strict-transport-security"));

    let post = |origin: String| {
        let request = server.http().post(server.api("/rooms/general/messages")).header("Origin", origin);
        let request = request.json(&json!({"username": "Alice", "content": "hi"}));
        async { within(DEADLINE, "an answer", request.send()).await.expect("an answer").status() }
    };
    let own = server.tls_addr();
    assert_eq!(post(format!("https://{own}")).await, StatusCode::CREATED);
    assert_eq!(post("https://evil.example".to_owned()).await, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn one_too_many_is_told_so_by_tls() {
    let builder = Server::builder().line(Line::Tls).arg("--max-connections=16");
    let server = builder.start().await;
    let config = || Pair::trusted(&[&server.pair()], &["http/1.1"]);
    let mut held = Vec::new();
    for _ in 0..16 {
        held.push(connect(&server, "localhost", config()).await.expect("a connection"));
    }
    let output =
        curl(&server, &server.pair(), &["--output", "/dev/null", "--write-out", "%{http_version} %{http_code}"]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "1.1 200", "the process lives");
    let url = format!("https://{}/api/v1/rooms", server.tls_addr());
    let answer = server.pair().client(&["h2", "http/1.1"]).build().expect("a client").get(url).send();
    let answer = within(DEADLINE, "an answer", answer).await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
}
