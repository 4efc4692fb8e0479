//! Text that tries to be more than text: it comes back byte for byte and never breaks out of its frame.

use std::pin::pin;

use futures_util::StreamExt as _;
use rand::Rng as _;
use reqwest::StatusCode;
use serde_json::{Value, json};
use sse_stream::SseByteStream;
use url::form_urlencoded;

use crate::support::{
    DEADLINE, Query, Reader, Server, Transport, raw::Connection, reader::kind, seeded, server::json_of, sse, within,
};

fn hostile() -> Vec<String> {
    let mut texts: Vec<String> = [
        "carriage\rreturn",
        "line\nfeed",
        "both\r\nof them",
        "\r\r\n\n\rat the edges\n\r",
        "line\u{2028}separator",
        "paragraph\u{2029}separator",
        "next\u{85}line, vertical\u{b}tab, form\u{c}feed",
        "four bytes 👩‍👩‍👧 𝔘𝔫𝔦𝔠𝔬𝔡𝔢 🏳️‍🌈",
        "<script>alert('x')</script><img src=x onerror=\"alert(1)\">",
        "data: x\n\nid: 999",
        "\n\nevent: reset\ndata: {\"type\":\"reset\"}\n\n",
        "\r\rretry: 1\r\r: comment\r\r",
        "x\r\nid: 999\r\ndata: {}\r\n\r\n",
        r#"{"type":"chat_message","id":999}"#,
        r#"","id":999,"x":""#,
        r"\u0000 \n \\ \",
        "\u{feff}a byte order mark first",
        "  leading and trailing spaces  ",
        "\ttabs\t",
        "\u{1}\u{8}\u{1b}[31mcontrol\u{7f}\u{9f}",
        "\u{202e}right to left\u{2066}\u{200b}",
        "e\u{301} stays decomposed",
        "a lone quote \" and 'another'",
        "%00%0a%0d &amp; ${jndi:x} '; DROP TABLE message; --",
        "\u{fffd}\u{ffff}\u{10ffff}",
    ]
    .map(str::to_owned)
    .to_vec();
    texts.push("x".repeat(10_000));
    texts.push("\u{1}".repeat(9_999) + "x");
    texts.push("\"".repeat(10_000));
    texts.push("\n".repeat(9_999) + "x");
    texts.push("👩".repeat(2_500));
    texts
}

/// Posts every text, and returns them as they must come back.
async fn post_all(server: &Server) -> Vec<String> {
    let texts = hostile();
    for (index, text) in texts.iter().enumerate() {
        let posted = server.post("general", "Alice", text).await;
        assert_eq!(posted["content"], *text, "text {index}, in the answer to its post");
    }
    texts
}

over_every_transport!(text_comes_back_as_it_was_sent, random_text_comes_back_as_it_was_sent);

async fn text_comes_back_as_it_was_sent(transport: Transport) {
    let server = Server::start().await;
    let mut live = Reader::open(&server, transport, "general", Query::since(0)).await;
    let texts = post_all(&server).await;
    let mut replay = Reader::open(&server, transport, "general", Query::since(0)).await;
    let query = Query::new().history(200);
    let history = Reader::open(&server, transport, "general", query).await.next().await;
    for (index, text) in texts.iter().enumerate() {
        assert_eq!(live.next_durable().await["message"]["content"], *text, "text {index}, live");
        assert_eq!(replay.next_durable().await["message"]["content"], *text, "text {index}, replayed");
        assert_eq!(history["messages"][index]["content"], *text, "text {index}, in the history");
    }
}

async fn random_text_comes_back_as_it_was_sent(transport: Transport) {
    const PIECES: [&str; 16] = [
        "\r", "\n", "\r\n", "data: ", "id: 7", "event: x", ":", "\u{2028}", "\u{feff}", "\"", "\\", "{", "👩", "\u{1}",
        " ", "x",
    ];
    let mut random = seeded();
    let server = Server::start().await;
    let mut reader = Reader::open(&server, transport, "general", Query::since(0)).await;
    for _ in 0..60 {
        let length = random.random_range(1..40);
        let text: String = (0..length).map(|_| PIECES[random.random_range(0..PIECES.len())]).collect();
        let text = text + "x";
        server.post("general", "Alice", &text).await;
        assert_eq!(reader.next_durable().await["message"]["content"], text);
    }
}

#[tokio::test]
async fn text_comes_back_as_it_was_sent_by_rest_and_after_a_restart() {
    let mut server = Server::start().await;
    let texts = post_all(&server).await;
    for _ in 0..2 {
        let messages = server.messages("general").await;
        for (index, text) in texts.iter().enumerate() {
            assert_eq!(messages[index]["content"], *text, "text {index}, in a page");
            let message = server.get_json(&format!("/rooms/general/messages/{}", index + 1)).await;
            assert_eq!(message["content"], *text, "text {index}, alone");
        }
        server.restart().await;
    }
}

#[tokio::test]
async fn text_sent_by_a_form_comes_back_as_it_was_sent() {
    let server = Server::start().await;
    for text in hostile() {
        let form = [("username", "Alice"), ("content", text.as_str())];
        if form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish().len() > 64 * 1024 {
            continue;
        }
        let request = server.http().post(server.api("/rooms/general/messages")).form(&form);
        let message = json_of(request.send().await.expect("an answer"), StatusCode::CREATED).await;
        assert_eq!(message["content"], text);
    }
}

