//! A decoder gives the same messages for bytes in pieces of any size.

use bytes::{Buf, Bytes};
use proptest::{collection::vec, prelude::*};

use super::{
    super::outgoing::{Frame, Outgoing},
    *,
};

/// A client's frame: masked, its length written in the shortest way.
fn frame(first: u8, mask: [u8; 4], payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        length @ 0..=125 => bytes.push(0x80 | u8::try_from(length).unwrap()),
        length @ 126..=0xffff => {
            bytes.push(0xfe);
            bytes.extend(u16::try_from(length).unwrap().to_be_bytes());
        }
        length => {
            bytes.push(0xff);
            bytes.extend((length as u64).to_be_bytes());
        }
    }
    bytes.extend(mask);
    bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

/// All that a decoder makes of pieces, and how it ends.
fn decoded<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Message>, Option<Breach>) {
    let (mut decoder, mut messages) = (Decoder::default(), Vec::new());
    for mut piece in pieces {
        loop {
            match decoder.decode(&mut piece) {
                Ok(Some(message)) => messages.push(message),
                Ok(None) => break,
                Err(breach) => return (messages, Some(breach)),
            }
        }
        assert!(piece.is_empty());
    }
    (messages, None)
}

fn breach(bytes: &[u8]) -> Option<Breach> {
    let whole = decoded([bytes]);
    assert_eq!(whole, decoded(bytes.chunks(1)), "{bytes:x?}");
    whole.1
}

/// A message, the frames it comes in, and a control frame before each but the first.
#[derive(Debug, Clone)]
struct Sent {
    message: Message,
    /// The places where its payload is cut.
    cuts: Vec<prop::sample::Index>,
    between: Vec<Message>,
    mask: [u8; 4],
}

fn control() -> impl Strategy<Value = Message> {
    prop_oneof![vec(any::<u8>(), 0..=MAX_CONTROL).prop_map(Message::Ping), Just(Message::Pong)]
}

fn sent() -> impl Strategy<Value = Sent> {
    let large =
        (0..=MAX_MESSAGE, any::<char>()).prop_map(|(size, c)| Message::Text(c.to_string().repeat(size / c.len_utf8())));
    let message = prop_oneof![
        8 => any::<String>().prop_map(Message::Text),
        4 => vec(any::<u8>(), 0..300).prop_map(Message::Binary),
        4 => control(),
        1 => large,
        1 => prop::option::of(prop_oneof![1000_u16..=1003, 1007_u16..=1014, 3000_u16..=4999]).prop_map(Message::Close),
    ];
    (message, vec(any::<prop::sample::Index>(), 0..4), vec(control(), 0..4), any::<[u8; 4]>())
        .prop_map(|(message, cuts, between, mask)| Sent { message, cuts, between, mask })
}

impl Sent {
    /// Writes the frames, and the messages in the order in which they are complete.
    fn write(&self, bytes: &mut Vec<u8>, expected: &mut Vec<Message>) {
        let (opcode, payload) = match &self.message {
            Message::Text(text) => (1, text.as_bytes()),
            Message::Binary(content) => (2, content.as_slice()),
            control => return write_control(control, self.mask, bytes, expected),
        };
        let mut cuts: Vec<_> = self.cuts.iter().map(|cut| cut.index(payload.len() + 1)).collect();
        cuts.sort_unstable();
        let starts = std::iter::once(0).chain(cuts.iter().copied());
        let ends = cuts.iter().copied().chain([payload.len()]);
        for (number, (start, end)) in starts.zip(ends).enumerate() {
            if let Some(control) = number.checked_sub(1).and_then(|number| self.between.get(number)) {
                write_control(control, self.mask, bytes, expected);
            }
            let first = if number == 0 { opcode } else { 0 } | if number == cuts.len() { 0x80 } else { 0 };
            bytes.extend(frame(first, self.mask, &payload[start..end]));
        }
        expected.push(self.message.clone());
    }
}

