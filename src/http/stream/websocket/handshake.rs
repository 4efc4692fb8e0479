//! The handshake that makes a request a WebSocket (RFC 6455, 4.2).

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header, request::Parts},
    response::{IntoResponse, Response},
};
use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::{GeneralPurpose, GeneralPurposeConfig},
};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use sha1::{Digest, Sha1};

use super::{
    super::super::problem::{Code, Problem, SOCKET_VERSION},
    socket::Socket,
};

/// The text added to a client's key, so that the answer can't be meant for anything else (RFC 6455, 1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// The bytes of a client's key.
const KEY: usize = 16;
/// Keys made by hand may have bits set that stand for no byte; nothing depends on them.
const BASE64: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));

/// A request to open a WebSocket, which keeps the rules.
#[derive(Debug)]
pub struct Handshake {
    accept: HeaderValue,
    upgrade: OnUpgrade,
}

/// The connection of a socket.
pub(super) type Connection = TokioIo<hyper::upgrade::Upgraded>;

impl Handshake {
    /// The answer, after which the connection is a socket and given to `run`.
    pub fn answer<F: Future<Output = ()> + Send + 'static>(
        self,
        run: impl FnOnce(Socket<Connection>) -> F + Send + 'static,
    ) -> (Response, impl Future<Output = ()> + Send + 'static) {
        let Self { accept, upgrade } = self;
        let headers = [
            (header::CONNECTION, HeaderValue::from_static("upgrade")),
            (header::UPGRADE, HeaderValue::from_static("websocket")),
            (header::SEC_WEBSOCKET_ACCEPT, accept),
        ];
        let session = async move {
            match upgrade.await {
                Ok(upgraded) => run(Socket::new(TokioIo::new(upgraded))).await,
                Err(error) => tracing::debug!(%error, "a connection was gone before it became a socket"),
            }
        };
        ((StatusCode::SWITCHING_PROTOCOLS, headers).into_response(), session)
    }
}

impl<S: Sync> FromRequestParts<S> for Handshake {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let refuse = |detail: &str| Err(Problem::new(Code::UpgradeRequired, detail));
        let headers = &parts.headers;
        if parts.method != Method::GET || !lists(headers, &header::UPGRADE, "websocket") {
            return refuse(
                "Only WebSocket is spoken here: open the path with a WebSocket client, as of `new WebSocket(url)`. If \
                 that is what you did, a proxy in between did not pass the header Upgrade on.",
            );
        }
        if !lists(headers, &header::CONNECTION, "upgrade") {
            return refuse("The header Connection has to list Upgrade. A proxy in between has to pass it on.");
        }
        if parts.version != Version::HTTP_11 {
            return refuse("WebSocket begins with HTTP/1.1. A proxy in between has to speak it.");
        }
        if single(headers, &header::SEC_WEBSOCKET_VERSION) != Some(SOCKET_VERSION.as_bytes()) {
            return refuse("Version 13 of WebSocket is spoken here (RFC 6455): say so in Sec-WebSocket-Version.");
        }
        let key = single(headers, &header::SEC_WEBSOCKET_KEY).unwrap_or_default();
        if !BASE64.decode(key).is_ok_and(|bytes| bytes.len() == KEY) {
            let detail = "The header Sec-WebSocket-Key has to be there once, with 16 random bytes in base64.";
            return Err(Problem::new(Code::BadRequest, detail));
        }
        let accept = BASE64.encode(Sha1::new().chain_update(key).chain_update(GUID).finalize());
        let accept = HeaderValue::from_str(&accept).map_err(|error| Problem::internal(error.to_string()))?;
        let upgrade = parts.extensions.remove();
        let upgrade = upgrade.ok_or_else(|| Problem::internal("a request that upgrades can't be upgraded"))?;
        Ok(Self { accept, upgrade })
    }
}

/// Returns true if a header, which may stand on several lines, has a word in its list (RFC 9110, 5.3).
fn lists(headers: &HeaderMap, name: &HeaderName, word: &str) -> bool {
    let words = headers.get_all(name).iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    words.map(<[u8]>::trim_ascii).any(|one| one.eq_ignore_ascii_case(word.as_bytes()))
}

/// The value of a header that stands on one line.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a [u8]> {
    let mut lines = headers.get_all(name).iter();
    let first = lines.next()?;
    lines.next().is_none().then(|| first.as_bytes().trim_ascii())
}
