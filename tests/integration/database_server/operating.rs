//! The parts of `docs/operating.md` on database servers: the statements that make a database and its user, one who may
//! only read and write, sockets, and a copy that is gone back to.

use std::process::Command;

use serde_json::json;

use crate::support::{
    Query, Reader, Server, Transport,
    cluster::{Cluster, Kind, PASSWORD},
    reader::kind,
    server::{PARLOR, failure},
};

const OPERATING: &str = include_str!("../../../docs/operating.md");

/// The document's statements that begin so, for a user and a database of this name. The one that the
/// document names is the administrator's here.
fn statements(begin: &str, name: &str) -> Vec<String> {
    let blocks = OPERATING.split("```sql\n").skip(1).map(|rest| rest.split_once("```").expect("an end").0);
    let block = blocks.into_iter().find(|block| block.starts_with(begin)).expect("the statements are there");
    let statements = block.split(';').map(str::trim).filter(|statement| !statement.is_empty());
    statements.map(|statement| statement.replace("parlor", name).replace('…', PASSWORD)).collect()
}

fn first_statement(kind: Kind) -> &'static str {
    if kind == Kind::Postgres { "CREATE ROLE" } else { "CREATE DATABASE" }
}

async fn the_statements_make_all_that_is_needed(kind: Kind) {
    let cluster = Cluster::start(kind).await;
    for statement in statements(first_statement(kind), "chat") {
        cluster.sql(&statement).await;
    }
    let url = cluster.url_of("chat").replace("//parlor:", "//chat:");
    let mut server = Server::builder().database_url(&url).start().await;
    server.post("general", "Alice", "hi").await;
    server.restart().await;
    assert_eq!(server.messages("general").await.len(), 1);
}

/// The tables are made by the administrator; the server runs as somebody who can't make any.
async fn who_may_only_read_and_write_serves(kind: Kind) {
    let cluster = Cluster::start(kind).await;
    match kind {
        Kind::Postgres => {
            cluster.sql(&format!("CREATE ROLE chat LOGIN PASSWORD '{PASSWORD}'")).await;
            let granted = cluster.connect().await;
            for grant in [
                "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
                "ALTER DEFAULT PRIVILEGES GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO chat",
            ] {
                sea_orm::ConnectionTrait::execute_unprepared(&granted, grant).await.expect("rights are set");
            }
        }
        Kind::MariaDb => {
            cluster.sql(&format!("CREATE USER chat IDENTIFIED BY '{PASSWORD}'")).await;
            cluster.sql("GRANT SELECT, INSERT, UPDATE, DELETE ON parlor.* TO chat").await;
        }
    }
    let url = cluster.url().replace("//parlor:", "//chat:");
    let error = failure(Server::builder().database_url(&url), 1).await;
    assert!(error.contains("denied"), "it can't make tables: {error}");
    let migrated = Command::new(PARLOR).args(["migrate", "--database-url", &cluster.url()]).output().expect("it runs");
    assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));
    let server = Server::builder().database_url(&url).arg("--migrate=false").start().await;
    server.post("general", "Alice", "hi").await;
    server.put_room("general", &json!({"title": "General"})).await;
    assert_eq!(server.head("general").await, 2);
}

async fn a_server_is_reached_by_its_socket(kind: Kind) {
    let cluster = Cluster::start(kind).await;
    let server = Server::builder().database_url(&cluster.socket_url()).start().await;
    server.post("general", "Alice", "hi").await;
}

#[tokio::test]
async fn both_names_of_the_scheme_are_the_same() {
    let cluster = Cluster::start(Kind::MariaDb).await;
    let url = cluster.url().replacen("mysql://", "mariadb://", 1);
    let server = Server::builder().database_url(&url).start().await;
    server.post("general", "Alice", "hi").await;
}

/// Runs a program of the database's to its end.
fn run(program: &str, args: &[&str]) -> Vec<u8> {
    let output = Command::new(program).args(args).output().expect("the program runs");
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

async fn a_copy_is_gone_back_to(kind: Kind) {
    let cluster = Cluster::start(kind).await;
    let mut server = Server::builder().database_url(&cluster.url()).start().await;
    server.post_many("general", "Alice", 3).await;
    let dir = tempfile::tempdir().expect("a directory");
    let copy = dir.path().join("copy.sql");
    let port = cluster.port().to_string();
    let to_mariadb = ["--no-defaults", "-h", "127.0.0.1", "-P", &port, "-u", "parlor", "-psecret"];
    // While it serves.
    let dumped = match kind {
        Kind::Postgres => run("pg_dump", &[&cluster.url()]),
        Kind::MariaDb => run("mariadb-dump", &[&to_mariadb[..], &["--single-transaction", "parlor"]].concat()),
    };
    std::fs::write(&copy, dumped).expect("the copy is kept");
    server.post("general", "Alice", "lost").await;
    assert!(server.terminate().await.success());

    cluster.sql("DROP DATABASE parlor").await;
    cluster.sql("CREATE DATABASE parlor").await;
    let file = copy.to_str().expect("a path");
    match kind {
        Kind::Postgres => run("psql", &["-q", "-v", "ON_ERROR_STOP=1", "-f", file, &cluster.url()]),
        Kind::MariaDb => run("mariadb", &[&to_mariadb[..], &["parlor", "-e", &format!("source {file}")]].concat()),
    };
    for statement in statements("UPDATE room", "parlor") {
        server.sql(&statement).await;
    }
    server.restart().await;
    let said: Vec<_> = server.messages("general").await.iter().map(|message| message["content"].clone()).collect();
    assert_eq!(said, ["message 0", "message 1", "message 2"], "what the copy has is there");
    let mut reader = Reader::open(&server, Transport::Sse, "general", Query::since(4)).await;
    let reset = reader.next().await;
    assert_eq!((self::kind(&reset), &reset["reason"]), ("reset", &json!("restored")), "who saw the lost one is told");
    server.post("general", "Alice", "new").await;
    assert_eq!(reader.next_durable().await["id"], 1_000_004, "no id comes twice");
}

on_every_server!(
    the_statements_make_all_that_is_needed,
    who_may_only_read_and_write_serves,
    a_server_is_reached_by_its_socket,
    a_copy_is_gone_back_to,
);