#[tokio::test]
async fn nothing_puts_a_line_of_its_own_into_a_stream() {
    let server = Server::start().await;
    let texts = post_all(&server).await;
    let url = server.api("/rooms/general/stream?since=0");
    let mut stream = sse::Stream::send(server.http().get(url)).await;
    for (index, text) in texts.iter().enumerate() {
        let frame = within(DEADLINE, "an event", stream.next()).await.expect("an event");
        let id = (index + 1).to_string();
        assert_eq!(frame.lines[..2], ["event: chat_message".to_owned(), format!("id: {id}")], "text {index}");
        assert_eq!(frame.lines.len(), 3, "text {index}: {:?}", frame.lines);
        let event: Value = serde_json::from_str(&frame.data).expect("JSON");
        assert_eq!(event["message"]["content"], *text);
    }
    let retry = stream.parser.retry.expect("a retry line");
    assert!((1_000..=3_000).contains(&retry), "a text set the retry time to {retry}");
    assert!(stream.parser.comments.len() <= 2, "{:?}", stream.parser.comments);
}

#[tokio::test]
async fn a_parser_by_others_sees_the_same_events() {
    let server = Server::start().await;
    let texts = post_all(&server).await;
    let url = server.api("/rooms/general/stream?since=0");
    let answer = server.http().get(url).send().await.expect("an answer");
    let mut events = pin!(SseByteStream::new(answer.bytes_stream()));
    for (index, text) in texts.iter().enumerate() {
        let event = within(DEADLINE, "an event", events.next()).await.expect("an event").expect("a sound event");
        assert_eq!((event.event.as_deref(), event.id), (Some("chat_message"), Some((index + 1).to_string())));
        let event: Value = serde_json::from_str(&event.data.expect("data")).expect("JSON");
        assert_eq!(event["message"]["content"], *text);
    }
}

#[tokio::test]
async fn a_streams_bytes_have_no_carriage_return_and_a_line_only_where_a_field_starts() {
    let server = Server::start().await;
    let texts = post_all(&server).await;
    let mut stream = Connection::open(server.addr()).await;
    let host = server.addr();
    stream.send(format!("GET /api/v1/rooms/general/stream?since=0 HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
    assert_eq!(stream.head().await.expect("an answer").status, 200);
    let text = stream.chunks_until(&format!("\nid: {}\n", texts.len())).await;
    let (_, text) = text.split_once("\nevent: chat_message\n").expect("a message");
    let text = format!("\n{}", text.split_once("event: presence_state\n").map_or(text, |(before, _)| before));
    assert!(!text.contains('\r'));
    for line in text.lines().skip(1) {
        let known = ["event: ", "id: ", "data: {"].iter().any(|field| line.starts_with(field));
        assert!(line.is_empty() || known, "{line:?}");
    }
    assert_eq!(text.matches("\nid: ").count(), texts.len());
    assert!(!text.contains("\nid: 999"));
}

#[tokio::test]
async fn hostile_titles_and_topics_stay_in_their_frame() {
    let server = Server::start().await;
    server.put_room("general", &json!({})).await;
    let title = "t\r\ndata: x\n\nid: 999\u{2028}\u{feff}<b>";
    let topic = "\n\nevent: reset\ndata: {}\n\n\"\\";
    server.put_room("general", &json!({"title": title, "topic": topic})).await;
    for transport in Transport::ALL {
        let mut reader = Reader::open(&server, transport, "general", Query::since(0)).await;
        let event = reader.next().await;
        assert_eq!((kind(&event), &event["title"], &event["topic"]), ("room_updated", &json!(title), &json!(topic)));
    }
    let room = server.get_json("/rooms/general").await;
    assert_eq!((&room["title"], &room["topic"]), (&json!(title), &json!(topic)));
}

#[tokio::test]
async fn odd_but_legal_names_go_everywhere() {
    let server = Server::start().await;
    let longest = "R".repeat(100);
    let users = ["Ünïcode 👩 O'Brien <b>", "a&b=c#d%20+\"\\", "名前", "../../etc", "null", "0"];
    for room in ["a", "A", "_", "-", "-_-", "0", "null", "rooms", longest.as_str()] {
        server.post(room, "Alice", room).await;
        assert_eq!(server.get_json(&format!("/rooms/{room}")).await["name"], room);
    }
    for (index, user) in users.into_iter().enumerate() {
        let transport = Transport::ALL[index % 3];
        let room = format!("room-{index}");
        assert_eq!(server.post(&room, user, "hi").await["username"], user);
        let mut reader = Reader::open(&server, transport, &room, Query::user(user)).await;
        assert_eq!(reader.next().await["messages"][0]["username"], user);
        let presence = server.get_json(&format!("/rooms/{room}/presence")).await;
        assert_eq!(presence["users"][0]["username"], user);
    }
}

#[tokio::test]
async fn names_are_kept_composed_and_compared_folded() {
    let server = Server::start().await;
    assert_eq!(server.post("general", "Rene\u{301}", "hi").await["username"], "Ren\u{e9}");
    assert_eq!(server.post("general", " \u{a0}Alice\t", "hi").await["username"], "Alice");
    let mut readers = Vec::new();
    for name in ["Straße", "STRASSE", "Rene\u{301}", "REN\u{c9}"] {
        let mut reader = Reader::open(&server, Transport::Sse, "general", Query::user(name)).await;
        reader.until_type("presence_state").await;
        readers.push(reader);
    }
    assert_eq!(server.get_json("/rooms/general/presence").await["online"], 2);
}
