//! Any sequence of commands, and any points at which a reader leaves and any transports it returns by: it ends
//! with the room as one that never left has it, and as REST shows it.

use std::{
    cell::{Cell, RefCell},
    time::Duration,
};

use futures_util::future::join_all;
use proptest::{
    prelude::*,
    test_runner::{RngAlgorithm, TestRng, TestRunner},
};
use rand::RngCore as _;
use tokio::runtime::Runtime;

use crate::support::{
    Query, Server, Transport,
    command::Command,
    seeded,
    state::{Follower, State},
};

/// The number of draws, and of rooms in each. Those of one draw live side by side in one server, so that their commands
/// share transactions.
const DRAWS: u32 = 40;
const ROOMS: usize = 6;
const STEPS: usize = 30;
/// The time between one user's receipts: short enough that some are merged still.
const RECEIPTS: Duration = Duration::from_millis(100);

/// Two of them are one user.
const USERS: [&str; 4] = ["Alice", "ALICE", "Bob", "Çağla"];
const EMOJI: [&str; 3] = ["👍", "❤️", ":tada:"];

/// One step of what happens in a room. A message is named by how many were posted after it, since its id is
/// known only then.
#[derive(Debug, Clone)]
enum Step {
    Post(usize, u8, Option<u8>),
    Edit(usize, u8, u8),
    Delete(usize, u8),
    React(usize, u8, usize, bool),
    Read(usize, u8),
    Rename(u8),
    /// The reader takes so many events of those that there are.
    TakeIn(u8),
    /// The reader leaves, and is away until it is back by a transport.
    Leave,
    Return(usize),
    /// Somebody else begins to read.
    Arrive(u32),
}

fn step() -> impl Strategy<Value = Step> {
    let (user, message, text) = (0..USERS.len(), 0u8..6, 0u8..4);
    let (emoji, transport) = (0..EMOJI.len(), 0..Transport::ALL.len());
    prop_oneof![
        4 => (user.clone(), text.clone(), prop::option::weighted(0.3, message.clone())).prop_map(|(u, t, to)| Step::Post(u, t, to)),
        4 => (user.clone(), message.clone(), text.clone()).prop_map(|(u, m, t)| Step::Edit(u, m, t)),
        2 => (user.clone(), message.clone()).prop_map(|(u, m)| Step::Delete(u, m)),
        5 => (user.clone(), message.clone(), emoji, any::<bool>()).prop_map(|(u, m, e, on)| Step::React(u, m, e, on)),
        2 => (user, message).prop_map(|(u, m)| Step::Read(u, m)),
        1 => text.prop_map(Step::Rename),
        2 => (1u8..8).prop_map(Step::TakeIn),
        2 => Just(Step::Leave),
        2 => transport.prop_map(Step::Return),
        1 => (0u32..60).prop_map(Step::Arrive),
    ]
}

/// A room: how its reader begins, and what happens.
#[derive(Debug, Clone)]
struct Script {
    stays_by: usize,
    begins_by: usize,
    /// The length of the history it asks for; the whole log if absent.
    history: Option<u32>,
    steps: Vec<Step>,
}

fn script() -> impl Strategy<Value = Script> {
    let transport = 0..Transport::ALL.len();
    let history = prop::option::of(0u32..4);
    (transport.clone(), transport, history, prop::collection::vec(step(), 0..STEPS))
        .prop_map(|(stays_by, begins_by, history, steps)| Script { stays_by, begins_by, history, steps })
}

/// A room at its end, and who is to agree on it: the one that never left, the one that did, who came later.
struct Played {
    room: String,
    followers: Vec<Follower>,
}

