//! The body of an answer in pieces that a stream can be cut between, with the stream's place in the budget.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use axum::body::{Body, Bytes};
use http_body::{Frame, SizeHint};

use super::{FRAME, streams::Stream};
use crate::connections::Place;

/// The most bytes that are given at once.
const PIECE: usize = FRAME as usize;
/// The end of no more bytes than this is not watched: nobody can make the server hold much by not taking it.
const SMALL: usize = 1_024;

/// A body that tells its stream when it gives something.
///
/// The protocol holds what it has given, and what it gives after its last piece is taken only once there is room
/// for all of that. So the last byte of what is not small is a piece of its own: until the client has room for it, the
/// stream is not over and its clock runs.
#[derive(Debug)]
pub(super) struct Paced {
    body: Body,
    /// The rest of the body's own piece.
    rest: Bytes,
    stream: Arc<Stream>,
    /// The stream's place in the budget of connections, unless it is being refused.
    _place: Option<Place>,
}

impl Paced {
    /// The body of the answer of a stream.
    pub(super) fn new(body: Body, stream: Arc<Stream>, place: Option<Place>) -> Self {
        stream.is_answered();
        Self { body, rest: Bytes::new(), stream, _place: place }
    }
}

impl http_body::Body for Paced {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        if this.rest.is_empty() {
            this.stream.has_nothing();
            let given = ready!(Pin::new(&mut this.body).poll_frame(cx));
            this.stream.gives();
            match given.map(|frame| frame.map(Frame::into_data)) {
                Some(Ok(Ok(data))) => this.rest = data,
                Some(Ok(Err(trailers))) => return Poll::Ready(Some(Ok(trailers))),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        } else {
            this.stream.gives();
        }
        let length = match this.rest.len() {
            length if length > PIECE => PIECE,
            length if length > SMALL && this.body.is_end_stream() => length - 1,
            length => length,
        };
        Poll::Ready(Some(Ok(Frame::data(this.rest.split_to(length)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (rest, hint) = (self.rest.len() as u64, self.body.size_hint());
        let mut sum = SizeHint::new();
        if let Some(upper) = hint.upper() {
            sum.set_upper(upper + rest);
        }
        sum.set_lower(hint.lower() + rest);
        sum
    }
}

#[cfg(test)]
mod tests {
    use http_body::Body as _;
    use http_body_util::BodyExt as _;

    use super::*;

    async fn pieces(body: Body) -> Vec<usize> {
        let mut paced = Paced::new(body, Arc::new(Stream::new(None)), None);
        let mut pieces = Vec::new();
        while let Some(frame) = paced.frame().await {
            pieces.push(frame.unwrap().into_data().unwrap().len());
            if paced.is_end_stream() {
                break;
            }
        }
        pieces
    }

    #[tokio::test]
    async fn large_bodies_come_in_pieces_the_last_of_one_byte() {
        assert_eq!(pieces(Body::from(vec![0; 3 * PIECE + 5_000])).await, [PIECE, PIECE, PIECE, 4_999, 1]);
        assert_eq!(pieces(Body::from(vec![0; SMALL])).await, [SMALL]);
        assert_eq!(pieces(Body::from(vec![0; SMALL + 1])).await, [SMALL, 1]);
        let paced = Paced::new(Body::from("abc"), Arc::new(Stream::new(None)), None);
        assert_eq!(paced.size_hint().exact(), Some(3));
    }
}