fn write_control(control: &Message, mask: [u8; 4], bytes: &mut Vec<u8>, expected: &mut Vec<Message>) {
    bytes.extend(match control {
        Message::Ping(payload) => frame(0x89, mask, payload),
        Message::Close(code) => frame(0x88, mask, &code.map(u16::to_be_bytes).map(Vec::from).unwrap_or_default()),
        _ => frame(0x8a, mask, b"unasked"),
    });
    expected.push(control.clone());
}

#[test]
fn the_text_of_a_frame_is_written_from_where_it_is() {
    let text = Bytes::from(vec![b'x'; 100_000]);
    let outgoing: Outgoing = [Frame::text(text.clone()), Frame::text(text.clone())].into_iter().collect();
    let mut slices = [std::io::IoSlice::new(&[]); 8];
    let filled = outgoing.chunks_vectored(&mut slices);
    let shared = slices[..filled].iter().filter(|slice| slice.as_ptr() == text.as_ptr() && slice.len() == text.len());
    assert_eq!(shared.count(), 2, "a payload is copied");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(96) })]

    #[test]
    fn messages_arrive_as_they_were_sent_in_whatever_pieces(
        all in vec(sent(), 1..6),
        cuts in vec(any::<prop::sample::Index>(), 0..40),
    ) {
        let (mut bytes, mut expected) = (Vec::new(), Vec::new());
        for sent in &all {
            sent.write(&mut bytes, &mut expected);
        }
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len())).collect();
        cuts.sort_unstable();
        let starts = std::iter::once(0).chain(cuts.iter().copied());
        let ends = cuts.iter().copied().chain([bytes.len()]);
        prop_assert_eq!(decoded(starts.zip(ends).map(|(start, end)| &bytes[start..end])), (expected, None));
    }

    #[test]
    fn bytes_of_any_kind_make_no_panic_and_mean_the_same_in_any_pieces(
        bytes in vec(prop_oneof![any::<u8>(), Just(0x81), Just(0x80), Just(0), Just(0x89), Just(0xfe)], 0..400),
        size in 1_usize..20,
    ) {
        prop_assert_eq!(decoded([bytes.as_slice()]), decoded(bytes.chunks(size)));
    }

    #[test]
    fn text_that_is_not_utf8_is_told_at_once(
        text in "\\PC{0,40}",
        bad in prop::sample::select(vec![&[0xff][..], &[0xc0, 0x80], &[0xed, 0xa0, 0x80], &[0xf4, 0x90], &[0xe2, 0x28]]),
        cut in any::<prop::sample::Index>(),
    ) {
        let payload = [text.as_bytes(), bad].concat();
        let at = cut.index(payload.len());
        // Only the beginning of a message: its end never comes.
        let bytes = [frame(1, [1, 2, 3, 4], &payload[..at]), frame(0, [5, 6, 7, 8], &payload[at..])].concat();
        prop_assert_eq!(decoded(bytes.chunks(3)), (Vec::new(), Some(Breach::NotUtf8)));
    }

    #[test]
    fn frames_are_written_whole_whatever_a_write_takes(
        payloads in vec(prop_oneof![vec(any::<u8>(), 0..200), vec(any::<u8>(), 65_530..65_540)], 0..6),
        steps in vec(1_000_usize..40_000, 1..50),
    ) {
        let frames = payloads.iter().map(|payload| Frame::text(Bytes::from(payload.clone())));
        let mut outgoing: Outgoing = frames.collect();
        let (mut written, mut steps) = (Vec::new(), steps.iter().cycle());
        while outgoing.has_remaining() {
            let left = outgoing.remaining();
            let mut slices = [std::io::IoSlice::new(&[]); 5];
            let filled = outgoing.chunks_vectored(&mut slices);
            let offered = slices[..filled].iter().map(|slice| &slice[..]).collect::<Vec<_>>().concat();
            prop_assert!(offered.starts_with(outgoing.chunk()) && !outgoing.chunk().is_empty());
            let taken = offered.len().min(*steps.next().unwrap());
            written.extend_from_slice(&offered[..taken]);
            outgoing.advance(taken);
            prop_assert_eq!(outgoing.remaining(), left - taken);
        }
        let masked = |payload: &Vec<u8>| {
            let mut bytes = frame(0x81, [0; 4], payload);
            // What a server writes is not masked.
            bytes[1] &= 0x7f;
            bytes.drain(bytes.len() - payload.len() - 4..bytes.len() - payload.len());
            bytes
        };
        prop_assert_eq!(written, payloads.iter().flat_map(masked).collect::<Vec<_>>());
    }
}

