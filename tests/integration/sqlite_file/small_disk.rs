//! A disk that is full, with the database and the log on it: posts are refused until there is room, and nothing else is.

use std::path::Path;

use reqwest::StatusCode;

use crate::support::{DEADLINE, Server, database::sqlite_url, within};

/// Mounts a disk of four megabytes, which nobody but the server sees, and has the log go there.
const ON_A_SMALL_DISK: &str = r#"mount -t tmpfs -o size=4m parlor "$0" && exec "$@" 2>>"$0/parlor.log""#;
/// The room that is made again in the end.
const FILLER: usize = 1 << 20;

/// Posts until one is answered otherwise than with `status`.
async fn post_while(server: &Server, status: StatusCode, text: &str) {
    within(DEADLINE, format!("a post is not answered {status}"), async {
        while server.try_post("general", "Alice", text).await.expect("an answer").status() == status {}
    })
    .await;
}

#[tokio::test]
async fn a_disk_that_fills_refuses_posts_alone_and_takes_them_again() {
    for format in ["text", "json"] {
        let dir = tempfile::tempdir().expect("a directory");
        let disk = dir.path().join("disk");
        std::fs::create_dir(&disk).expect("a folder");
        let words = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", ON_A_SMALL_DISK];
        let words = words.into_iter().map(str::to_owned).chain([disk.display().to_string()]);
        let builder = Server::builder().wrapper(words).database_url(&sqlite_url(&disk.join("parlor.db")));
        let mut server = builder.arg("--log-format").arg(format).start().await;
        // As the server sees it.
        let disk = Path::new("/proc")
            .join(server.pid().to_string())
            .join("root")
            .join(disk.strip_prefix("/").expect("a path"));
        std::fs::write(disk.join("filler"), vec![0; FILLER]).expect("there is room");

        post_while(&server, StatusCode::CREATED, &"x".repeat(9_000)).await;
        let full = std::fs::write(disk.join("more"), vec![0; FILLER]).expect_err("there is no room");
        assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
        for _ in 0..200 {
            assert_eq!(server.get("/rooms/general/messages?limit=1").await.status(), StatusCode::OK);
        }
        assert_eq!(server.http().get(server.url("/healthz")).send().await.expect("an answer").status(), StatusCode::OK);

        for file in ["more", "filler"] {
            std::fs::remove_file(disk.join(file)).expect("it is there");
        }
        let answered = async {
            while server.try_post("general", "Alice", "hi").await.expect("an answer").status() != StatusCode::CREATED {}
        };
        within(DEADLINE, "posts are taken again", answered).await;
        let messages = server.messages("general").await;
        assert_eq!(messages.last().expect("a message")["content"], "hi");
        let log = std::fs::read_to_string(disk.join("parlor.log")).expect("the log");
        assert!(log.contains("/api/v1/rooms/{room}/messages"), "{log}");
        assert!(server.terminate().await.success(), "it ends in order");
    }
}
