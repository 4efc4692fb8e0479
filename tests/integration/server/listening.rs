//! The places to listen on: several, Unix sockets, and those that the service manager opens.

use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};

use reqwest::StatusCode;

use crate::support::{
    DEADLINE, Query, Reader, Server, Transport,
    reader::is_durable,
    server::{failure, json_of},
    within,
};

/// A client of a Unix socket.
fn by_socket(path: &std::path::Path) -> reqwest::Client {
    reqwest::Client::builder().no_proxy().unix_socket(path).build().expect("an HTTP client")
}

async fn is_alive(http: &reqwest::Client, base: &str) {
    let answer = within(DEADLINE, "an answer", http.get(format!("{base}/healthz")).send()).await;
    assert_eq!(answer.expect("an answer").status(), StatusCode::OK, "{base}");
}

#[tokio::test]
async fn each_place_is_announced_and_served() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("parlor.sock");
    let builder = Server::builder().listen("127.0.0.1:0").listen("[::1]:0").listen(format!("unix:{}", path.display()));
    let mut server = builder.start().await;
    let [first, second, socket] = server.places() else { panic!("three places: {:?}", server.places()) };
    assert!(first.starts_with("http://127.0.0.1:") && second.starts_with("http://[::1]:"), "{first} {second}");
    assert_eq!(*socket, format!("unix:{}", path.display()));
    is_alive(server.http(), first).await;
    is_alive(server.http(), second).await;
    is_alive(&by_socket(&path), "http://localhost").await;

    let found = path.metadata().expect("the socket");
    assert!(found.file_type().is_socket());
    assert_eq!(found.permissions().mode() & 0o777, 0o660, "the owner and the group may connect");
    assert_eq!(std::fs::read_dir(dir.path()).expect("the directory").count(), 1, "no other name is left");
    assert!(server.terminate().await.success());
    assert!(!path.exists(), "it goes with the server");
}

#[tokio::test]
async fn what_one_place_hears_the_others_tell() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("parlor.sock");
    let server = Server::builder().listen("127.0.0.1:0").listen(format!("unix:{}", path.display())).start().await;
    let mut reader = Reader::open(&server, Transport::Sse, "general", Query::since(0)).await;
    let post = by_socket(&path).post("http://localhost/api/v1/rooms/general/messages");
    let post = post.json(&serde_json::json!({"username": "Alice", "content": "hi"})).send();
    let posted = json_of(within(DEADLINE, "an answer", post).await.expect("an answer"), StatusCode::CREATED).await;
    let told = async {
        loop {
            let event = reader.next().await;
            if is_durable(&event) && event["message"]["id"] == posted["id"] {
                break;
            }
        }
    };
    within(DEADLINE, "the message", told).await;
}

#[tokio::test]
async fn a_place_that_is_taken_is_named() {
    let dir = tempfile::tempdir().expect("a directory");
    let place = format!("unix:{}", dir.path().join("parlor.sock").display());
    let mut taken = Server::builder().listen("127.0.0.1:0").listen(&place).start().await;
    let addr = taken.addr().to_string();
    for place in [&addr, &place] {
        let error = failure(Server::builder().listen("127.0.0.1:0").listen(place), 1).await;
        assert!(error.contains(&format!("can't listen on {place}")), "{error}");
    }
    is_alive(&by_socket(&dir.path().join("parlor.sock")), "http://localhost").await;
    // What a process leaves behind that could not clean up does not keep the next from starting.
    taken.kill9().await;
    assert!(dir.path().join("parlor.sock").exists());
    taken.restart().await;
    is_alive(&by_socket(&dir.path().join("parlor.sock")), "http://localhost").await;

    let file = dir.path().join("notes");
    std::fs::write(&file, "mine").expect("a file");
    let error = failure(Server::builder().listen(format!("unix:{}", file.display())), 1).await;
    assert!(error.contains("no socket"), "{error}");
    assert_eq!(std::fs::read_to_string(&file).expect("the file"), "mine");
}

#[tokio::test]
async fn a_list_in_the_file_and_in_the_environment_is_several_places() {
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::write(dir.path().join("parlor.toml"), "listen = [\"127.0.0.1:0\", \"[::1]:0\"]").expect("a file");
    for (name, value) in [("PARLOR_LOG", "info"), ("PARLOR_LISTEN", "[::1]:0 unix:/tmp/never,tls=off")] {
        let mut command = crate::support::server::parlor_command(dir.path(), &["config"]);
        let output = command.env(name, value).output().expect("parlor runs");
        let shown = String::from_utf8_lossy(&output.stdout).into_owned();
        let listen = if name == "PARLOR_LISTEN" {
            "listen = [\"[::1]:0\", \"unix:/tmp/never,tls=off\"] # from PARLOR_LISTEN"
        } else {
            "listen = [\"127.0.0.1:0\", \"[::1]:0\"] # from parlor.toml"
        };
        assert!(shown.lines().any(|line| line == listen), "{shown}");
    }
}

#[tokio::test]
async fn the_service_manager_keeps_its_sockets_through_a_restart() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("parlor.sock");
    let tcp = std::net::TcpListener::bind("127.0.0.1:0").expect("a socket");
    let unix = std::os::unix::net::UnixListener::bind(&path).expect("a socket");
    let address = tcp.local_addr().expect("an address");
    let builder = Server::builder().listen("systemd:").arg("--allow-open").socket(tcp).socket(unix);
    let mut server = builder.start().await;
    let places = [format!("http://{address}"), format!("unix:{}", path.display())];
    assert_eq!(server.places(), places);
    is_alive(&by_socket(&path), "http://localhost").await;

    assert!(server.terminate().await.success());
    assert!(path.exists(), "it is not this server's to remove");
    // Sent while no server is there: the next one answers.
    let waiting = server.http().get(format!("{}/healthz", places[0])).send();
    let (answer, ()) = tokio::join!(within(DEADLINE, "an answer", waiting), server.restart());
    assert_eq!(answer.expect("nobody is refused").status(), StatusCode::OK);
}

#[tokio::test]
async fn without_a_service_manager_there_are_no_sockets_of_it() {
    let error = failure(Server::builder().listen("systemd:").arg("--allow-open"), 1).await;
    assert!(error.contains("can't listen on systemd:") && error.contains("service manager"), "{error}");
}
