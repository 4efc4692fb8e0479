//! Keys of other systems that are changed while the server runs, at a `SIGHUP`.

use std::fs;

use reqwest::{Method, StatusCode};

use super::{
    Guarded,
    revocation::{Open, revoked},
    signed,
};
use crate::support::{DEADLINE, server::parlor};

impl Guarded {
    /// Has the server read its keys again, and waits until it says what came of it.
    async fn reread(&self, said: &str) {
        self.server.signal("HUP");
        self.server.wait_for_log(said, DEADLINE).await;
    }

    async fn asks(&self, token: &str) -> StatusCode {
        self.request(Method::GET, "/api/v1/me", token).send().await.expect("an answer").status()
    }
}

#[tokio::test]
async fn a_key_that_has_gone_ends_what_is_open_by_it_and_the_new_one_is_good() {
    let guarded = Guarded::start().await;
    guarded.make_room("general").await;
    guarded.make_room("team-a").await;
    let (keys, old) = (guarded.keys.path(), guarded.token("alice", &[]));
    let open = Open::all(&guarded, "alice", &old).await;
    // Another pair in the place of the first.
    fs::rename(keys.join("chat.pem"), keys.join("old.pem")).expect("it is renamed");
    fs::remove_file(keys.join("chat.pem.pub")).expect("it is removed");
    assert!(parlor(keys, &["keygen", "chat.pem"]).status.success());
    let new = signed(keys, "alice", &[]);
    assert_eq!((guarded.asks(&old).await, guarded.asks(&new).await), (StatusCode::OK, StatusCode::UNAUTHORIZED));

    let since = tokio::time::Instant::now();
    guarded.reread("the keys of tokens are read again").await;
    assert_eq!((guarded.asks(&old).await, guarded.asks(&new).await), (StatusCode::UNAUTHORIZED, StatusCode::OK));
    open.all_end(since, &[revoked()], 4401).await;
}

/// A set of shared secrets, each with its name: what the file has is what counts.
#[tokio::test]
async fn a_set_of_keys_is_read_again_too() {
    let folder = tempfile::tempdir().expect("a directory");
    let jwk = |name: &str| {
        let secret = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"[..43].replace('A', &name[..1]);
        serde_json::json!({"kty": "oct", "kid": name, "alg": "HS256", "k": secret})
    };
    let [one, two] = ["one", "two"].map(|name| {
        fs::write(folder.path().join(name), jwk(name).to_string()).expect("it is written");
        let run =
            parlor(folder.path(), &["token", "--sub", "alice", "--audience", "chat", "--key", name, "--for", "1h"]);
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        String::from_utf8(run.stdout).expect("text").trim().to_owned()
    });
    let set = folder.path().join("set.json");
    let write = |names: &[&str]| {
        let keys: Vec<_> = names.iter().map(|name| jwk(name)).collect();
        fs::write(&set, serde_json::json!({"keys": keys}).to_string()).expect("it is written");
    };
    write(&["one"]);
    let guarded = Guarded::with_rooms(&["--jwks", set.to_str().expect("a path")]).await;
    let both = async || (guarded.asks(&one).await, guarded.asks(&two).await);
    assert_eq!(both().await, (StatusCode::OK, StatusCode::UNAUTHORIZED));
    let open = Open::all(&guarded, "alice", &one).await;
    write(&["two"]);
    let since = tokio::time::Instant::now();
    guarded.reread("the keys of tokens are read again").await;
    assert_eq!(both().await, (StatusCode::UNAUTHORIZED, StatusCode::OK));
    open.all_end(since, &[revoked()], 4401).await;
    // A set that is none leaves what there is.
    fs::write(&set, "{\"keys\": []}").expect("it is written");
    guarded.reread("the keys stay as they are").await;
    assert_eq!(both().await, (StatusCode::UNAUTHORIZED, StatusCode::OK));
}

#[tokio::test]
async fn a_file_that_is_no_key_changes_nothing_and_is_told() {
    let guarded = Guarded::start().await;
    guarded.make_room("general").await;
    let (file, token) = (guarded.keys.path().join("chat.pem.pub"), guarded.token("alice", &[]));
    let key = fs::read(&file).expect("a key");
    let mut stream = super::renewal::open(&guarded, "/api/v1/rooms/general/stream", &token).await;
    fs::write(&file, "nonsense").expect("it is written");
    guarded.reread("the keys stay as they are").await;
    assert!(guarded.server.log().iter().any(|line| line.contains("ERROR") && line.contains("chat.pem.pub")));
    assert_eq!(guarded.asks(&token).await, StatusCode::OK);

    // The same key again: whoever reads by it goes on.
    fs::write(&file, key).expect("it is written");
    guarded.reread("the keys of tokens are read again").await;
    let post = guarded.request(Method::POST, "/api/v1/rooms/general/messages", &token);
    let posted = post.json(&serde_json::json!({"content": "still here"})).send().await.expect("an answer");
    assert_eq!(posted.status(), StatusCode::CREATED);
    super::renewal::next_of(&mut stream, "chat_message").await;
}
