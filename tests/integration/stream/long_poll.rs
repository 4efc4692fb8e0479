//! Long polls: the time of an answer, its size, and the state handed back.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Query, Reader, Server, Transport, poll::Poller, reader::kind};

fn kinds(events: &[String]) -> Vec<String> {
    events.iter().map(|event| kind(&serde_json::from_str::<Value>(event).expect("JSON")).to_owned()).collect()
}

#[tokio::test]
async fn a_poll_without_a_cursor_answers_the_history_at_once() {
    let server = Server::start().await;
    server.post_many("general", "Alice", 3).await;
    let started = Instant::now();
    let answer = server.get_json("/rooms/general/poll").await;
    assert!(started.elapsed() < Duration::from_secs(2));
    assert_eq!((&answer["events"][0]["type"], &answer["next"]), (&json!("message_history"), &json!(3)));
    assert_eq!(answer["has_more"], false);
}

#[tokio::test]
async fn a_poll_answers_at_most_two_hundred_events_and_says_that_there_are_more() {
    let server = Server::start().await;
    server.post_at_once("general", "Alice", 450).await;
    for (since, count, has_more) in [(0, 200, true), (200, 200, true), (250, 200, false), (400, 50, false)] {
        let answer = server.get_json(&format!("/rooms/general/poll?since={since}&wait=0")).await;
        assert_eq!(answer["events"].as_array().map(Vec::len), Some(count), "since={since}");
        let expected = (json!(since + count), json!(has_more));
        assert_eq!((&answer["next"], &answer["has_more"]), (&expected.0, &expected.1), "since={since}");
    }
}

#[tokio::test]
async fn what_is_not_of_the_log_counts_too_and_what_is_left_out_comes_next() {
    let server = Server::start().await;
    server.post_at_once("general", "Alice", 200).await;
    let full = server.get_json("/rooms/general/poll?since=0&wait=0&state=old").await;
    assert_eq!(full["events"].as_array().map(Vec::len), Some(200));
    let state = full["state"].as_str().expect("a state");
    let rest = server.get_json(&format!("/rooms/general/poll?since=200&wait=0&state={state}")).await;
    let rest: Vec<_> = rest["events"].as_array().expect("events").iter().map(|event| kind(event).to_owned()).collect();
    assert_eq!(rest, ["presence_state", "read_state"]);
}

#[tokio::test]
async fn an_ephemeral_event_ends_the_wait_a_little_later() {
    const LITTLE: Duration = Duration::from_secs(1);
    let server = Server::builder().time("poll-ephemeral-wait", LITTLE).start().await;
    // A room that nobody has made keeps nothing between two polls.
    server.post("general", "Alice", "hi").await;
    let mut poller = Poller::new(&server, "general", &Query::since(1));
    poller.poll(0).await.expect("an answer");
    let started = Instant::now();
    let type_twice = async {
        server.typing("general", "Bob", true).await;
        server.typing("general", "Carol", true).await;
    };
    let (answer, ()) = tokio::join!(poller.poll(20), type_twice);
    let (answer, events) = answer.expect("an answer");
    let typed = events.iter().any(|event| event.contains("Bob")) && events.iter().any(|event| event.contains("Carol"));
    assert!(typed, "what comes meanwhile comes along: {events:?}");
    let waited = started.elapsed();
    assert!(waited > LITTLE * 4 / 5 && waited < Duration::from_secs(6), "{waited:?}");
    assert_eq!(answer["next"], 1, "it moves no cursor");
}

#[tokio::test]
async fn the_state_comes_only_when_it_changed_between_the_polls() {
    let server = Server::start().await;
    let mut poller = Poller::new(&server, "general", &Query::since(0));
    let (_, events) = poller.poll(0).await.expect("an answer");
    assert_eq!(kinds(&events), ["presence_state", "read_state"], "an unknown state counts as changed");
    let (_, events) = poller.poll(0).await.expect("an answer");
    assert_eq!(kinds(&events), Vec::<String>::new(), "nothing changed");

    let mut bob = Reader::open(&server, Transport::Sse, "general", Query::user("Bob")).await;
    bob.until_type("presence_state").await;
    let (_, events) = poller.poll(0).await.expect("an answer");
    assert_eq!(kinds(&events), ["presence_state", "read_state"]);
    assert!(events[0].contains("Bob"), "{events:?}");

    server.typing("general", "Carol", true).await;
    let (_, events) = poller.poll(0).await.expect("an answer");
    let state: Value = serde_json::from_str(&events[0]).expect("JSON");
    assert_eq!((kind(&state), &state["typing"]), ("presence_state", &json!(["Carol"])));
}

#[tokio::test]
async fn a_poller_that_hangs_up_is_not_missed_and_loses_nothing() {
    let server = Server::start().await;
    let mut poller = Poller::new(&server, "general", &Query::since(0));
    poller.poll(0).await.expect("an answer");
    for number in 1..=20 {
        let cut = tokio::time::timeout(Duration::from_millis(5), poller.poll(20)).await;
        assert!(cut.is_err(), "nothing to answer yet");
        server.post("general", "Alice", "meanwhile").await;
        let (answer, _) = poller.poll(20).await.expect("an answer");
        assert_eq!((&answer["next"], &answer["events"][0]["id"]), (&json!(number), &json!(number)));
    }
}
