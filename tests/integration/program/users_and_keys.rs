//! `parlor user` and `parlor key`: exit codes, what they print, and the databases that they work on.

use std::{collections::BTreeSet, fs, time::Duration};

use futures_util::future::join;
use sea_orm::{ConnectOptions, ConnectionTrait as _, Database};
use serde_json::{Value, json};

use crate::support::{
    DEADLINE, Server,
    database::{TestDatabase, sqlite_url},
    server::{complaint, parlor, parlor_command},
    users::Operator,
    within,
};

/// The time for which a test has a file locked: more than a command needs that does not wait.
const WAITED: Duration = Duration::from_secs(1);

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a directory")
}

/// An operator of a fresh database that has its tables.
async fn operator(dir: &std::path::Path) -> (TestDatabase, Operator) {
    let database = TestDatabase::fresh(dir).await;
    let migrated = parlor(dir, &["migrate", "--database-url", database.url()]);
    assert_eq!(migrated.status.code(), Some(0), "{}", String::from_utf8_lossy(&migrated.stderr));
    let operator = Operator::new(dir, database.url());
    (database, operator)
}

/// The message about a change, which prints nothing.
fn said(operator: &Operator, words: &[&str]) -> String {
    let (out, err) = operator.done(words);
    assert_eq!(out, "", "{words:?}: standard output is for what was asked for");
    err
}

#[tokio::test]
async fn users_are_made_and_listed_and_their_names_are_taken() {
    let dir = folder();
    let (_database, operator) = operator(dir.path()).await;
    assert!(operator.list(&["user", "list"]).is_empty());
    let made = said(&operator, &["user", "add", "Alice Lee"]);
    assert!(made.contains("Alice Lee is made; `parlor key create --user 'Alice Lee'` makes a key"), "{made}");
    operator.add_user(&["root", "--admin"]);
    operator.add_user(&["ci", "--bot"]);
    for name in ["Alice Lee", "ALICE lee", "ci", "CI"] {
        let error = operator.refused(&["user", "add", name], 1);
        assert!(error.contains(&format!("the name {name} is taken")), "{error}");
    }

    let users = operator.list(&["user", "list"]);
    let names: Vec<_> = users.iter().map(|user| user["username"].as_str().expect("a name")).collect();
    assert_eq!(names, ["Alice Lee", "ci", "root"]);
    for (user, kind, origin, admin) in
        [("Alice Lee", "person", "local", false), ("ci", "bot", "bot", false), ("root", "person", "local", true)]
    {
        let listed = operator.user(user);
        assert_eq!(
            (&listed["kind"], &listed["origin"], &listed["admin"]),
            (&json!(kind), &json!(origin), &json!(admin))
        );
        assert!(listed["created_at"].as_str().is_some_and(|time| time.ends_with('Z')), "{listed}");
        assert!(listed["disabled_at"].is_null() && listed["sub"].is_null(), "{listed}");
    }
    let (table, _) = operator.done(&["user", "list"]);
    let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["NAME", "KIND", "ORIGIN", "ADMIN", "MADE", "DISABLED", "SUB"]);
    assert_eq!((lines.len(), &lines[2][..4]), (4, &["ci", "bot", "bot", "no"][..]));
}

