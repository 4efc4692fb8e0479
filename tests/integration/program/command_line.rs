//! The command line: exit codes that say what is wrong, the order of settings, and what is logged.

use serde_json::Value;

use crate::support::{
    DEADLINE, Server,
    database::TestDatabase,
    server::{Builder, complaint, failure, parlor, parlor_command},
};

/// The product's own times, with their defaults.
const TIMES: [(&str, &str); 29] = [
    ("typing-lapse", "6s"),
    ("socket-typing-lapse", "1m"),
    ("presence-grace", "5s"),
    ("presence-lease", "30s"),
    ("presence-digest-interval", "5s"),
    ("read-receipt-interval", "1s"),
    ("ping-interval", "15s"),
    ("socket-ping-interval", "20s"),
    ("socket-close-timeout", "5s"),
    ("poll-ephemeral-wait", "2s"),
    ("handshake-timeout", "10s"),
    ("http2-idle-time", "1m"),
    ("certificate-interval", "1m"),
    ("head-timeout", "15s"),
    ("body-timeout", "15s"),
    ("write-timeout", "10s"),
    ("hang-timeout", "7s"),
    ("probe-interval", "1s"),
    ("revocation-interval", "1s"),
    ("revocation-patience", "5s"),
    ("ticket-lifetime", "30s"),
    ("last-use-interval", "1m"),
    ("auth-notice", "1m"),
    ("room-idle-time", "1m"),
    ("room-sweep-interval", "10s"),
    ("drain-spread", "2s"),
    ("drain-timeout", "10s"),
    ("unsent-wait", "1s"),
    ("unsent-stall", "10s"),
];

fn directory() -> tempfile::TempDir {
    tempfile::tempdir().expect("a directory")
}

#[tokio::test]
async fn unusable_settings_exit_2_and_are_named() {
    let flags: [(&[&str], &str); 16] = [
        (&["--listen", "nonsense"], "--listen"),
        (&["--listen", "0.0.0.0:0"], "--allow-open"),
        (&["--stall-timeout", "nonsense"], "--stall-timeout"),
        (&["--stall-timeout", "0s"], "--stall-timeout"),
        (&["--unsent-limit", "1023KiB"], "at least 1MiB"),
        (&["--unsent-limit", "much"], "--unsent-limit"),
        (&["--content-limit", "0"], "--content-limit"),
        (&["--content-limit", "20001"], "20000"),
        (&["--drain-delay=-1s"], "--drain-delay"),
        (&["--max-connections", "0"], "--max-connections"),
        (&["--ping-interval", "0s"], "--ping-interval"),
        (&["--head-timeout", "61m"], "--head-timeout"),
        (&["--allow-origin", "nonsense"], "--allow-origin"),
        (&["--public-url", "https://chat.example/parlor"], "--public-url"),
        (&["--allowed-hosts", "chat.example:443"], "--allowed-hosts"),
        (&["--no-such-flag"], "--no-such-flag"),
    ];
    for (flags, named) in flags {
        let mut builder = Server::builder().bare();
        for flag in flags {
            builder = builder.arg(flag);
        }
        let error = failure(builder, 2).await;
        assert!(error.contains(named), "{flags:?}: {error}");
    }

    let from_environment = Server::builder().bare().env("PARLOR_STALL_TIMEOUT", "nonsense");
    let error = failure(from_environment, 2).await;
    assert!(error.contains("stall-timeout"), "{error}");

    for (file, named) in [
        ("no-such-key = 1", "no-such-key"),
        ("[database]\nurk = 1", "database.urk"),
        ("[no-such-table]", "no-such-table"),
        ("log = \"info\"\n[log]\nfilter = \"info\"", "log"),
        ("[times]\nping-interval = \"0s\"", "ping-interval"),
        ("listen = \"nonsense\"", "listen"),
        ("listen = \"127.0.0.1:0\"\nlog-format = 7", "log-format"),
        ("listen", "parlor.toml"),
    ] {
        let dir = directory();
        std::fs::write(dir.path().join("parlor.toml"), file).expect("a file is written");
        let error = failure(Server::builder().bare().dir(dir.path()), 2).await;
        assert!(error.contains(named), "{file}: {error}");
    }

    let error = failure(Server::builder().arg("--config").arg("missing.toml"), 2).await;
    assert!(error.contains("missing.toml"), "{error}");
}

/// The files of a process bound what it can serve: more connections than that would be a promise it can't keep.
#[tokio::test]
async fn the_budget_of_connections_stays_below_the_limit_of_open_files() {
    let limited = || Server::builder().wrapper(["prlimit", "--nofile=300:300"]).arg("--max-connections");
    let error = failure(limited().arg("45"), 2).await;
    assert!(error.contains("--max-connections 45") && error.contains("44"), "256 are for the rest: {error}");
    let mut server = limited().arg("44").start().await;
    assert!(server.terminate().await.success());
}

