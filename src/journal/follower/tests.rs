//! Followers over a real store, stopped at any moment.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use tokio::{
    task::yield_now,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{Follower, runner::Times, search::SearchFollower};
use crate::{
    journal::{backlog::Pace, feed::Feed},
    store::{
        faults::{Fault, inject},
        follower::FollowError,
    },
};

mod scene;

use scene::{Counter, DEADLINE, ROOMS, Scene, Teller, check_told, killed_after, times};

#[tokio::test]
async fn killed_at_random_moments_each_follower_keeps_its_promise() {
    const ROUNDS: usize = 50;
    let seed = rand::random();
    let random = &mut StdRng::seed_from_u64(seed);
    let scene = Scene::new().await;
    let told = Arc::<Mutex<Vec<_>>>::default();
    let teller = || Teller { told: told.clone(), at_once: 7 };
    let counter = || Counter { at_once: 3, unwanted: None };
    for _ in 0..ROUNDS {
        // Of different paces, and killed at moments of their own.
        let polls: [usize; 3] = std::array::from_fn(|_| random.random_range(0..150));
        let search = scene.runner(SearchFollower, times(5)).await;
        let counting = scene.runner(counter(), times(1)).await;
        let telling = scene.runner(teller(), times(20)).await;
        let following = async {
            tokio::join!(
                killed_after(search.run(), polls[0]),
                killed_after(counting.run(), polls[1]),
                killed_after(telling.run(), polls[2])
            )
        };
        let acting = async {
            for _ in 0..6 {
                scene.act(random).await;
            }
            // The last events have some time as well; whoever is not killed by then waits for more.
            sleep(Duration::from_millis(20)).await;
        };
        tokio::select! {
            _ = async { tokio::join!(following, std::future::pending::<()>()) } => {}
            () = acting => {}
        }
    }
    let tasks = [
        scene.tasks.spawn(scene.runner(SearchFollower, times(1)).await.run()),
        scene.tasks.spawn(scene.runner(counter(), times(1)).await.run()),
        scene.tasks.spawn(scene.runner(teller(), times(1)).await.run()),
    ];
    for follower in [SearchFollower::NAME, Counter::NAME, Teller::NAME] {
        scene.followed(follower).await;
    }
    let heads = scene.heads().await;
    println!("seed {seed}, heads {heads:?}, {} told", told.lock().unwrap().len());
    let mut counted: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for (room_id, id) in scene.counted().await {
        counted.entry(room_id).or_default().push(id);
    }
    let expected = heads.iter().map(|(room_id, head)| (*room_id, (1..=*head).collect())).collect();
    assert_eq!(counted, expected, "each once and in order");
    check_told(&told.lock().unwrap(), &heads.into_values().collect::<Vec<_>>());
    scene.check_search().await;
    scene.end().await;
    for task in tasks {
        task.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn what_was_done_before_a_transaction_that_was_not_made_is_done_again() {
    let scene = Scene::new().await;
    for number in 0..5 {
        scene.post("one", &number.to_string()).await;
    }
    let told = Arc::<Mutex<Vec<_>>>::default();
    let teller = || Teller { told: told.clone(), at_once: 10 };
    let ids = || told.lock().unwrap().iter().map(|(_, id)| *id).collect::<Vec<_>>();
    let mut telling = scene.runner(teller(), times(1)).await;
    // The journal writes meanwhile, so that the transaction can't begin.
    let blocker = scene.followers.turns_for_tests().of_journal().await;
    let room_id = telling.rooms_behind().await.unwrap()[0];
    {
        let advancing = telling.advance(room_id);
        let until_told = async {
            while ids().len() < 5 {
                yield_now().await;
            }
        };
        tokio::select! { _ = advancing => panic!("it went on"), () = until_told => {} }
    }
    drop(blocker);
    assert_eq!(ids(), [1, 2, 3, 4, 5]);
    assert_eq!(scene.cursors(Teller::NAME).await, BTreeMap::new(), "nothing of it is noted");
    drop(telling);
    scene.runner(teller(), times(1)).await.catch_up().await.unwrap();
    assert_eq!(ids(), [1, 2, 3, 4, 5, 1, 2, 3, 4, 5]);
    assert_eq!(scene.cursors(Teller::NAME).await, scene.heads().await);
    scene.end().await;
}

#[tokio::test]
async fn two_followers_get_on_each_at_its_own_pace() {
    let scene = Scene::new().await;
    let told = Arc::<Mutex<Vec<_>>>::default();
    // One takes events as they come; the other waits for many.
    let quick = scene.runner(Counter { at_once: 2, unwanted: None }, times(1)).await;
    let slow_times = Times { pace: Pace { worth: 40, quiet: Duration::from_hours(1) }, ..times(1) };
    let slow = scene.runner(Teller { told: told.clone(), at_once: 100 }, slow_times).await;
    let tasks = [scene.tasks.spawn(quick.run()), scene.tasks.spawn(slow.run())];
    for number in 1..40 {
        scene.post("one", &number.to_string()).await;
    }
    scene.followed(Counter::NAME).await;
    assert!(told.lock().unwrap().len() < 39, "the slow one has not come to it");
    assert_eq!(scene.counted().await.len(), 39);
    scene.post("one", "40").await;
    scene.post("one", "41").await;
    scene.followed(Counter::NAME).await;
    timeout(DEADLINE, async {
        while told.lock().unwrap().len() < 40 {
            sleep(Duration::from_millis(1)).await;
        }
    })
    .await
    .expect("it is worth it now");
    let room_id = *scene.heads().await.keys().next().unwrap();
    assert_eq!(scene.counted().await, (1..=41).map(|id| (room_id, id)).collect::<Vec<_>>());
    scene.end().await;
    for task in tasks {
        task.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_room_that_a_follower_does_not_want_has_no_cursor_and_wakes_nobody() {
    let scene = Scene::new().await;
    scene.post("one", "before").await;
    let unwanted = *scene.heads().await.keys().next().unwrap();
    let counter = scene.runner(Counter { at_once: 10, unwanted: Some(unwanted) }, times(1)).await;
    let task = scene.tasks.spawn(counter.run());
    for number in 0..10 {
        scene.post("one", &number.to_string()).await;
        scene.post("two", &number.to_string()).await;
    }
    let heads = scene.heads().await;
    let wanted: BTreeMap<_, _> = heads.into_iter().filter(|(room_id, _)| *room_id != unwanted).collect();
    timeout(DEADLINE, async { while scene.cursors(Counter::NAME).await != wanted {} }).await.expect("it follows `two`");
    assert!(scene.counted().await.iter().all(|(room_id, _)| *room_id != unwanted));
    scene.end().await;
    task.await.unwrap().unwrap();
}

#[tokio::test]
async fn what_nobody_told_of_is_found_by_looking() {
    let scene = Scene::new().await;
    // It hears of no commit: as if all were those of another process.
    let look = Times { look: Duration::from_millis(10), ..times(1) };
    let elsewhere = scene.runner_at(&Feed::default(), Counter { at_once: 10, unwanted: None }, look).await;
    let here = scene.runner(SearchFollower, look).await;
    let tasks = [scene.tasks.spawn(elsewhere.run()), scene.tasks.spawn(here.run())];
    for number in 0..10 {
        scene.post(ROOMS[number % 3], "a").await;
        scene.followed(Counter::NAME).await;
    }
    // Nor does anybody hear of a commit whose answer was lost and could not be asked for.
    inject(&[Fault::AfterCommit, Fault::Settling]);
    scene.try_post("one", "lost").await.unwrap_err();
    scene.followed(Counter::NAME).await;
    scene.followed(SearchFollower::NAME).await;
    scene.end().await;
    for task in tasks {
        task.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn two_that_follow_the_same_rooms_handle_each_event_once() {
    let scene = Scene::new().await;
    let look = Times { look: Duration::from_millis(5), ..times(1) };
    let mut tasks = Vec::new();
    for at_once in [1, 2] {
        let counter = scene.runner(Counter { at_once, unwanted: None }, look).await;
        tasks.push(scene.tasks.spawn(counter.run()));
    }
    for number in 0..100 {
        scene.post(ROOMS[number % 3], "a").await;
    }
    scene.followed(Counter::NAME).await;
    let heads = scene.heads().await;
    let mut counted = scene.counted().await;
    counted.sort_unstable();
    let expected: Vec<_> = heads.iter().flat_map(|(room_id, head)| (1..=*head).map(|id| (*room_id, id))).collect();
    assert_eq!(counted, expected);
    scene.end().await;
    for task in tasks {
        task.await.unwrap().unwrap();
    }
}

/// A process that was stopped in the middle of a batch goes on after another has done it.
#[tokio::test]
async fn a_cursor_is_never_moved_but_from_where_its_batch_began() {
    let scene = Scene::new().await;
    for number in 0..10 {
        scene.post("one", &number.to_string()).await;
    }
    let room_id = *scene.heads().await.keys().next().unwrap();
    let stop = CancellationToken::new();
    let late = scene.followers.session(Counter::NAME).await.unwrap();
    let begun_with = late.progress(room_id).await.unwrap().unwrap();
    assert_eq!((begun_with.through, begun_with.room.head), (0, 10));
    assert!(late.progress(room_id + 1).await.unwrap().is_none(), "there is no such room");
    let other = scene.followers.session(Counter::NAME).await.unwrap();
    let moved = other.turn(room_id, 0, &stop).begin().await.unwrap().commit(7).await.unwrap();
    assert_eq!(moved.through(), 7);

    let overtaken = late.turn(room_id, begun_with.through, &stop).begin().await.unwrap_err();
    assert!(matches!(overtaken, FollowError::Overtaken), "{overtaken}");
    for through in [0, 5, 7] {
        let tx = late.turn(room_id, 7, &stop).begin().await.unwrap();
        tx.run(&format!("INSERT INTO counted VALUES ({room_id}, {through})")).await.unwrap();
        let refused = tx.commit(through).await.unwrap_err();
        assert!(matches!(refused, FollowError::Store(_)), "{through}: {refused}");
    }
    assert_eq!(scene.cursors(Counter::NAME).await, BTreeMap::from([(room_id, 7)]));
    assert_eq!(scene.counted().await, [], "the effect goes with the cursor");
    stop.cancel();
    let stopping = late.turn(room_id, 7, &stop).begin().await.unwrap_err();
    assert!(matches!(stopping, FollowError::Stopping), "{stopping}");
    late.close().await;
    other.close().await;
    scene.end().await;
}
