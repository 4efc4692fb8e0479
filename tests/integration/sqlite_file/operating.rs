//! The commands and files of `docs/operating.md` work as they stand.

use std::{path::Path, process::Command};

use serde_json::json;

use crate::support::{Query, Reader, Server, Transport, reader::kind, server::parlor, tls::Pair};

const OPERATING: &str = include_str!("../../../docs/operating.md");

/// The document's blocks in a language.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    OPERATING.split(&fence).skip(1).map(|rest| rest.split_once("```").expect("a block has an end").0).collect()
}

fn shell(commands: &str, dir: &Path) {
    let output = Command::new("sh").args(["-ec", commands]).current_dir(dir).output().expect("a shell");
    assert!(output.status.success(), "{commands}: {}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn the_file_with_every_setting_has_every_setting() {
    let [file] = blocks("toml")[..] else { panic!("one file of settings") };
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("parlor.toml");
    // The keys and the certificate that it names.
    Pair::make(dir.path(), "tls", &["chat.example.org"]);
    assert!(parlor(dir.path(), &["keygen", "chat.pem"]).status.success());
    let set = json!({"keys": [{"kty": "oct", "k": "A".repeat(43)}]});
    std::fs::write(dir.path().join("jwks.json"), set.to_string()).expect("a file is written");
    let shown = || {
        let output = parlor(dir.path(), &["config"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    };
    let lines = |text: &str| -> Vec<String> {
        let lines = text.lines().map(|line| line.split(" #").next().expect("a part").trim_end().to_owned());
        lines.filter(|line| !line.is_empty()).collect()
    };
    // All that can be set is there, in its order; what has a default, with it.
    let defaults = shown();
    std::fs::write(&path, file).expect("a file is written");
    let set = shown();
    assert!(!set.contains("# default") && !set.contains("is not set"), "{set}");
    assert_eq!(lines(file), lines(&set));
    let given = lines(file);
    // Keys need the mode that is not the default.
    let is_default = |line: &&String| !line.starts_with("# ") && *line != "auth = \"open\"";
    for line in lines(&defaults).iter().filter(is_default) {
        assert!(given.contains(line), "the default is {line}");
    }

    // In open mode anybody can post, here without TLS; the keys do not go with it.
    let (before, identity) = file.split_once("[identity]").expect("a table");
    let (_, after) = identity.split_once("[database]").expect("a table");
    let open =
        format!("{}[database]{after}", before.replace("\"required\"", "\"open\"").replace(":3000", ":0,tls=off"));
    std::fs::write(&path, open).expect("a file is written");
    let server = Server::builder().dir(dir.path()).bare().start().await;
    server.post("general", "Alice", "hi").await;
    assert!(dir.path().join("parlor.db").exists(), "the database of the file is used");
}

#[tokio::test]
async fn a_running_database_is_copied_and_restored() {
    let blocks: Vec<_> = blocks("sh").into_iter().filter(|block| block.contains("sqlite3 ")).collect();
    let [backup, restore] = blocks[..] else { panic!("two blocks of commands") };
    let mut server = Server::start().await;
    server.post_many("general", "Alice", 3).await;
    shell(backup, server.dir());
    server.post("general", "Alice", "lost").await;
    assert!(server.terminate().await.success());
    shell(restore, server.dir());
    server.restart().await;

    let said: Vec<_> = server.messages("general").await.iter().map(|message| message["content"].clone()).collect();
    assert_eq!(said, ["message 0", "message 1", "message 2"], "what the copy has is there");
    let mut reader = Reader::open(&server, Transport::Sse, "general", Query::since(4)).await;
    let reset = reader.next().await;
    assert_eq!((kind(&reset), &reset["reason"]), ("reset", &json!("restored")), "who saw the lost one is told");
    assert_eq!(kind(&reader.next().await), "message_history");
    server.post("general", "Alice", "new").await;
    assert_eq!(reader.next_durable().await["id"], 1_000_004, "no id comes twice");
}
