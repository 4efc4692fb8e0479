//! Time of an answer in a room of a million messages, beside one of a thousand: neither how long a room is nor how
//! far back one reads in it may be felt.

use std::{io, time::Instant};

use crate::{
    PAIRS,
    bar::Bar,
    line::{Line, request},
    process::{Server, failed},
    report::{Report, Row},
};

const SHORT: u64 = 1_000;
const LONG: u64 = 1_000_000;
const BAR: Bar = Bar::AtMost(1.25);
/// The number of messages in a replay.
const REPLAYED: u64 = 1_000;
/// The number of messages past the cursor of the user who asks for the unread count.
const UNREAD: u64 = 500;
const ROOM: &str = "/api/v1/rooms/bench";

/// Something that is asked of a room, and how often for one median.
struct Question {
    what: &'static str,
    times: usize,
    ask: fn(&Room, &mut Line) -> io::Result<()>,
}

const QUESTIONS: [Question; 6] = [
    Question { what: "history, the newest", times: 200, ask: newest },
    Question { what: "history, anywhere", times: 200, ask: anywhere },
    Question { what: "history, the oldest", times: 200, ask: oldest },
    Question { what: "replay of 1,000 by poll", times: 20, ask: replay_by_poll },
    Question { what: "replay of 1,000 by stream", times: 20, ask: replay_by_stream },
    Question { what: "unread", times: 200, ask: unread },
];

struct Room {
    server: Server,
    messages: u64,
}

pub fn run(report: &mut Report) -> io::Result<()> {
    let rooms = [Room::seeded(SHORT)?, Room::seeded(LONG)?];
    for question in QUESTIONS {
        let mut medians = [Vec::new(), Vec::new()];
        for round in 0..=PAIRS {
            for step in 0..2 {
                // Alternating order, so that a drift of the machine favours neither.
                let which = (round + step) % 2;
                let median = rooms[which].median_us(&question)?;
                // The first round warms up and does not count.
                if round > 0 {
                    medians[which].push(median);
                }
            }
        }
        let [short, long] = medians;
        report.add(Row {
            what: question.what.to_owned(),
            judged: long.iter().zip(&short).map(|(long, short)| long / short).collect(),
            figures: vec![("of a thousand", short), ("of a million", long)],
            unit: " us",
            bar: BAR,
        });
    }
    Ok(())
}

impl Room {
    /// A server whose only room has so many messages, and somebody who has read all but the last.
    fn seeded(messages: u64) -> io::Result<Self> {
        let room = Self { server: Server::seeded(messages)?, messages };
        let mut line = Line::connect(&room.server)?;
        let body = serde_json::json!({"username": "Reader", "last_read_id": messages - UNREAD});
        line.ask(&request(room.server.address, "PUT", &format!("{ROOM}/read"), Some(&body)))?;
        Ok(room)
    }

    fn median_us(&self, question: &Question) -> io::Result<f64> {
        // Connected again each time: a server closes what was idle during the other's turn.
        let mut line = Line::connect(&self.server)?;
        let mut times = Vec::with_capacity(question.times);
        for _ in 0..question.times {
            let started = Instant::now();
            (question.ask)(self, &mut line)?;
            times.push(started.elapsed().as_secs_f64() * 1e6);
        }
        times.sort_by(f64::total_cmp);
        Ok(times[times.len() / 2])
    }

    fn get(&self, line: &mut Line, path: &str) -> io::Result<String> {
        line.ask(&request(self.server.address, "GET", &format!("{ROOM}{path}"), None))
    }

    /// Somewhere that so many messages follow.
    fn somewhere_before(&self, messages: u64) -> u64 {
        rand::random_range(0..=self.messages - messages)
    }
}

fn newest(room: &Room, line: &mut Line) -> io::Result<()> {
    room.get(line, "/messages?limit=50").map(drop)
}

fn anywhere(room: &Room, line: &mut Line) -> io::Result<()> {
    let before = room.somewhere_before(51) + 51;
    room.get(line, &format!("/messages?limit=50&before={before}")).map(drop)
}

fn oldest(room: &Room, line: &mut Line) -> io::Result<()> {
    room.get(line, "/messages?limit=50&after=0").map(drop)
}

fn unread(room: &Room, line: &mut Line) -> io::Result<()> {
    let answer = room.get(line, "/unread?username=Reader")?;
    if answer.contains(&format!("\"unread\":{UNREAD},")) { Ok(()) } else { Err(failed(&answer)) }
}

fn replay_by_poll(room: &Room, line: &mut Line) -> io::Result<()> {
    let first = room.somewhere_before(REPLAYED);
    let mut since = first;
    while since < first + REPLAYED {
        let answer = room.get(line, &format!("/poll?since={since}&wait=0"))?;
        let (_, rest) = answer.rsplit_once("\"next\":").ok_or_else(|| failed("a poll without a cursor"))?;
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        since = digits.parse().map_err(|_| failed("a cursor that is no number"))?;
    }
    Ok(())
}

fn replay_by_stream(room: &Room, _: &mut Line) -> io::Result<()> {
    let first = room.somewhere_before(REPLAYED);
    let last = format!("\nid: {}\n", first + REPLAYED);
    let mut line = Line::connect(&room.server)?;
    line.send(&request(room.server.address, "GET", &format!("{ROOM}/stream?since={first}"), None))?;
    line.read_until(|bytes, fresh| {
        // The mark may have begun in what came before.
        let from = fresh.saturating_sub(last.len());
        bytes[from..].windows(last.len()).any(|window| window == last.as_bytes()).then_some(())
    })
}
