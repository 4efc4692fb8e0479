//! `--auth required`: who may do what with which credential, and what is refused.

mod accounts;
mod admins;
mod api_keys;
mod bans;
mod bounds;
mod claimed;
mod direct;
mod frames;
mod guessed_accounts;
mod guessed_rooms;
mod guests;
mod keys;
mod last_use;
mod matrix;
mod me;
mod members;
mod moderation;
mod names;
mod open_mode;
mod open_sockets;
mod overdue;
mod races;
mod renewal;
mod revocation;
mod scene;
mod secrets;
mod sessions;
mod shut_out;
mod signers;
mod slow_mode;
mod standings;
mod streams;
mod tickets;
mod tokens;
mod unseen;
mod users;
mod visibility;

use std::path::Path;

use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::json;

use crate::support::{
    Server,
    server::{Builder, parlor, parlor_command},
};

/// The audience of the tokens of these tests.
const AUDIENCE: &str = "chat";

/// A server that takes tokens, and the key that signs them.
pub(super) struct Guarded {
    pub(super) server: Server,
    keys: tempfile::TempDir,
}

impl Guarded {
    async fn start() -> Self {
        Self::with(&[]).await
    }

    /// With more settings.
    async fn with(args: &[&str]) -> Self {
        Self::on(Server::builder(), args).await
    }

    /// With more settings, of a server that is begun.
    pub(super) async fn on(builder: Builder, args: &[&str]) -> Self {
        let keys = tempfile::tempdir().expect("a directory");
        let made = parlor(keys.path(), &["keygen", "chat.pem"]);
        assert!(made.status.success(), "{made:?}");
        let public = keys.path().join("chat.pem.pub");
        let mut key = public.into_os_string();
        key.push(":admin");
        let builder = builder.arg("--auth").arg("required").arg("--jwt-key").arg(key);
        let builder = builder.arg("--jwt-audience").arg(AUDIENCE);
        let builder = if args.contains(&"--jwt-leeway") { builder } else { builder.arg("--jwt-leeway").arg("0s") };
        let server = args.iter().fold(builder, Builder::arg).start().await;
        Self { server, keys }
    }

    /// A token, with more arguments of `parlor token`.
    pub(super) fn token(&self, user: &str, args: &[&str]) -> String {
        signed(self.keys.path(), user, args)
    }

    /// A request with a credential.
    pub(super) fn request(&self, method: Method, path: &str, credential: &str) -> RequestBuilder {
        self.server.http().request(method, self.server.url(path)).bearer_auth(credential)
    }

    /// With the rooms `general` and `team-a`, and more settings.
    async fn with_rooms(args: &[&str]) -> Self {
        let guarded = Self::with(args).await;
        for room in ["general", "team-a"] {
            guarded.make_room(room).await;
        }
        guarded
    }

    /// Posts a message that must be taken.
    async fn post(&self, room: &str, credential: &str, text: &str) {
        let post = self.request(Method::POST, &format!("/api/v1/rooms/{room}/messages"), credential);
        let posted = post.json(&json!({"content": text})).send().await.expect("an answer");
        assert_eq!(posted.status(), StatusCode::CREATED);
    }

    /// Makes a room, as an admin.
    pub(super) async fn make_room(&self, room: &str) {
        let admin = self.token("root", &["--can", "read,post,moderate,admin"]);
        let path = format!("/api/v1/rooms/{room}");
        let made = self.request(Method::PUT, &path, &admin).json(&json!({})).send().await.expect("an answer");
        assert!(made.status().is_success(), "{made:?}");
    }
}

fn signed(keys: &Path, user: &str, args: &[&str]) -> String {
    let mut command = parlor_command(keys, &["token", "--sub", user, "--audience", AUDIENCE, "--key", "chat.pem"]);
    command.args(args);
    if !args.contains(&"--for") {
        command.args(["--for", "1h"]);
    }
    let output = command.output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text").trim().to_owned()
}
