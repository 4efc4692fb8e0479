//! The times of answers about a private room and about one that nobody has made, whichever way it is asked for.

use futures_util::future::join_all;
use rand::seq::SliceRandom as _;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{FLOOR, Outsider, ROOMS, with_hidden};
use crate::{
    identity::scene::Scene,
    support::{
        ranks::{Times, expect_all_alike},
        seeded,
    },
};

/// The answers of each kind about each room whose times are compared.
const ANSWERS: usize = 500;
/// The requests that are asked side by side: the answers wait, and so need not be waited for one by one.
const SIDE_BY_SIDE: usize = 12;
/// The stream of an open room and of the one that is guessed.
const OF_SEVERAL: &str = "several";

/// The ways to guess: reading, searching, polling, streams and sockets, posting, replying, and naming a room.
fn ways() -> Vec<(Method, &'static str, Option<Value>)> {
    vec![
        (Method::GET, "/messages", None),
        (Method::GET, "/search?q=secret", None),
        (Method::GET, "/poll?since=0", None),
        (Method::GET, "/stream", None),
        (Method::GET, OF_SEVERAL, None),
        (Method::GET, "/ws", None),
        (Method::POST, "/messages", Some(json!({"content": "hi"}))),
        (Method::POST, "/messages", Some(json!({"content": "hi", "reply_to": 1}))),
        (Method::PUT, "", Some(json!({"title": "mine"}))),
    ]
}

fn request(
    scene: &Scene,
    eve: &Outsider<'_>,
    way: &(Method, &'static str, Option<Value>),
    room: &str,
) -> RequestBuilder {
    if way.1 == OF_SEVERAL {
        let path = format!("/api/v1/stream?rooms=open,{room}&history=0");
        return scene.guarded.request(Method::GET, &path, &scene.token("eve"));
    }
    eve.request(scene, way, room)
}

/// The times of answers about both rooms, of some of the ways, asked in an order drawn at random.
async fn times(scene: &Scene, wanted: &[usize], answers: usize, rng: &mut impl rand::Rng) -> Vec<Times> {
    let (ways, eve) = (ways(), Outsider::Bearer(scene.token("eve")));
    let mut order: Vec<_> = wanted.iter().flat_map(|way| (0..2 * answers).map(|number| (*way, number % 2))).collect();
    order.shuffle(rng);
    let mut times = vec![Times::default(); ways.len()];
    for together in order.chunks(SIDE_BY_SIDE) {
        let asked = together.iter().map(async |(way, which)| {
            let request = request(scene, &eve, &ways[*way], ROOMS[*which]);
            let start = Instant::now();
            let answer = request.send().await.expect("an answer");
            let time = start.elapsed();
            let expected = match ways[*way] {
                (_, OF_SEVERAL, _) => 200,
                (Method::PUT, ..) => 403,
                _ => 404,
            };
            assert_eq!(answer.status(), expected, "{:?}", ways[*way]);
            assert!(time >= FLOOR, "{:?} after {time:?}", ways[*way]);
            if expected != 200 {
                answer.bytes().await.expect("a body");
            }
            (*way, *which, time)
        });
        for (way, which, time) in join_all(asked).await {
            times[way][which].push(time);
        }
    }
    wanted.iter().map(|way| std::mem::take(&mut times[*way])).collect()
}

#[tokio::test]
async fn the_times_of_the_answers_are_the_same_whichever_way_it_is_guessed() {
    let scene = with_hidden().await;
    let mut rng = seeded();
    let names: Vec<_> = ways().iter().map(|(method, path, body)| format!("{method} {path} {body:?}")).collect();
    let all: Vec<_> = (0..names.len()).collect();
    times(&scene, &all, 20, &mut rng).await;
    expect_all_alike(&names, async |wanted| times(&scene, wanted, ANSWERS, &mut rng).await).await;
}