#[tokio::test]
async fn users_are_changed_under_any_spelling_of_their_name() {
    let dir = folder();
    let (_database, operator) = operator(dir.path()).await;
    operator.add_user(&["Alice"]);
    operator.add_user(&["bob"]);
    for (words, field, is) in [
        (&["user", "admin", "ALICE"][..], "admin", json!(true)),
        (&["user", "admin", "alice", "--off"], "admin", json!(false)),
        (&["user", "link", "alice", "--sub", "u|1"], "sub", json!("u|1")),
    ] {
        let message = said(&operator, words);
        assert!(message.contains("Alice"), "{message}");
        assert_eq!(operator.user("Alice")[field], is, "{words:?}");
    }
    said(&operator, &["user", "disable", "Alice"]);
    let disabled = operator.user("Alice")["disabled_at"].clone();
    assert!(disabled.is_string());
    said(&operator, &["user", "disable", "Alice"]);
    assert_eq!(operator.user("Alice")["disabled_at"], disabled, "it is still the same");
    said(&operator, &["user", "enable", "Alice"]);
    assert!(operator.user("Alice")["disabled_at"].is_null());

    let taken = operator.refused(&["user", "link", "bob", "--sub", "u|1"], 1);
    assert!(taken.contains("another user has this sub"), "{taken}");
    // Joined to the same again, nobody is signed out; to another, the tokens of the first are refused.
    said(&operator, &["user", "link", "alice", "--sub", "u|1"]);
    assert!(operator.user("Alice")["signed_out_at"].is_null());
    said(&operator, &["user", "link", "alice", "--sub", "u|2"]);
    assert!(operator.user("Alice")["signed_out_at"].is_string());
    said(&operator, &["user", "sign-out", "bob"]);
    assert!(operator.user("bob")["signed_out_at"].is_string());
}

#[tokio::test]
async fn a_key_is_printed_alone_and_once() {
    let dir = folder();
    let (_database, operator) = operator(dir.path()).await;
    operator.add_user(&["ci", "--bot"]);
    let flags = ["--name", "deploy", "--rooms", "general,team-*", "--can", "post,read", "--for", "30d"];
    let (out, err) = operator.done(&[&["key", "create", "--user", "CI"], &flags[..]].concat());
    let key = out.strip_suffix('\n').expect("a line");
    assert!(key.len() == 47 && key.starts_with("plr_") && key.bytes().skip(4).all(|c| c.is_ascii_alphanumeric()));
    assert!(err.contains("of ci, good until 20") && !err.contains(key), "{err}");
    let other = operator.key("ci", &["--rooms", "", "--can", ""]);
    let plain = operator.key("ci", &[]);
    assert_eq!(BTreeSet::from([key, &*other, &*plain]).len(), 3);

    let keys = operator.list(&["key", "list", "--user", "ci"]);
    let narrowing = |key: &Value| (key["name"].clone(), key["rooms"].clone(), key["can"].clone());
    assert_eq!(narrowing(&keys[0]), (json!("deploy"), json!(["general", "team-*"]), json!(["read", "post"])));
    assert_eq!(narrowing(&keys[1]), (json!(""), json!([]), json!([])), "empty is none, not all");
    assert_eq!(narrowing(&keys[2]), (json!(""), json!(null), json!(null)));
    assert!(keys[0]["expires_at"].is_string() && keys[2]["expires_at"].is_null(), "{keys:?}");
    assert!(keys.iter().all(|key| key["last_used_at"].is_null()), "{keys:?}");

    let (table, _) = operator.done(&["key", "list", "--user", "ci"]);
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["ID", "NAME", "ROOMS", "CAN", "MADE", "EXPIRES", "USED"]);
    assert_eq!(rows[1][1..4], ["deploy", "general,team-*", "read,post"]);
    assert_eq!((&rows[2][1..4], &rows[3][1..4]), (&["-", "none", "none"][..], &["-", "all", "all"][..]));

    let id = keys[0]["id"].to_string();
    operator.add_user(&["other"]);
    let unknown = operator.refused(&["key", "delete", &id, "--user", "other"], 1);
    assert!(unknown.contains(&format!("other has no key {id}")), "{unknown}");
    said(&operator, &["key", "delete", &id, "--user", "ci"]);
    operator.refused(&["key", "delete", &id, "--user", "ci"], 1);
    assert_eq!(operator.list(&["key", "list", "--user", "ci"]).len(), 2);
}

