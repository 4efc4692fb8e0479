//! Deleted texts are nowhere in the database's files either.

use rand::{Rng as _, rngs::StdRng, seq::IndexedRandom as _};

use crate::support::{Server, command::Command, index::indexed, seeded};

/// All that stands in the database's files, in whatever is left between what is in use too.
fn files(server: &Server) -> String {
    let read = |name| std::fs::read(server.dir().join(name)).unwrap_or_default();
    let files = ["parlor.db", "parlor.db-wal", "parlor.db-shm"].map(read);
    String::from_utf8_lossy(&files.concat()).into_owned()
}

/// A text of so many bytes that nothing else says: short ones share a page with others, long ones have pages of
/// their own.
fn secret(random: &mut StdRng, length: usize) -> String {
    let word = format!("{:016x} ", random.random::<u64>());
    word.repeat(length.div_ceil(word.len()))
}

/// The word of a text, which has to be gone with it; the index of search has it as it is.
fn word(text: &str) -> &str {
    text.split(' ').next().expect("a word")
}

#[tokio::test]
async fn what_is_deleted_is_gone_from_the_files() {
    let mut random = seeded();
    let mut server = Server::start().await;
    let lengths = [10, 300, 3_000, 9_900].into_iter().cycle().take(24);
    let texts: Vec<[String; 3]> = lengths.map(|length| [(); 3].map(|()| secret(&mut random, length))).collect();
    // Each text is in the index of search, too, before the next takes its place.
    for [first, _, _] in &texts {
        server.post("general", "Alice", first).await;
    }
    indexed(&server).await;
    for (id, [_, second, _]) in (1..).zip(&texts) {
        let emoji = format!(":secret-{id}-emoji:");
        let reactions = [Command::react("Bob", id, &emoji), Command::react("Eve", id, ":common:")];
        server.perform("general", &[Command::edit("Alice", id, second)]).await;
        server.perform("general", &reactions).await;
    }
    indexed(&server).await;
    for (id, [_, _, third]) in (1..).zip(&texts) {
        server.perform("general", &[Command::edit("Alice", id, third)]).await;
    }
    indexed(&server).await;
    let (mut kept, mut gone) = (Vec::new(), Vec::new());
    for (id, texts) in (1..).zip(&texts) {
        let all = texts.iter().map(|text| word(text).to_owned()).chain([format!(":secret-{id}-emoji:")]);
        if id % 3 == 1 {
            kept.extend(all);
        } else {
            server.perform("general", &[Command::delete("Alice", id)]).await;
            gone.extend(all);
        }
    }
    assert!(server.terminate().await.success());
    server.sql("PRAGMA wal_checkpoint(TRUNCATE)").await;
    server.sql("VACUUM").await;
    let files = files(&server);
    for text in &kept {
        assert!(files.contains(text), "{text} is kept, and to be found");
    }
    for text in &gone {
        assert!(!files.contains(text), "{text} is deleted, and still there");
    }
}

#[tokio::test]
async fn what_is_deleted_is_overwritten_when_it_is_with_few_exceptions() {
    const MESSAGES: usize = 120;
    const KEPT: usize = 30;
    let mut random = seeded();
    let mut server = Server::start().await;
    let mut messages: Vec<(i64, Vec<String>)> = Vec::new();
    let mut gone = Vec::new();
    // In any order, so that rows grow, shrink and move between pages before they go.
    while messages.len() + gone.len() < MESSAGES || messages.len() > KEPT {
        let length = *[10, 300, 1_000, 3_000, 9_900].choose(&mut random).expect("a length");
        let text = secret(&mut random, length);
        let posts = messages.len() + gone.len() < MESSAGES;
        let number = random.random_range(0..messages.len().max(1));
        match random.random_range(0..10) {
            0..4 if posts => {
                let id = server.post("general", "Alice", &text).await["id"].as_i64().expect("an id");
                messages.push((id, vec![word(&text).to_owned()]));
            }
            4..7 if !messages.is_empty() => {
                let (id, texts) = &mut messages[number];
                server.perform("general", &[Command::edit("Alice", *id, &text)]).await;
                texts.push(word(&text).to_owned());
            }
            7 if !messages.is_empty() => {
                let (id, texts) = &mut messages[number];
                let emoji = format!(":{}:", word(&text));
                server.perform("general", &[Command::react("Bob", *id, &emoji)]).await;
                texts.push(emoji);
            }
            8.. if !messages.is_empty() => {
                let (id, texts) = messages.swap_remove(number);
                server.perform("general", &[Command::delete("Alice", id)]).await;
                gone.push(texts);
            }
            _ => {}
        }
    }
    // A clean end moves the write-ahead log into the file, and empties it.
    assert!(server.terminate().await.success());
    let files = files(&server);
    let gone: Vec<_> = gone.into_iter().flatten().collect();
    let found: Vec<_> = gone.iter().filter(|text| files.contains(*text)).collect();
    // SQLite leaves a copy in the old place of a row that it moves to another page. That is seldom, and a vacuum
    // takes them away; if it did not overwrite, most would be found.
    assert!(found.len() * 20 <= gone.len(), "of {} deleted are still there: {found:?}", gone.len());
}