#[tokio::test]
async fn open_mode_on_every_address_starts_when_it_is_meant() {
    let dir = directory();
    let database = TestDatabase::fresh(dir.path()).await;
    let args = ["--listen", "0.0.0.0:0", "--allow-open", "--database-url", database.url()];
    let builder = args.into_iter().fold(Server::builder().bare().dir(dir.path()), Builder::arg);
    let mut server = builder.start().await;
    assert!(server.addr().ip().is_unspecified(), "{}", server.addr());
    assert!(server.terminate().await.success());
}

#[tokio::test]
async fn what_keeps_it_from_starting_exits_1_with_the_reason() {
    let taken = Server::start().await;
    let addr = taken.addr().to_string();
    let error = failure(Server::builder().bare().arg("--listen").arg(&addr), 1).await;
    assert!(error.contains(&addr) && error.contains("--listen"), "what and what to try: {error}");
}

#[tokio::test]
async fn migrations_run_at_start_by_hand_or_not_at_all() {
    let dir = directory();
    let database = TestDatabase::fresh(dir.path()).await;
    let refusing = || Server::builder().database_url(database.url()).arg("--migrate=false");
    let error = failure(refusing(), 1).await;
    assert!(error.contains("parlor migrate"), "it says what to do: {error}");

    for _ in ["first", "again"] {
        let migrated = parlor(dir.path(), &["migrate", "--database-url", database.url()]);
        assert_eq!(migrated.status.code(), Some(0), "{}", String::from_utf8_lossy(&migrated.stderr));
    }
    let server = refusing().start().await;
    server.post("general", "Alice", "hi").await;

    let named = dir.path().join("named.toml");
    std::fs::write(&named, "database-url = \"sqlite://named.db?mode=rwc\"\n").expect("a file is written");
    let migrated = parlor(dir.path(), &["migrate", "--config", "named.toml"]);
    assert_eq!(migrated.status.code(), Some(0), "{}", String::from_utf8_lossy(&migrated.stderr));
    assert!(dir.path().join("named.db").exists(), "a file of settings can be named");
    let seeded = parlor(dir.path(), &["seed", "--messages", "1", "--config", "named.toml"]);
    assert_eq!(seeded.status.code(), Some(0), "{}", String::from_utf8_lossy(&seeded.stderr));
}

/// The format of the log tells which setting won: `{` begins a line of JSON.
async fn logs_json(builder: Builder) -> bool {
    let mut server = builder.arg("--trusted-proxies=127.0.0.1").start().await;
    let id = "order-of-settings";
    let asked = server.http().get(server.url("/healthz")).header("x-request-id", id).send().await;
    assert!(asked.expect("an answer").status().is_success());
    let is_json = server.wait_for_log(id, DEADLINE).await.starts_with('{');
    // The next one needs the same file.
    server.kill9().await;
    is_json
}

#[tokio::test]
async fn a_flag_wins_over_the_environment_over_the_file_over_the_default() {
    let dir = directory();
    let text = || Server::builder().dir(dir.path());
    assert!(!logs_json(text()).await, "the default is text");
    for file in ["log-format = \"json\"\n", "[log]\nformat = \"json\"\n"] {
        std::fs::write(dir.path().join("parlor.toml"), file).expect("a file is written");
        assert!(logs_json(text()).await, "the file wins over the default: {file}");
    }
    let env = || text().env("PARLOR_LOG_FORMAT", "text");
    assert!(!logs_json(env()).await, "the environment wins over the file");
    assert!(logs_json(env().arg("--log-format").arg("json")).await, "a flag wins over the environment");

    // A named file takes the place of the one that is found.
    std::fs::write(dir.path().join("other.toml"), "log_format = \"text\"\n").expect("a file is written");
    assert!(!logs_json(text().arg("--config").arg("other.toml")).await, "a file can be named");
    assert!(!logs_json(text().env("PARLOR_CONFIG", "other.toml")).await, "by the environment too");
}

