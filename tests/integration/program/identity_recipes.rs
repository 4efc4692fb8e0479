//! The recipes of docs/identity.md work as they stand.

use std::{net::TcpListener, path::Path, process::Stdio, time::Duration};

use tokio::process::Command;

use crate::support::{server::PARLOR, within};

const DOCUMENT: &str = include_str!("../../../docs/identity.md");
/// The time that a recipe may take: a few starts of a debug build on a busy machine.
const DEADLINE: Duration = Duration::from_mins(1);

/// The commands under a heading.
fn recipe(heading: &str) -> &'static str {
    let (_, section) = DOCUMENT.split_once(&format!("\n## {heading}\n")).expect(heading);
    let (_, commands) = section.split_once("```sh\n").expect("a block of commands");
    commands.split_once("```").expect("its end").0
}

/// A line as it is run: against this address, failing on every status that is an error, and a stream for a while only.
fn line(line: &str, address: &str) -> String {
    let line = line.replace("127.0.0.1:3000", address);
    let line = line.replacen("parlor serve", "timeout 60 parlor serve", 1);
    if line.starts_with("curl -N ") {
        // It has no end: curl says 28 when its time is over.
        return line.replacen("curl ", "curl -sS --fail-with-body --max-time 2 ", 1) + " || test $? = 28";
    }
    line.replacen("curl ", "curl -sS --fail-with-body ", 1)
}

/// Runs a recipe in a folder of its own; what it prints.
async fn run(heading: &str) -> String {
    let dir = tempfile::tempdir().expect("a directory");
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port");
    let address = free.to_string();
    let lines: Vec<_> = recipe(heading).lines().map(|pasted| line(pasted, &address)).collect();
    // The server is what was started last in the background.
    let script = format!("set -e\ntrap 'kill $!; wait' EXIT\n{}\n", lines.join("\n"));
    let mut shell = Command::new("sh");
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PARLOR_") {
            shell.env_remove(name);
        }
    }
    let programs = Path::new(PARLOR).parent().expect("a folder").display();
    let path = std::env::var("PATH").expect("a PATH");
    shell.env("PATH", format!("{programs}:{path}")).env("PARLOR_LISTEN", &address).current_dir(dir.path());
    shell.args(["-c", &script]).stdin(Stdio::null()).kill_on_drop(true);
    let output = within(DEADLINE, heading, shell.output()).await.expect("a shell");
    let [out, err] = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(output.status.success(), "{heading}: {}\n{out}\n{err}", output.status);
    out
}

#[tokio::test]
async fn bots_post_with_api_keys() {
    let printed = run("Bots and CI with API keys").await;
    for said in [r#""username":"ci""#, "Build 42 is green", "ID  NAME", "1   deploy"] {
        assert!(printed.contains(said), "{said} is missing: {printed}");
    }
    assert!(!printed.contains("plr_"), "{printed}");
}

#[tokio::test]
async fn a_product_signs_its_own_users_in() {
    let printed = run("A product that embeds Parlor with its own JWTs").await;
    for said in [r#""username":"Alice""#, r#""title":"Team 7""#, "event: message_history", r#""content":"Hello""#] {
        assert!(printed.contains(said), "{said} is missing: {printed}");
    }
}

#[tokio::test]
async fn a_room_has_members_and_an_audit() {
    let printed = run("Rooms, members and roles").await;
    for said in
        [r#""visibility":"private""#, r#""username":"Bob","role":"member""#, r#""reason":"spam""#, r#""act":"ban""#]
    {
        assert!(printed.contains(said), "{said} is missing: {printed}");
    }
}

#[tokio::test]
async fn a_team_signs_in_with_passwords() {
    let printed = run("A team with accounts").await;
    for said in [r#""username":"Alice""#, r#""username":"Bob""#, r#""content":"Hello""#, r#""current":true"#] {
        assert!(printed.contains(said), "{said} is missing: {printed}");
    }
}
