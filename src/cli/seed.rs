//! `seed`: fills a room with messages, the way that posters would.

use std::{sync::Arc, time::Instant};

use clap::Args;
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio_util::sync::CancellationToken;

use crate::{
    clock::Clock,
    config::{StorageArgs, Timings, numbers::whole},
    domain::{
        content::ContentLimit,
        message::Post,
        name::{RoomName, Username},
        policy::Actor,
        version::Precondition,
    },
    hub::{Hub, broker::Local},
    journal::{
        Journal, Refused,
        feed::Feed,
        follower::{
            runner::{Runner, Times},
            search::SearchFollower,
        },
        writer::Fatal,
    },
    store::{OpenError, Opened, Store, error::StoreError, health::Health},
};

/// The number of posts that wait for their answer at the same time: enough for full transactions, and less than the
/// journal's queue.
const AT_ONCE: usize = 2_048;
/// By how many people the messages are.
const PEOPLE: u64 = 40;

/// The messages to be made.
#[derive(Debug, Args)]
pub(super) struct SeedArgs {
    /// Number of messages to post
    #[arg(long, value_name = "N", value_parser = whole(1..=i64::MAX.cast_unsigned()))]
    pub messages: u64,

    /// The room to post them to; made if it is not there
    #[arg(long, value_name = "NAME", default_value = "general")]
    pub room: String,

    /// The database.
    #[command(flatten)]
    pub storage: StorageArgs,
}

/// The reasons for failing.
#[derive(Debug, thiserror::Error)]
pub(super) enum SeedError {
    /// The room's name is none.
    #[error("--room {0}: {1}")]
    Room(String, String),
    /// The database can't be used.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The disk can't be trusted any more.
    #[error(transparent)]
    Fatal(#[from] Fatal),
    /// A message was not taken.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The database can't be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Posts the messages; what was made, in words.
///
/// # Errors
/// [`SeedError`]; what was posted until then stays.
pub(super) async fn seed(args: &SeedArgs) -> Result<String, SeedError> {
    let room = RoomName::parse(&args.room).map_err(|invalid| SeedError::Room(args.room.clone(), invalid.detail))?;
    let start = Instant::now();
    let Opened { store, writer, followers, .. } = Store::open(&args.storage.database.store(true)).await?;
    let (clock, health, stop) = (Clock::system(), Health::default(), CancellationToken::new());
    let hub = Hub::new(store.clone(), clock.clone(), health.clone(), Timings::default());
    let (feed, reading) = (Feed::default(), (store.clone(), followers));
    let mut search =
        Runner::new(SearchFollower, reading, &feed, health.clone(), Times::default(), stop.clone()).await?;
    let (journal, writing) = Journal::new(writer, Arc::new(Local(hub)), feed, health, clock, None, stop.clone());
    let posting = async {
        let posted = post_all(&journal, &room, args.messages).await;
        // While the journal has the database's lock: nobody else may index it meanwhile.
        let indexed = search.catch_up().await;
        search.close().await;
        stop.cancel();
        posted.map_err(SeedError::from).and_then(|()| Ok(indexed?))
    };
    let (posted, written) = tokio::join!(posting, writing);
    written?;
    posted?;
    let head = store.room(&room).await?.map_or(0, |room| room.head);
    store.close().await;
    let seconds = start.elapsed().as_secs_f64();
    Ok(format!("{} messages in room {room}, whose head is {head} now, in {seconds:.1} s", args.messages))
}

async fn post_all(journal: &Journal, room: &RoomName, count: u64) -> Result<(), Refused> {
    let posts = stream::iter(0..count).map(|number| async move {
        // Both keep the rules.
        let rejected = |invalid| Refused::Rejected(format!("{invalid:?}"));
        let user =
            Username::parse(&format!("Person {}", number % PEOPLE)).map_err(|invalid| rejected(vec![invalid]))?;
        let post = Post { content: Some(content(number)), ..Post::default() };
        let draft = post.check(ContentLimit::default()).map_err(rejected)?;
        journal.submit(Actor::named(user), room.clone(), Precondition::default(), draft).await.map(|_| ())
    });
    posts.buffer_unordered(AT_ONCE).try_collect().await
}

/// Something to read, of the length that people write: 20 to 180 bytes.
fn content(number: u64) -> String {
    const WORDS: [&str; 12] = [
        "harbour", "lantern", "meadow", "orchard", "pebble", "quarry", "river", "saddle", "timber", "valley", "willow",
        "yonder",
    ];
    let words = 1 + number % 19;
    let chosen = (0..words).map(|place| WORDS[usize::try_from((number * 7 + place * 5) % 12).unwrap_or(0)]);
    format!("message {number}: {}", chosen.collect::<Vec<_>>().join(" "))
}