/// The output of `parlor config`, run with these variables in a directory that has this file.
fn config(file: &str, env: &[(&str, &str)], args: &[&str]) -> String {
    let dir = directory();
    std::fs::write(dir.path().join("parlor.toml"), file).expect("a file is written");
    let output = parlor_command(dir.path(), &[&["config"], args].concat()).envs(env.iter().copied()).output();
    let output = output.expect("parlor runs");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn config_prints_what_is_in_force_and_where_it_came_from() {
    let file = "allow-origin = [\"https://a.example\", \"https://b.example\"]\n\
                [database]\nurl = \"postgres://parlor:a-secret@db.example/parlor\"\n\
                [log]\nformat = \"json\"\nfilter = \"debug\"\n[limits]\ncontent-limit = 5000\n";
    let env = [("PARLOR_LOG_FORMAT", "text"), ("PARLOR_MAX_CONNECTIONS", "20"), ("PARLOR_DRAIN_DELAY", "3s")];
    let shown = config(file, &env, &["--drain-delay", "4s", "--allow-open"]);
    for line in [
        "listen = [\"127.0.0.1:3000\"] # default",
        "# public-url is not set",
        "allow-origin = [\"https://a.example\", \"https://b.example\"] # from parlor.toml",
        "allow-open = true # from --allow-open",
        "drain-delay = \"4s\" # from --drain-delay",
        "url = \"postgres://parlor:***@db.example/parlor\" # from parlor.toml",
        "max-connections = 20 # from PARLOR_MAX_CONNECTIONS",
        "content-limit = 5000 # from parlor.toml",
        "format = \"text\" # from PARLOR_LOG_FORMAT",
        "filter = \"debug\" # from parlor.toml",
        "ping-interval = \"15s\" # default",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line} is missing:\n{shown}");
    }
    let from_environment = [("PARLOR_DATABASE_URL", "mysql://parlor:a-secret@db.example/parlor")];
    let others = config("", &from_environment, &[]);
    assert!(others.contains("mysql://parlor:***@db.example/parlor\" # from PARLOR_DATABASE_URL"), "{others}");
    assert!(!shown.contains("a-secret") && !others.contains("a-secret"), "{shown}{others}");
    assert!(!config("", &[], &[]).contains(" # from"), "all are defaults");

    // What is printed is a file of settings, and says the same again.
    let strip = |text: &str| text.lines().map(|line| line.split(" # ").next().expect("a part").to_owned()).collect();
    let lines: Vec<String> = strip(&shown);
    let again: Vec<String> = strip(&config(&shown, &[], &[]));
    assert_eq!(lines, again);

    // What `serve` would refuse is refused here.
    let refused = parlor(directory().path(), &["config", "--listen", "0.0.0.0:3000"]);
    let error = complaint(&refused, 2);
    assert!(error.contains("--allow-open"), "{error}");
}

#[test]
fn help_lists_what_can_be_set() {
    let dir = directory();
    let help = parlor(dir.path(), &["--help"]);
    assert_eq!(help.status.code(), Some(0));
    let help = String::from_utf8(help.stdout).expect("text");
    for command in ["serve", "config", "migrate", "seed", "user", "key", "token", "keygen", "openapi"] {
        assert!(help.contains(command), "{command} is missing: {help}");
    }

    let help = parlor(dir.path(), &["serve", "--help"]);
    assert_eq!(help.status.code(), Some(0));
    let help = String::from_utf8(help.stdout).expect("text");
    for (flag, default) in [
        ("listen", Some("127.0.0.1:3000")),
        ("tls-cert", None),
        ("tls-key", None),
        ("database-url", Some("sqlite://parlor.db?mode=rwc")),
        ("sqlite-synchronous", Some("full")),
        ("migrate", Some("true")),
        ("auth", Some("open")),
        ("jwt-key", None),
        ("jwks", None),
        ("jwt-issuer", None),
        ("jwt-audience", None),
        ("jwt-leeway", Some("30s")),
        ("guests", Some("off")),
        ("room-creation", Some("everyone")),
        ("directory", Some("on")),
        ("allow-open", Some("false")),
        ("public-url", None),
        ("allowed-hosts", None),
        ("allow-origin", None),
        ("content-limit", Some("10000")),
        ("edit-window", Some("15m")),
        ("revisions", Some("100")),
        ("drain-delay", Some("0s")),
        ("stall-timeout", Some("60s")),
        ("unsent-limit", Some("256MiB")),
        ("max-connections", None),
        ("log-format", Some("text")),
        ("config", None),
    ]
    .into_iter()
    .chain(TIMES.map(|(flag, default)| (flag, Some(default))))
    {
        let (_, about) = help.split_once(&format!("--{flag} ")).expect(flag);
        let about = about.split("\n      --").next().expect("a first part");
        // What the variable holds is shown too, except for the one that may hold a password.
        let end = if flag == "database-url" { ']' } else { '=' };
        let variable = format!("[env: PARLOR_{}{end}", flag.to_uppercase().replace('-', "_"));
        assert!(about.contains(&variable), "--{flag}: {about}");
        let is_said = |default: &str| about.contains(&format!("[default: {default}]"));
        assert!(default.is_none_or(is_said), "--{flag}: {about}");
    }

    // The times have a heading of their own, and a row each in the document.
    let (_, times) = help.split_once("\nTimes:\n").expect("a heading");
    let document = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/operating.md")).expect("a text");
    let listed: Vec<_> = times.lines().filter_map(|line| line.trim_start().strip_prefix("--")).collect();
    assert_eq!(listed, TIMES.map(|(flag, _)| format!("{flag} <TIME>")));
    for (flag, default) in TIMES {
        assert!(document.contains(&format!("| `--{flag}` | `{default}` |")), "--{flag}");
    }
}