#[tokio::test]
async fn what_is_unknown_or_of_no_effect_exits_1() {
    let dir = folder();
    let (_database, operator) = operator(dir.path()).await;
    for words in [
        &["user", "disable", "nobody"][..],
        &["user", "enable", "nobody"],
        &["user", "admin", "nobody"],
        &["user", "link", "nobody", "--sub", "x"],
        &["user", "sign-out", "nobody"],
        &["key", "create", "--user", "nobody"],
        &["key", "list", "--user", "nobody"],
        &["key", "delete", "1", "--user", "nobody"],
    ] {
        let error = operator.refused(words, 1);
        assert!(error.contains("there is no user nobody"), "{words:?}: {error}");
    }
    operator.add_user(&["alice"]);
    let admin = operator.refused(&["key", "create", "--user", "alice", "--can", "read,admin"], 1);
    assert!(admin.contains("alice is no admin"), "{admin}");
    said(&operator, &["user", "admin", "alice"]);
    operator.key("alice", &["--can", "read,admin"]);
    said(&operator, &["user", "disable", "alice"]);
    let disabled = operator.refused(&["key", "create", "--user", "alice"], 1);
    assert!(disabled.contains("alice is disabled"), "{disabled}");
}

#[tokio::test]
async fn what_is_no_command_exits_2_and_changes_nothing() {
    let dir = folder();
    let (_database, operator) = operator(dir.path()).await;
    operator.add_user(&["alice"]);
    let long = "x".repeat(101);
    for (words, says) in [
        (&["user"][..], "Usage: parlor user"),
        (&["key"], "Usage: parlor key"),
        (&["user", "no-such"], "no-such"),
        (&["user", "add"], "<NAME>"),
        (&["user", "add", "\u{200b}"], "username"),
        (&["user", "add", &long], "username"),
        (&["user", "add", ".."], "path"),
        (&["user", "add", "a", "--adm"], "--adm"),
        (&["user", "list", "alice"], "alice"),
        (&["user", "admin", "alice", "--on"], "--on"),
        (&["user", "link", "alice"], "--sub"),
        (&["user", "link", "alice", "--sub", "a\nb"], "1 to 400 bytes"),
        (&["key", "create"], "--user"),
        (&["key", "list"], "--user"),
        (&["key", "delete", "--user", "alice"], "<ID>"),
        (&["key", "delete", "one", "--user", "alice"], "has to be a number, as `parlor key list` shows it"),
        (&["key", "create", "--user", "alice", "--name", &long], "at most 100 characters"),
        (&["key", "create", "--user", "alice", "--name", "a\nb"], "no control characters"),
        (&["key", "create", "--user", "alice", "--rooms", "a.b"], "a room's name"),
        (&["key", "create", "--user", "alice", "--can", "write"], "read, post, moderate, admin"),
        (&["key", "create", "--user", "alice", "--for", "0s"], "from 1s to 10y"),
        (&["key", "create", "--user", "alice", "--for", "soon"], "has to be a time, as in 30d, 12h or 10m"),
        (&["key", "create", "--user", "alice", "--for", "10"], "has to be a time, as in 30d, 12h or 10m"),
    ] {
        // Without a command there is nothing that could have the option.
        let output = if words.len() == 1 { parlor(dir.path(), words) } else { operator.run(words) };
        let error = complaint(&output, 2);
        assert!(error.contains(says), "{words:?}: {error}");
    }
    assert_eq!(operator.list(&["user", "list"]).len(), 1);
    assert!(operator.list(&["key", "list", "--user", "alice"]).is_empty());
    let refused = complaint(&parlor(dir.path(), &["user", "list", "--database-url", "nonsense"]), 2);
    assert!(refused.contains("--database-url"), "{refused}");
}