async fn play(server: &Server, room: String, script: &Script) -> Played {
    server.put_room(&room, &serde_json::json!({})).await;
    let stays = Follower::open(server, Transport::ALL[script.stays_by], &room, Query::since(0)).await;
    let query = script.history.map_or(Query::since(0), |history| Query::new().history(history));
    let mut leaves = Follower::open(server, Transport::ALL[script.begins_by], &room, query).await;
    let mut followers = vec![stays];
    let mut here = true;
    let mut posted: Vec<i64> = Vec::new();
    // What was deleted: nobody who comes later may hear of it.
    let mut gone: Vec<String> = Vec::new();
    for step in &script.steps {
        let index = |back: u8| posted.len().saturating_sub(1 + usize::from(back));
        let message = |back: u8| posted.get(index(back)).copied().unwrap_or(1);
        let command = match *step {
            Step::Post(user, text, back) => {
                let (user, content) = (USERS[user].into(), format!("text {text} of <{}>", posted.len()));
                Command::Post { user, content, reply_to: back.map(message) }
            }
            Step::Edit(user, back, text) => {
                let content = format!("text {text} of <{}>", index(back));
                Command::edit(USERS[user], message(back), &content)
            }
            Step::Delete(user, back) => Command::delete(USERS[user], message(back)),
            Step::React(user, back, emoji, on) => {
                let (user, emoji) = (USERS[user].into(), EMOJI[emoji].into());
                Command::React { user, id: message(back), emoji, on }
            }
            Step::Read(user, back) => Command::read(USERS[user], message(back)),
            Step::Rename(text) => Command::rename(&format!("title {text}")),
            Step::TakeIn(count) => {
                if here {
                    let there = server.head(&room).await - leaves.cursor;
                    leaves.read_to(leaves.cursor + there.min(count.into())).await;
                }
                continue;
            }
            Step::Leave => {
                here = false;
                continue;
            }
            Step::Return(transport) => {
                here = true;
                leaves.come_back(server, Transport::ALL[transport]).await;
                leaves.gone.clone_from(&gone);
                continue;
            }
            Step::Arrive(history) => {
                let mut arrives = Follower::open(server, Transport::Sse, &room, Query::new().history(history)).await;
                arrives.state.assert_silent_of(&gone);
                arrives.gone.clone_from(&gone);
                followers.push(arrives);
                continue;
            }
        };
        let answer = server.ask(&room, &command).await;
        let status = answer.status().as_u16();
        // What was drawn may be refused: an edit of somebody else's message, of one that is deleted or not there.
        assert!(matches!(status, 200 | 201 | 403 | 404 | 410 | 422), "{command:?}: {status}");
        if status == 201 {
            let message: serde_json::Value = answer.json().await.expect("a message");
            posted.push(message["id"].as_i64().expect("an id"));
        } else if let (200, Step::Delete(_, back)) = (status, step) {
            gone.push(format!("<{}>", index(*back)));
        }
    }
    if !here {
        leaves.come_back(server, Transport::ALL[script.begins_by]).await;
    }
    followers.push(leaves);
    Played { room, followers }
}

impl Played {
    async fn all_agree(mut self, server: &Server) {
        self.followers.push(Follower::open(server, Transport::Sse, &self.room, Query::new()).await);
        let (expected, head) = (State::by_rest(server, &self.room).await, server.head(&self.room).await);
        for follower in &mut self.followers {
            follower.ends_as(&expected, head).await;
        }
    }
}

/// Plays rooms side by side; after a restart, if there is one, nothing of what happened is in memory.
async fn play_all(server: &mut Server, draw: u32, scripts: &[Script], restarts: bool) {
    let rooms = scripts.iter().enumerate();
    let played = rooms.map(|(index, script)| play(server, format!("room-{draw}-{index}"), script));
    let mut played = join_all(played).await;
    if restarts {
        server.restart().await;
        for follower in played.iter_mut().flat_map(|played| &mut played.followers) {
            follower.come_back(server, Transport::WebSocket).await;
        }
    }
    join_all(played.into_iter().map(|played| played.all_agree(server))).await;
}

#[test]
fn whatever_happens_who_was_away_ends_as_who_was_not() {
    let runtime = Runtime::new().expect("a runtime");
    // Each draw ends with waiting for the last receipt.
    let server = Server::builder().time("read-receipt-interval", RECEIPTS);
    let server = RefCell::new(runtime.block_on(server.start()));
    let mut seed = [0; 32];
    seeded().fill_bytes(&mut seed);
    let config = ProptestConfig {
        cases: DRAWS,
        // What fails waits for its deadline, and so does each try to make it smaller.
        max_shrink_iters: 60,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &seed));
    let draws = Cell::new(0);
    let drawn = (prop::collection::vec(script(), 1..=ROOMS), any::<bool>());
    let outcome = runner.run(&drawn, |(scripts, restarts)| {
        let draw = draws.replace(draws.get() + 1);
        runtime.block_on(play_all(&mut server.borrow_mut(), draw, &scripts, restarts));
        Ok(())
    });
    if let Err(failed) = outcome {
        panic!("{failed}");
    }
}
