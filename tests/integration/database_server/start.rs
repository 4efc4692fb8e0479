//! Opening a database on a server: what keeps it from starting is said, its password never, and a server
//! that may lose what it was given is warned of.

use std::process::Command;

use crate::support::{
    DEADLINE, Server,
    cluster::{Cluster, Kind, PASSWORD},
    server::{PARLOR, failure},
};

async fn what_is_wrong_with_the_server_is_said(kind: Kind) {
    let mut cluster = Cluster::start(kind).await;
    let good = cluster.url();
    for (url, says) in [
        (good.replace(PASSWORD, "wrong-secret"), ["password", "Access denied"]),
        (cluster.url_of("nowhere"), ["nowhere", "Unknown database"]),
    ] {
        let error = failure(Server::builder().database_url(&url), 1).await;
        assert!(says.iter().any(|says| error.contains(says)), "the reason: {error}");
        assert!(error.contains("127.0.0.1") && error.contains("see that the server runs"), "what to try: {error}");
        assert!(!error.contains(PASSWORD), "{error}");
    }
    cluster.stop("KILL").await;
    let error = failure(Server::builder().database_url(&good), 1).await;
    assert!(error.to_lowercase().contains("refused"), "the reason: {error}");
    assert!(error.contains("see that the server runs") && !error.contains(PASSWORD), "{error}");
}

async fn the_password_is_shown_nowhere(kind: Kind) {
    let cluster = Cluster::start(kind).await;
    let url = cluster.url();
    let dir = tempfile::tempdir().expect("a directory");
    let run = |args: &[&str], file: &str| {
        std::fs::write(dir.path().join("parlor.toml"), file).expect("a file is written");
        let mut command = Command::new(PARLOR);
        command.args(args).current_dir(dir.path()).env("PARLOR_DATABASE_URL", &url);
        let output = command.output().expect("parlor runs");
        let said = [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned()).concat();
        assert!(!said.contains(PASSWORD), "{args:?}: {said}");
        (output.status.code(), said)
    };
    let (code, said) = run(&["migrate"], "");
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("parlor:***@127.0.0.1"), "{said}");
    let file = format!("database-url = \"{url}\"");
    for args in [["serve", "--help"], ["migrate", "--help"]] {
        assert_eq!(run(&args, "").0, Some(0));
        assert_eq!(run(&args, &file).0, Some(0));
    }
    // Not even in the most verbose log.
    let mut server = Server::builder().database_url(&url).arg("--log").arg("trace").start().await;
    server.post("general", "Alice", "hi").await;
    assert!(server.terminate().await.success());
    let log = server.log();
    assert!(!log.iter().any(|line| line.contains(PASSWORD)), "{log:#?}");
}

async fn a_server_that_may_lose_what_it_has_is_warned_of(kind: Kind) {
    let cluster = Cluster::start(kind).await;
    let setting = match kind {
        Kind::Postgres => {
            cluster.sql("ALTER DATABASE parlor SET synchronous_commit = off").await;
            "synchronous_commit"
        }
        Kind::MariaDb => {
            cluster.sql("SET GLOBAL innodb_flush_log_at_trx_commit = 2").await;
            "innodb_flush_log_at_trx_commit"
        }
    };
    let server = Server::builder().database_url(&cluster.url()).start().await;
    let warning = server.wait_for_log(setting, DEADLINE).await;
    assert!(warning.contains("WARN") && warning.contains("can lose answered posts"), "{warning}");
    server.post("general", "Alice", "it serves all the same").await;
}

on_every_server!(
    what_is_wrong_with_the_server_is_said,
    the_password_is_shown_nowhere,
    a_server_that_may_lose_what_it_has_is_warned_of,
);

#[tokio::test]
async fn a_postgres_that_cannot_hold_all_text_is_refused() {
    let cluster = Cluster::start(Kind::Postgres).await;
    cluster.sql("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' LOCALE_PROVIDER libc TEMPLATE template0").await;
    let error = failure(Server::builder().database_url(&cluster.url_of("latin")), 1).await;
    assert!(error.contains("LATIN1") && error.contains("UTF8"), "{error}");
}
