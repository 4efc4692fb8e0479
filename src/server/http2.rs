//! HTTP/2 on one connection, where TLS has agreed on it: each stream has a task, and is cut alone.

use std::{convert::Infallible, net::IpAddr, pin::pin, sync::Arc, time::Duration};

use axum::{body::Body, response::IntoResponse as _};
use hyper::{
    Request, Response, StatusCode,
    body::Incoming,
    server::conn::http2,
    service::{Service as _, service_fn},
};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{sleep, timeout},
};

mod body;
mod frames;
mod streams;

use self::{
    body::Paced,
    frames::Frames,
    streams::{Stream, Streams},
};
use super::serving::{BUFFER, Serving};
use crate::http::over_tls::OverTls;

/// Requests of a connection at once. Browsers stop at 100 (docs/client.md counts on no more).
const STREAMS: u32 = 128;
/// The largest frame that is taken, and the largest that is sent: as small as the protocol lets it be (RFC 9113, 4.2), so
/// that no stream holds up its neighbours.
const FRAME: u32 = 16 * 1024;
/// The number of bytes of a stream that wait to be sent.
const SEND_BUFFER: usize = 64 * 1024;
/// The number of bytes that a client may send of a body before they are read: as many as the longest body has.
const STREAM_WINDOW: u32 = 64 * 1024;
/// The same of all bodies of a connection.
const CONNECTION_WINDOW: u32 = 256 * 1024;
/// Streams that the client has reset before they were begun; more end the connection (CVE-2023-44487).
const RESET_AT_ONCE: usize = 20;
/// Streams that were reset for errors of the client; more end the connection.
const FAULTY: usize = 100;
/// The time between the end of the last stream and that of the connection, once it is to end.
const FAREWELL: Duration = Duration::from_secs(5);
/// The time that a stream that is one too many has to say what it wants.
const PATIENCE: Duration = Duration::from_secs(2);

/// Serves the connection until it ends, until it had no stream for long, or until `closing` and its streams are done.
pub(super) async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    address: Option<IpAddr>,
    serving: Arc<Serving>,
) {
    let timings = serving.timings;
    let streams = Streams::new(address, serving.stall_timeout, serving.tasks.clone());
    let io = TokioIo::new(Frames::new(stream, timings.handshake_timeout));
    let mut open = streams.open();
    let shared = serving.clone();
    let service = service_fn(move |request| answer(request, shared.clone()));
    let connection = http2::Builder::new(streams)
        .max_concurrent_streams(STREAMS)
        .max_frame_size(FRAME)
        .max_header_list_size(u32::try_from(BUFFER).unwrap_or(FRAME))
        .max_send_buf_size(SEND_BUFFER)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_pending_accept_reset_streams(RESET_AT_ONCE)
        .max_local_error_reset_streams(FAULTY)
        .serve_connection(io, service);
    let mut connection = pin!(connection);
    let idle = async {
        loop {
            let _ = open.wait_for(|count| *count == 0).await;
            if timeout(timings.http2_idle_time, open.wait_for(|count| *count > 0)).await.is_err() {
                break;
            }
        }
    };
    let ended = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        () = serving.closing.cancelled() => None,
        () = idle => None,
    };
    let ended = if let Some(ended) = ended {
        ended
    } else {
        connection.as_mut().graceful_shutdown();
        let farewell = async {
            let _ = open.wait_for(|count| *count == 0).await;
            sleep(FAREWELL).await;
        };
        tokio::select! {
            ended = connection.as_mut() => ended,
            () = farewell => Ok(()),
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// Answers a request in the task of its stream.
async fn answer(mut request: Request<Incoming>, serving: Arc<Serving>) -> Result<Response<Paced>, Infallible> {
    let stream = Stream::current();
    let place = match serving.connections.take(stream.client().address()) {
        Ok(place) => place,
        Err(why) => {
            let refusal = timeout(PATIENCE, TowerToHyperService::new(serving.full(why)).call(request)).await;
            let refusal = refusal.unwrap_or_else(|_| Ok(StatusCode::SERVICE_UNAVAILABLE.into_response()))?;
            return Ok(refusal.map(|body| Paced::new(body, stream, None)));
        }
    };
    request.extensions_mut().insert(stream.client().clone());
    request.extensions_mut().insert(OverTls);
    let response: Response<Body> = TowerToHyperService::new(serving.router.clone()).call(request).await?;
    Ok(response.map(|body| Paced::new(body, stream, Some(place))))
}
