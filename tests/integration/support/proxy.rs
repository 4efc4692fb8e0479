//! nginx, Caddy and `HAProxy` in front of a server, set up as `docs/operating.md` says, on a socket in a temporary folder, or
//! on a port for clients with addresses.

use std::{
    fs,
    net::{IpAddr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::Stdio,
};

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

/// The program of a proxy.
#[derive(Debug, Clone, Copy)]
pub enum Program {
    Nginx,
    Caddy,
    Haproxy,
}

/// A running proxy, killed when dropped.
pub struct Proxy {
    /// A client whose every connection is to the proxy.
    pub http: reqwest::Client,
    socket: PathBuf,
    /// Its port for clients with addresses.
    addr: SocketAddr,
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

    /// Caddy with the document's site.
    pub async fn caddy(server: &Server) -> Self {
        Self::of(Program::Caddy, server).await
    }

    /// `HAProxy` with the document's settings.
    pub async fn haproxy(server: &Server) -> Self {
        Self::of(Program::Haproxy, server).await
    }

    /// A program with the document's settings for it.
    pub async fn of(program: Program, server: &Server) -> Self {
        match program {
            Program::Nginx => Self::nginx(server).await,
            Program::Caddy => {
                let site = setting("caddyfile", server);
                let start = |place: &Place| {
                    // One site a listener: Caddy opens each port of a site on each of its addresses.
                    let of = |port: u16, bind: &str| {
                        site.replace(&format!("{SITE} {{"), &format!("http://{SITE}:{port} {{\nbind {bind}"))
                    };
                    let socket = of(80, &format!("unix/{}", place.socket.display()));
                    let port = of(place.addr.port(), "127.0.0.1");
                    place.write("Caddyfile", &format!("{{\nadmin off\n}}\n{socket}\n{port}\n"));
                    let mut command = Command::new("caddy");
                    command.args(["run", "--config"]).arg(place.path("Caddyfile")).env("HOME", place.dir.path());
                    command
                };
                Self::start(start, Some("serving initial configuration")).await
            }
            Program::Haproxy => {
                let settings = setting("haproxy", server);
                let start = |place: &Place| {
                    let bind = format!("bind unix@{}\n    bind {}", place.socket.display(), place.addr);
                    let tls = "bind :443 ssl crt /etc/haproxy/chat.example.org.pem";
                    assert!(settings.contains(tls), "{settings}");
                    place.write("haproxy.cfg", &settings.replace(tls, &bind));
                    let mut command = Command::new("haproxy");
                    command.args(["-db", "-f"]).arg(place.path("haproxy.cfg"));
                    command
                };
                // It says nothing once it serves.
                Self::start(start, None).await
            }
        }
    }

    async fn nginx_set_up(site: String) -> Self {
        let start = |place: &Place| {
            // TLS is nginx's own affair, and needs a certificate that a machine of tests has not.
            let listen = format!("listen unix:{};\nlisten {};", place.socket.display(), place.addr);
            let site = site
                .replace("listen 443 ssl;", &listen)
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
            place.write("nginx.conf", &settings);
            let mut command = Command::new("nginx");
            command.args(["-e", "stderr", "-c", "nginx.conf", "-p"]).arg(place.dir.path());
            command
        };
        Self::start(start, Some("OS: ")).await
    }

    /// Starts it and waits until it serves, which it says in `ready` if at all.
    async fn start(start: impl FnOnce(&Place) -> Command, ready: Option<&str>) -> Self {
        let place = Place::new();
        let mut command = start(&place);
        // Debian keeps servers where not everybody looks for programs.
        command.env("PATH", format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default()));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn().expect("the proxy is installed: `make tools` sees to it");
        let mut tasks = JoinSet::new();
        let mut lines = collect(&mut tasks, process.stderr.take().expect("its standard error"));
        let serves = async {
            match ready {
                Some(ready) => lines.wait_for(|lines| lines.iter().any(|line| line.contains(ready))).await.is_ok(),
                None => loop {
                    if UnixStream::connect(&place.socket).await.is_ok() {
                        break true;
                    }
                    if process.try_wait().is_ok_and(|ended| ended.is_some()) {
                        break false;
                    }
                    tokio::task::yield_now().await;
                },
            }
        };
        let served = within(DEADLINE, "the proxy serves", serves).await;
        assert!(served, "the proxy ended: {:?}", lines.borrow());
        let Place { dir, socket, addr } = place;
        let http = reqwest::Client::builder().unix_socket(socket.clone()).build().expect("an HTTP client");
        Self { http, socket, addr, _process: process, _tasks: tasks, _dir: dir }
    }

    /// A client of the proxy's port that connects from an address of this machine.
    pub fn client_from(&self, address: &str) -> Client {
        let address: IpAddr = address.parse().expect("an address");
        Client { http: reqwest::Client::builder().local_address(address).build().expect("a client"), to: self.addr }
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

/// A client with an address.
pub struct Client {
    http: reqwest::Client,
    to: SocketAddr,
}

impl Client {
    /// A request to the site for a path of the API.
    pub fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("http://{}/api/v1{path}", self.to)).header("Host", SITE)
    }
}

/// The places of a proxy: its folder, its socket, and a port that was free.
struct Place {
    dir: TempDir,
    socket: PathBuf,
    addr: SocketAddr,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory for a proxy");
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        Self { socket: dir.path().join("proxy.sock"), dir, addr: free.expect("a free port") }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(Path::new(name))
    }

    fn write(&self, name: &str, settings: &str) {
        fs::write(self.path(name), settings).expect("its settings are written");
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