#[tokio::test]
async fn seed_fills_a_room_with_messages() {
    let mut server = Server::start().await;
    let (dir, url) = (server.dir().to_owned(), server.database_url());
    server.post("big", "Alice", "first").await;
    let seed = |arguments: &[&str]| parlor(&dir, &[&["seed", "--database-url", &url], arguments].concat());
    let beside = seed(&["--messages", "10"]);
    assert_eq!(beside.status.code(), Some(1), "not while a server has the database");

    server.terminate().await;
    let seeded = seed(&["--messages", "2500", "--room", "big"]);
    let said = String::from_utf8_lossy(&seeded.stdout);
    assert_eq!(seeded.status.code(), Some(0), "{}", String::from_utf8_lossy(&seeded.stderr));
    assert!(said.starts_with("2500 messages in room big, whose head is 2501 now"), "{said}");
    for (arguments, says) in [
        (&["--messages", "0"][..], "--messages"),
        (&[], "--messages"),
        (&["--messages", "1", "--room", "a.b"], "--room"),
    ] {
        let refused = seed(arguments);
        assert_eq!(refused.status.code(), Some(2), "{arguments:?}");
        assert!(String::from_utf8_lossy(&refused.stderr).contains(says), "{arguments:?}");
    }

    server.restart().await;
    let messages = server.messages("big").await;
    assert_eq!((messages.len(), &messages[0]["content"]), (2_501, &Value::from("first")));
    let contents: std::collections::BTreeSet<_> =
        messages.iter().map(|message| message["content"].as_str().expect("a content")).collect();
    assert_eq!(contents.len(), messages.len(), "each says something else");
    assert_eq!(server.post("big", "Alice", "next").await["id"], 2_502);
}

#[test]
fn no_command_at_all_is_answered_with_the_help() {
    let output = parlor(directory().path(), &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("serve"));
}

#[test]
fn the_openapi_document_is_printed_without_a_server() {
    let dir = directory();
    let output = parlor(dir.path(), &["openapi"]);
    assert_eq!(output.status.code(), Some(0));
    let document: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.")), "{document}");
    assert!(document["paths"].as_object().is_some_and(|paths| !paths.is_empty()));
    assert_eq!(std::fs::read_dir(dir.path()).expect("a directory").count(), 0, "nothing is left behind");
}

#[tokio::test]
async fn each_request_is_one_line_of_the_log_without_what_people_wrote() {
    let server = Server::builder().arg("--trusted-proxies=127.0.0.1").arg("--log-format").arg("json").start().await;
    let secret = "a-secret-that-nobody-may-log";
    let post = serde_json::json!({"username": format!("{secret}-name"), "content": secret, "client_id": secret});
    let url = server.api("/rooms/quiet/messages");
    let requests = [
        ("made", "POST", "/api/v1/rooms/{room}/messages", 201, server.http().post(&url).json(&post)),
        ("again", "POST", "/api/v1/rooms/{room}/messages", 200, server.http().post(&url).json(&post)),
        ("read", "GET", "/api/v1/rooms/{room}/messages/{id}", 200, server.http().get(format!("{url}/1?q={secret}"))),
        ("bad", "GET", "/api/v1/rooms/{room}/messages", 400, server.http().get(format!("{url}?limit={secret}"))),
        (
            "not-json",
            "POST",
            "/api/v1/rooms/{room}/messages",
            400,
            server.http().post(&url).header("content-type", "application/json").body(format!("{{\"{secret}")),
        ),
    ];
    for (id, method, route, status, request) in requests {
        let id = format!("request-{id}");
        let answer = request.header("x-request-id", &id).send().await.expect("an answer");
        assert_eq!(answer.status().as_u16(), status, "{id}");
        assert_eq!(answer.headers()["x-request-id"], id.as_str(), "a proxy's id is kept");
        let line = server.wait_for_log(&id, DEADLINE).await;
        let line: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert_eq!(line["request.id"], id.as_str(), "{line}");
        assert_eq!(line["client.address"], "127.0.0.1", "{line}");
        assert_eq!(line["http.method"], method, "{line}");
        assert_eq!(line["http.route"], route, "{line}");
        assert_eq!(line["http.status"], status, "{line}");
        assert!(line["time_us"].is_u64(), "{line}");
    }
    let mut server = server;
    assert!(server.terminate().await.success());
    let log = server.log();
    assert!(!log.iter().any(|line| line.contains(secret)), "{log:#?}");
    for id in ["made", "again", "read", "bad", "not-json"] {
        let lines = log.iter().filter(|line| line.contains(&format!("request-{id}\""))).count();
        assert_eq!(lines, 1, "one line for request-{id}: {log:#?}");
    }
}
