//! The room of two people, asked for by both at once, or while one of them deletes the account.

use futures_util::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Guarded, scene::Scene};
use crate::support::{browser::Browser, server::json_of};

const ROUNDS: usize = 10;

#[tokio::test]
async fn of_two_who_ask_at_once_one_makes_the_room_and_both_have_it() {
    let scene = Scene::with(&["ann"]).await;
    for round in 0..ROUNDS {
        let other = format!("bert{round}");
        scene.ok(&other, Method::GET, "/me", None, 200).await;
        let open = async |by: &str, with: &str| {
            let answer = scene.ask(by, Method::PUT, &format!("/dms/{with}"), None).await;
            let status = answer.status();
            (status.as_u16(), json_of(answer, status).await["name"].clone())
        };
        let all = tokio::join!(open("ann", &other), open(&other, "ann"), open("ann", &other), open(&other, "ann"));
        let all = [all.0, all.1, all.2, all.3];
        let mut statuses: Vec<_> = all.iter().map(|(status, _)| *status).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 200, 200, 201]);
        assert!(all.iter().all(|(_, name)| *name == all[0].1 && name.is_string()), "{all:?}");
        let mine = scene.ok(&other, Method::GET, "/rooms?mine=true", None, 200).await;
        assert_eq!(mine["rooms"].as_array().map(Vec::len), Some(1), "{mine}");
        let room = &mine["rooms"][0];
        assert_eq!((&room["name"], &room["members"], &room["head"]), (&all[0].1, &json!(2), &json!(0)), "{room}");
    }
}

#[tokio::test]
async fn who_deletes_the_account_is_in_no_room_of_two_after() {
    let others: Vec<_> = (0..6).map(|number| format!("other{number}")).collect();
    let scene = Scene::on(Guarded::with(&["--accounts", "open"]).await, &[]).await;
    for other in &others {
        scene.ok(other, Method::GET, "/me", None, 200).await;
    }
    for round in 0..ROUNDS {
        let name = format!("Leaver{round}");
        let leaver = Browser::of(&scene.guarded.server);
        leaver.register(&name).await;
        let open = async |other: &str| {
            let status = scene.ask(other, Method::PUT, &format!("/dms/{name}"), None).await.status();
            assert!([StatusCode::CREATED, StatusCode::NOT_FOUND].contains(&status), "{status}");
        };
        let leave = leaver.ok(Method::DELETE, "/me", None, 204);
        tokio::join!(leave, join_all(others.iter().map(|other| open(other))));
        for other in &others {
            let mine = scene.ok(other, Method::GET, "/rooms?mine=true", None, 200).await;
            for room in mine["rooms"].as_array().expect("rooms") {
                let path = format!("/rooms/{}/members", room["name"].as_str().expect("a name"));
                let members = scene.ok(other, Method::GET, &path, None, 200).await;
                let names: Vec<&Value> =
                    members["members"].as_array().expect("members").iter().map(|it| &it["username"]).collect();
                assert_eq!(names, [&json!(other)], "{room}");
            }
        }
    }
}