#[test]
fn what_is_no_frame_is_a_breach() {
    let mask = [9, 8, 7, 6];
    let unmasked = [0x81, 0x01, b'x'];
    let control_in_pieces = frame(0x09, mask, b"x");
    let large_control = frame(0x89, mask, &[0; 126]);
    let text_within_text = [frame(0x01, mask, b"x"), frame(0x81, mask, b"y")].concat();
    let long_form_of_5 = [0x81, 0xfe, 0, 5, 0, 0, 0, 0];
    let longest_form_of_200 = [0x81, 0xff, 0, 0, 0, 0, 0, 0, 0, 200, 0, 0, 0, 0];
    let highest_bit = [0x82, 0xff, 0x80, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for bytes in [
        &unmasked[..],
        &control_in_pieces,
        &large_control,
        &frame(0x80, mask, b"x"),
        &text_within_text,
        &long_form_of_5,
        &longest_form_of_200,
        &highest_bit,
    ] {
        assert_eq!(breach(bytes), Some(Breach::Protocol), "{bytes:x?}");
    }
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        assert_eq!(breach(&frame(0x80 | opcode, mask, b"")), Some(Breach::Protocol), "opcode {opcode}");
    }
    for reserved in [0x10, 0x20, 0x40] {
        assert_eq!(breach(&frame(0x81 | reserved, mask, b"x")), Some(Breach::Protocol), "bit {reserved:x}");
    }
}

#[test]
fn a_close_has_a_code_that_may_be_sent_or_none() {
    let close = |payload: &[u8]| decoded([frame(0x88, [1, 2, 3, 4], payload).as_slice()]);
    assert_eq!(close(b""), (vec![Message::Close(None)], None));
    for code in [1000_u16, 1003, 1007, 1011, 1014, 3000, 4999] {
        assert_eq!(close(&code.to_be_bytes()), (vec![Message::Close(Some(code))], None));
    }
    for code in [0_u16, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535] {
        assert_eq!(close(&code.to_be_bytes()).1, Some(Breach::Protocol), "{code}");
    }
    assert_eq!(close(&[3]).1, Some(Breach::Protocol));
    assert_eq!(close(&[3, 0xe8, 0xff]).1, Some(Breach::NotUtf8));
    assert_eq!(close("\u{3}\u{0}".as_bytes()).1, Some(Breach::Protocol));
}

#[test]
fn a_message_has_a_most_size_in_one_frame_or_in_many() {
    let mask = [1, 2, 3, 4];
    let most = frame(0x82, mask, &vec![0; MAX_MESSAGE]);
    assert_eq!(decoded([most.as_slice()]), (vec![Message::Binary(vec![0; MAX_MESSAGE])], None));
    // Told by the head: the payload need not come.
    let too_large = frame(0x81, mask, &vec![b'x'; MAX_MESSAGE + 1]);
    assert_eq!(breach(&too_large[..14]), Some(Breach::TooBig));
    assert_eq!(breach(&[0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]), Some(Breach::TooBig));
    let halves =
        [frame(0x01, mask, &vec![b'x'; MAX_MESSAGE]), frame(0x00, mask, b""), frame(0x80, mask, b"x")].concat();
    assert_eq!(decoded(halves.chunks(4_096)), (Vec::new(), Some(Breach::TooBig)));
}
