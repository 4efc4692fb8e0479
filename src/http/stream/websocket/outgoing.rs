//! Frames of the server (RFC 6455, 5), ready to be written without a copy.

use std::{collections::VecDeque, io::IoSlice};

use bytes::{Buf, Bytes};

use super::decoder::Opcode;

/// A frame of the server: a whole message, of which the payload is shared with whoever else is told it.
#[derive(Debug)]
pub struct Frame {
    head: [u8; 10],
    head_length: usize,
    payload: Bytes,
}

impl Frame {
    /// Text. That it is UTF-8 is for the caller to know.
    #[must_use]
    pub fn text(text: Bytes) -> Self {
        Self::new(Opcode::Text, text)
    }

    /// A ping.
    #[must_use]
    pub fn ping() -> Self {
        Self::new(Opcode::Ping, Bytes::new())
    }

    /// The answer to a ping.
    #[must_use]
    pub fn pong(payload: Vec<u8>) -> Self {
        Self::new(Opcode::Pong, payload.into())
    }

    /// The end; a reason needs a code, and has at most 123 bytes.
    #[must_use]
    pub fn close(code: Option<u16>, reason: &str) -> Self {
        let payload = code.map(|code| [&code.to_be_bytes(), reason.as_bytes()].concat());
        Self::new(Opcode::Close, payload.unwrap_or_default().into())
    }

    fn new(opcode: Opcode, payload: Bytes) -> Self {
        let mut head = [0; 10];
        head[0] = 0x80 | opcode as u8;
        let length = payload.len();
        let head_length = if let Some(short) = u8::try_from(length).ok().filter(|short| *short <= 125) {
            head[1] = short;
            2
        } else if let Ok(medium) = u16::try_from(length) {
            head[1] = 126;
            head[2..4].copy_from_slice(&medium.to_be_bytes());
            4
        } else {
            head[1] = 127;
            head[2..].copy_from_slice(&(length as u64).to_be_bytes());
            10
        };
        Self { head, head_length, payload }
    }

    fn slices(&self) -> [&[u8]; 2] {
        [&self.head[..self.head_length], &self.payload]
    }
}

/// Frames that wait to be written; each is let go of as soon as it is.
#[derive(Debug)]
pub(super) struct Outgoing {
    frames: VecDeque<Frame>,
    /// The number of bytes of the first one that are written.
    written: usize,
}

impl FromIterator<Frame> for Outgoing {
    fn from_iter<I: IntoIterator<Item = Frame>>(frames: I) -> Self {
        Self { frames: frames.into_iter().collect(), written: 0 }
    }
}

impl Outgoing {
    /// The bytes to be written, in pieces that are not empty.
    fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        let mut skip = self.written;
        self.frames.iter().flat_map(Frame::slices).filter_map(move |slice| {
            let (_, rest) = slice.split_at(skip.min(slice.len()));
            skip -= slice.len() - rest.len();
            (!rest.is_empty()).then_some(rest)
        })
    }
}

impl Buf for Outgoing {
    fn remaining(&self) -> usize {
        self.frames.iter().flat_map(Frame::slices).map(<[u8]>::len).sum::<usize>() - self.written
    }

    fn has_remaining(&self) -> bool {
        !self.frames.is_empty()
    }

    fn chunk(&self) -> &[u8] {
        self.pieces().next().unwrap_or_default()
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let filled = slices.iter_mut().zip(self.pieces());
        filled.map(|(slice, piece)| *slice = IoSlice::new(piece)).count()
    }

    fn advance(&mut self, count: usize) {
        self.written += count;
        while let Some(frame) = self.frames.front() {
            let length = frame.head_length + frame.payload.len();
            if self.written < length {
                break;
            }
            self.written -= length;
            self.frames.pop_front();
        }
    }
}
