//! Messages out of what a client sends (RFC 6455, 5). Nothing is read here, and nothing is kept except the beginning of
//! a message.

#[cfg(test)]
mod tests;

/// The most bytes of a client's message, whether it comes in one frame or in several.
pub(super) const MAX_MESSAGE: usize = 64 * 1024;
/// The most bytes that a control frame carries (RFC 6455, 5.5).
const MAX_CONTROL: usize = 125;
/// The most bytes that stand before the payload of a client's frame.
const MAX_HEAD: usize = 14;

/// The messages of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Text.
    Text(String),
    /// Anything else.
    Binary(Vec<u8>),
    /// To be answered by a pong with the same bytes.
    Ping(Vec<u8>),
    /// The answer to a ping.
    Pong,
    /// The end, with the client's code for it if it gave one.
    Close(Option<u16>),
}

/// A breach of the protocol, after which nothing that comes can be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Breach {
    /// The bytes are no frames as RFC 6455 has them.
    #[error("that is not WebSocket")]
    Protocol,
    /// Text, or the reason of a close, is not UTF-8.
    #[error("text has to be UTF-8")]
    NotUtf8,
    /// A message is larger than [`MAX_MESSAGE`].
    #[error("a frame has at most 64 KiB")]
    TooBig,
}

impl Breach {
    /// The code to close with (RFC 6455, 7.4.1).
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::Protocol => 1002,
            Self::NotUtf8 => 1007,
            Self::TooBig => 1009,
        }
    }
}

/// The kinds of frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opcode {
    Continuation = 0,
    Text = 1,
    Binary = 2,
    Close = 8,
    Ping = 9,
    Pong = 10,
}

impl Opcode {
    const fn of(byte: u8) -> Option<Self> {
        Some(match byte & 0x0f {
            0 => Self::Continuation,
            1 => Self::Text,
            2 => Self::Binary,
            8 => Self::Close,
            9 => Self::Ping,
            10 => Self::Pong,
            _ => return None,
        })
    }

    const fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

/// Makes messages of what a client sends, in whatever pieces it comes.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    /// The head of the next frame, as far as it came.
    head: Head,
    /// The frame whose payload comes now.
    frame: Option<Incoming>,
    /// The message that is not complete yet; control frames may come between its frames.
    message: Option<Partial>,
    /// The payload of a control frame, as far as it came.
    control: Vec<u8>,
}

#[derive(Debug, Default)]
struct Head {
    bytes: [u8; MAX_HEAD],
    length: usize,
}

#[derive(Debug)]
struct Incoming {
    opcode: Opcode,
    is_final: bool,
    mask: [u8; 4],
    /// The number of bytes still to come.
    remaining: usize,
}

#[derive(Debug)]
struct Partial {
    is_text: bool,
    content: Vec<u8>,
    /// The number of bytes known to be whole characters.
    checked: usize,
}

impl Decoder {
    /// Takes bytes from the front of the input until they complete a message; none if all of it is taken and
    /// more has to come.
    ///
    /// # Errors
    /// [`Breach`]: nothing more can be understood.
    pub(super) fn decode(&mut self, input: &mut &[u8]) -> Result<Option<Message>, Breach> {
        loop {
            if self.frame.is_none() {
                self.frame = self.take_head(input)?;
            }
            let Some(frame) = &mut self.frame else { return Ok(None) };
            let (taken, rest) = input.split_at(frame.remaining.min(input.len()));
            *input = rest;
            let payload = match &mut self.message {
                Some(message) if !frame.opcode.is_control() => &mut message.content,
                _ => &mut self.control,
            };
            let start = payload.len();
            payload.extend_from_slice(taken);
            for four in payload[start..].chunks_mut(4) {
                four.iter_mut().zip(frame.mask).for_each(|(byte, mask)| *byte ^= mask);
            }
            frame.mask.rotate_left(taken.len() % 4);
            frame.remaining -= taken.len();
            if let Some(message) = &mut self.message {
                message.check()?;
            }
            if frame.remaining > 0 {
                return Ok(None);
            }
            if let Some(Incoming { opcode, is_final, .. }) = self.frame.take()
                && let Some(message) = self.finish(opcode, is_final)?
            {
                return Ok(Some(message));
            }
        }
    }

