//! nginx and Caddy in front of a server, set up as `docs/operating.md` says, on a socket in a temporary folder.

use std::{fs, path::PathBuf, process::Stdio};

use tempfile::TempDir;
use tokio::{
    net::UnixStream,
    process::{Child, Command},
    task::JoinSet,
};
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::client::IntoClientRequest as _};

use super::{DEADLINE, Server, server::collect, within};

const OPERATING: &str = include_str!("../../../docs/operating.md");

/// The site that the document's settings are for.
pub const SITE: &str = "chat.example.org";

/// A running proxy, killed when dropped.
pub struct Proxy {
    /// A client whose every connection is to the proxy.
    pub http: reqwest::Client,
    socket: PathBuf,
    _process: Child,
    _tasks: JoinSet<()>,
    _dir: TempDir,
}

impl Proxy {
    /// nginx with the document's `server`.
    pub async fn nginx(server: &Server) -> Self {
        Self::nginx_set_up(setting("nginx", server)).await
    }

    /// The same as it speaks to a server unless it is told of HTTP/1.1.
    pub async fn nginx_1_0(server: &Server) -> Self {
        let site = setting("nginx", server).replace("proxy_http_version 1.1;", "proxy_http_version 1.0;");
        Self::nginx_set_up(site).await
    }

    async fn nginx_set_up(site: String) -> Self {
        let dir = tempfile::tempdir().expect("a directory for nginx");
        let socket = dir.path().join("nginx.sock");
        // TLS is nginx's own affair, and needs a certificate that a machine of tests has not.
        let site = site
            .replace("listen 443 ssl;", &format!("listen unix:{};", socket.display()))
            .lines()
            .filter(|line| !line.trim_start().starts_with("ssl_certificate"))
            .collect::<Vec<_>>()
            .join("\n");
        // One process, which is gone when it is killed; the rest is where everybody may write.
        let paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {kind};"))
            .join("\n");
        let settings = format!(
            "daemon off;\nmaster_process off;\npid nginx.pid;\nerror_log stderr notice;\nevents {{}}\n\
             http {{\naccess_log off;\n{paths}\n{site}\n}}\n"
        );
        fs::write(dir.path().join("nginx.conf"), settings).expect("its settings are written");
        let mut command = Command::new("nginx");
        command.args(["-e", "stderr", "-c", "nginx.conf", "-p"]).arg(dir.path());
        Self::start(command, "OS: ", socket, dir).await
    }

    /// Caddy with the document's site.
    pub async fn caddy(server: &Server) -> Self {
        let dir = tempfile::tempdir().expect("a directory for Caddy");
        let socket = dir.path().join("caddy.sock");
        let site = setting("caddyfile", server)
            .replace(&format!("{SITE} {{"), &format!("http://{SITE} {{\nbind unix/{}", socket.display()));
        fs::write(dir.path().join("Caddyfile"), format!("{{\nadmin off\n}}\n{site}\n"))
            .expect("its settings are written");
        let mut command = Command::new("caddy");
        command.args(["run", "--config"]).arg(dir.path().join("Caddyfile")).env("HOME", dir.path());
        Self::start(command, "serving initial configuration", socket, dir).await
    }

    /// Starts it and waits until it says that it serves.
    async fn start(mut command: Command, ready: &str, socket: PathBuf, dir: TempDir) -> Self {
        // Debian keeps servers where not everybody looks for programs.
        command.env("PATH", format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default()));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn().expect("the proxy is installed: `make tools` sees to it");
        let mut tasks = JoinSet::new();
        let mut lines = collect(&mut tasks, process.stderr.take().expect("its standard error"));
        let serves = lines.wait_for(|lines| lines.iter().any(|line| line.contains(ready)));
        let served = within(DEADLINE, "the proxy serves", serves).await.is_ok();
        assert!(served, "the proxy ended: {:?}", lines.borrow());
        let http = reqwest::Client::builder().unix_socket(socket.clone()).build().expect("an HTTP client");
        Self { http, socket, _process: process, _tasks: tasks, _dir: dir }
    }

    /// A WebSocket of a page of the site.
    pub async fn socket(&self, path: &str) -> WebSocketStream<UnixStream> {
        let line = UnixStream::connect(&self.socket).await.expect("the proxy takes connections");
        let mut request = format!("ws://{SITE}/api/v1{path}").into_client_request().expect("a request");
        request.headers_mut().insert("Origin", format!("https://{SITE}").parse().expect("an origin"));
        let opened = within(DEADLINE, "an upgrade is answered", client_async(request, line)).await;
        opened.expect("the upgrade passes the proxy").0
    }
}

/// The address of a path of the API, as the site's visitors know it.
pub fn api(path: &str) -> String {
    format!("http://{SITE}/api/v1{path}")
}

/// The document's settings of this language, for another port.
fn setting(language: &str, server: &Server) -> String {
    let (_, rest) = OPERATING.split_once(&format!("```{language}\n")).expect("the document has it");
    let (text, _) = rest.split_once("```").expect("an end of it");
    assert!(text.contains("127.0.0.1:3000"), "the settings are for the default address: {text}");
    text.replace("127.0.0.1:3000", &server.addr().to_string())
}