#[tokio::test]
async fn a_database_that_is_not_there_or_has_no_tables_stays_as_it_is() {
    let dir = folder();
    let missing = dir.path().join("missing.db");
    let other = dir.path().join("other.db");
    fs::write(&other, "no database").expect("a file is written");
    let (empty, folder) = (dir.path().join("empty.db"), dir.path().join("folder.db"));
    fs::write(&empty, "").expect("a file is written");
    fs::create_dir(&folder).expect("a folder is made");
    let unmigrated = TestDatabase::fresh(dir.path()).await;
    fs::write(dir.path().join("parlor.db"), "").expect("a file is written");
    for (url, says) in [
        (sqlite_url(&missing), "there is no file"),
        (format!("sqlite://{}", missing.display()), "there is no file"),
        (sqlite_url(&other), "file is not a database"),
        (sqlite_url(&empty), "is not migrated: run `parlor migrate`"),
        (sqlite_url(&folder), "is not a file"),
        (unmigrated.url().to_owned(), "is not migrated: run `parlor migrate`"),
    ] {
        let operator = Operator::new(dir.path(), &url);
        for words in [&["user", "add", "alice"][..], &["user", "list"], &["key", "create", "--user", "alice"]] {
            let error = operator.refused(words, 1);
            assert!(error.contains(says), "{url} {words:?}: {error}");
        }
    }
    assert!(!missing.exists(), "none is made");
    assert_eq!(fs::read_to_string(&other).expect("a file"), "no database");
    assert_eq!(fs::metadata(&empty).expect("a file").len(), 0);
}

/// The write-ahead log is found under one name only: what is written under another would be lost.
#[tokio::test]
async fn a_file_with_a_second_name_is_refused() {
    let dir = folder();
    let (path, second) = (dir.path().join("a.db"), dir.path().join("b.db"));
    let url = sqlite_url(&path);
    let migrated = parlor(dir.path(), &["migrate", "--database-url", &url]);
    assert_eq!(migrated.status.code(), Some(0));
    fs::hard_link(&path, &second).expect("a link is made");
    let error = Operator::new(dir.path(), &sqlite_url(&second)).refused(&["user", "add", "alice"], 1);
    assert!(error.contains("has 2 names"), "{error}");
    fs::remove_file(&second).expect("it is removed");
    std::os::unix::fs::symlink(&path, &second).expect("a link is made");
    Operator::new(dir.path(), &sqlite_url(&second)).add_user(&["alice"]);
    assert_eq!(Operator::new(dir.path(), &url).user("alice")["kind"], "person", "a symbolic link leads to the same");
}

#[tokio::test]
async fn the_database_is_named_by_the_file_the_environment_or_a_flag() {
    let dir = folder();
    let dir = dir.path();
    for name in ["file", "variable", "flag"] {
        let url = sqlite_url(&dir.join(format!("{name}.db")));
        assert_eq!(parlor(dir, &["migrate", "--database-url", &url]).status.code(), Some(0));
        Operator::new(dir, &url).add_user(&[name]);
    }
    let named = |env: Option<&str>, flags: &[&str]| {
        let mut command = parlor_command(dir, &[&["user", "list", "--json"], flags].concat());
        command.envs(env.map(|url| ("PARLOR_DATABASE_URL", url)));
        let output = command.output().expect("parlor runs");
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        let users: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        users[0]["username"].as_str().expect("a user").to_owned()
    };
    fs::write(dir.join("parlor.toml"), "[database]\nurl = \"sqlite://file.db\"\n").expect("a file is written");
    fs::write(dir.join("other.toml"), "database-url = \"sqlite://variable.db\"\n").expect("a file is written");
    assert_eq!(named(None, &[]), "file");
    assert_eq!(named(None, &["--config", "other.toml"]), "variable");
    assert_eq!(named(Some("sqlite://variable.db"), &[]), "variable");
    assert_eq!(named(Some("sqlite://variable.db"), &["--database-url", "sqlite://flag.db"]), "flag");
}