    /// Takes the head of a frame; none if more of it has to come. What is wrong with it is told as soon as it is
    /// there.
    fn take_head(&mut self, input: &mut &[u8]) -> Result<Option<Incoming>, Breach> {
        while let Some((byte, rest)) = input.split_first() {
            *input = rest;
            self.head.bytes[self.head.length] = *byte;
            self.head.length += 1;
            let [first, second, after @ ..] = self.head.bytes;
            if self.head.length == 2 {
                self.check_start(first, second)?;
            }
            let extended = match second & 0x7f {
                126 => 2,
                127 => 8,
                _ => 0,
            };
            if self.head.length < 2 + extended + 4 {
                continue;
            }
            self.head.length = 0;
            let payload = match extended {
                0 => u64::from(second & 0x7f),
                _ => after[..extended].iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
            };
            // The shortest way to write a length is the only one, and its highest bit is 0 (5.2).
            let is_shortest = match extended {
                0 => true,
                2 => payload > 125,
                _ => payload > u64::from(u16::MAX),
            };
            if !is_shortest || payload >> 63 != 0 {
                return Err(Breach::Protocol);
            }
            let mut mask = [0; 4];
            mask.copy_from_slice(&after[extended..extended + 4]);
            let opcode = Opcode::of(first).ok_or(Breach::Protocol)?;
            let remaining = self.begin(opcode, payload)?;
            return Ok(Some(Incoming { opcode, is_final: first & 0x80 != 0, mask, remaining }));
        }
        Ok(None)
    }

    fn check_start(&self, first: u8, second: u8) -> Result<(), Breach> {
        let (is_final, reserved) = (first & 0x80 != 0, first & 0x70);
        let (is_masked, length) = (second & 0x80 != 0, second & 0x7f);
        let fits = match Opcode::of(first) {
            None => false,
            Some(Opcode::Continuation) => self.message.is_some(),
            Some(Opcode::Text | Opcode::Binary) => self.message.is_none(),
            Some(_) => is_final && usize::from(length) <= MAX_CONTROL,
        };
        if fits && reserved == 0 && is_masked { Ok(()) } else { Err(Breach::Protocol) }
    }

    /// Makes room for the payload of a frame, unless it is too large.
    fn begin(&mut self, opcode: Opcode, payload: u64) -> Result<usize, Breach> {
        let so_far = match (&self.message, opcode.is_control()) {
            (Some(message), false) => message.content.len(),
            _ => 0,
        };
        let payload = usize::try_from(payload).map_err(|_| Breach::TooBig)?;
        if payload > MAX_MESSAGE - so_far {
            return Err(Breach::TooBig);
        }
        if matches!(opcode, Opcode::Text | Opcode::Binary) {
            self.message = Some(Partial { is_text: opcode == Opcode::Text, content: Vec::new(), checked: 0 });
        }
        Ok(payload)
    }

    /// The message that a frame completes, if it does.
    fn finish(&mut self, opcode: Opcode, is_final: bool) -> Result<Option<Message>, Breach> {
        if opcode.is_control() {
            let payload = std::mem::take(&mut self.control);
            return Ok(Some(match opcode {
                Opcode::Ping => Message::Ping(payload),
                Opcode::Close => Message::Close(close_code(&payload)?),
                _ => Message::Pong,
            }));
        }
        if !is_final {
            return Ok(None);
        }
        let Some(Partial { is_text, content, .. }) = self.message.take() else { return Ok(None) };
        if is_text {
            String::from_utf8(content).map(|text| Some(Message::Text(text))).map_err(|_| Breach::NotUtf8)
        } else {
            Ok(Some(Message::Binary(content)))
        }
    }
}

impl Partial {
    /// Notices text that can't become UTF-8, whatever comes after it.
    fn check(&mut self) -> Result<(), Breach> {
        if self.is_text {
            match std::str::from_utf8(&self.content[self.checked..]) {
                Ok(_) => self.checked = self.content.len(),
                Err(error) if error.error_len().is_some() => return Err(Breach::NotUtf8),
                Err(error) => self.checked += error.valid_up_to(),
            }
        }
        Ok(())
    }
}

/// The code of a close, if it has one.
fn close_code(payload: &[u8]) -> Result<Option<u16>, Breach> {
    let Some((code, reason)) = payload.split_first_chunk() else {
        return if payload.is_empty() { Ok(None) } else { Err(Breach::Protocol) };
    };
    let code = u16::from_be_bytes(*code);
    // Those that may be sent (RFC 6455, 7.4, and the registry of IANA).
    if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
        return Err(Breach::Protocol);
    }
    std::str::from_utf8(reason).map_err(|_| Breach::NotUtf8)?;
    Ok(Some(code))
}