#[tokio::test]
async fn both_work_beside_a_server_that_writes_all_the_time() {
    let mut server = Server::start().await;
    server.post("general", "Alice", "hi").await;
    let operator = Operator::of(&server);
    let working = tokio::task::spawn_blocking({
        let operator = operator.clone();
        move || {
            for number in 0..8 {
                let name = format!("bot {number}");
                operator.add_user(&[&name, "--bot"]);
                operator.key(&name, &[]);
                operator.done(&["user", "disable", &name]);
            }
        }
    });
    let (posts, done) = (std::sync::atomic::AtomicUsize::new(0), tokio::sync::Notify::new());
    let post = async || {
        loop {
            server.post("general", "Alice", "meanwhile").await;
            posts.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    };
    let posting = async {
        tokio::select! {
            _ = async { tokio::join!(post(), post(), post(), post()) } => {}
            () = done.notified() => {}
        }
    };
    let finishing = async {
        working.await.expect("each command is carried out");
        done.notify_one();
    };
    join(posting, finishing).await;
    assert!(posts.into_inner() > 8, "it was written meanwhile");
    assert!(server.terminate().await.success());

    // All of it is there, also for whoever opens the database next.
    let users = operator.list(&["user", "list"]);
    assert_eq!(users.len(), 8);
    assert!(users.iter().all(|user| user["disabled_at"].is_string()), "{users:?}");
    let keys = (0..8).map(|number| operator.list(&["key", "list", "--user", &format!("bot {number}")]).len());
    assert_eq!(keys.sum::<usize>(), 8);
    let mut server = Server::builder().dir(server.dir()).database_url(&server.database_url()).arg("--allow-open");
    server = server.arg("--migrate=false");
    let server = server.start().await;
    assert!(server.head("general").await > 8);
}

/// Of a file, whoever writes has all of it: others wait, and don't give up at once.
#[tokio::test]
async fn a_command_waits_for_whoever_writes_to_the_file() {
    let dir = folder();
    let url = sqlite_url(&dir.path().join("busy.db"));
    assert_eq!(parlor(dir.path(), &["migrate", "--database-url", &url]).status.code(), Some(0));
    let mut options = ConnectOptions::new(&url);
    options.max_connections(1);
    let other = Box::pin(Database::connect(options)).await.expect("the database opens");
    other.execute_unprepared("BEGIN IMMEDIATE").await.expect("it is locked");
    let words = ["user", "add", "alice", "--database-url", &url];
    let command = parlor_command(dir.path(), &words);
    let mut adding = tokio::process::Command::from(command).kill_on_drop(true).spawn().expect("parlor runs");
    let ended = tokio::time::timeout(WAITED, adding.wait()).await;
    assert!(ended.is_err(), "it gave up: {ended:?}");
    other.execute_unprepared("COMMIT").await.expect("it is free");
    let status = within(DEADLINE, "the command ends", adding.wait()).await.expect("a status");
    assert_eq!(status.code(), Some(0));
    assert_eq!(Operator::new(dir.path(), &url).user("alice")["kind"], "person");
    other.close().await.expect("it closes");
}

#[test]
fn help_says_what_each_command_does() {
    let dir = folder();
    let help = |words: &[&str]| {
        let output = parlor(dir.path(), &[words, &["--help"]].concat());
        assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0), "{words:?}");
        String::from_utf8(output.stdout).expect("text")
    };
    let all = help(&[]);
    assert!(!all.contains("no server takes"), "{all}");
    let serve = help(&["serve"]);
    for said in ["on:  Public rooms may be read by anybody", "off: People find those with whom they share a room"] {
        assert!(serve.contains(said), "{serve}");
    }
    assert!(help(&["user", "admin"]).contains("no longer one with --off"));
    for (command, subcommands) in [
        ("user", &["add", "list", "disable", "enable", "admin", "link", "sign-out"][..]),
        ("key", &["create", "list", "delete"]),
    ] {
        assert!(all.contains(&format!("  {command} ")), "{all}");
        let listed = help(&[command]);
        for subcommand in subcommands {
            let about = listed.lines().find_map(|line| line.trim_start().strip_prefix(subcommand));
            assert!(about.is_some_and(|about| about.trim().len() > 10), "{command} {subcommand}: {listed}");
            let own = help(&[command, subcommand]);
            for flag in ["--database-url <URL>", "--config <FILE>", "PARLOR_DATABASE_URL"] {
                assert!(own.contains(flag), "{command} {subcommand} --help: {own}");
            }
        }
    }
}
