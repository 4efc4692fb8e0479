//! Which `SQLite` layout keeps a room's messages: `WITHOUT ROWID` or a rowid table with a unique index?
//!
//! Both hold the same rows of the same rooms, written in the same batches as the journal writes
//! them (256 rows in one transaction, the rooms interleaved, `synchronous=FULL`, WAL), each pair in
//! fresh files and in alternating order. `cargo bench --bench store_layout` prints, for 200-byte and
//! 4 KB contents, the median of nine pairs with its quartiles.

#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "what is counted here is far below 2^31"
)]

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, DbErr, Statement, TransactionTrait, Value,
};

/// Pairs of runs; the first is a warm-up and does not count.
const PAIRS: usize = 10;
const ROOMS: i64 = 16;
const BATCH: i64 = 256;
const NEWEST_READS: u64 = 1_000;
const DEPTH_READS: u64 = 400;
/// The largest page of a long poll or a replay.
const DEPTH_LIMIT: i64 = 200;
const COLUMNS: usize = 7;

#[derive(Clone, Copy)]
enum Layout {
    WithoutRowid,
    RowidWithIndex,
}

impl Layout {
    const BOTH: [Self; 2] = [Self::WithoutRowid, Self::RowidWithIndex];

    fn schema(self) -> &'static str {
        match self {
            Self::WithoutRowid => {
                "CREATE TABLE message (room_id INTEGER NOT NULL, id INTEGER NOT NULL, \
                 username TEXT NOT NULL, content TEXT NOT NULL, timestamp TEXT NOT NULL, \
                 reply_to INTEGER, client_id TEXT, PRIMARY KEY (room_id, id)) WITHOUT ROWID"
            }
            Self::RowidWithIndex => {
                "CREATE TABLE message (room_id INTEGER NOT NULL, id INTEGER NOT NULL, \
                 username TEXT NOT NULL, content TEXT NOT NULL, timestamp TEXT NOT NULL, \
                 reply_to INTEGER, client_id TEXT); \
                 CREATE UNIQUE INDEX message_room_id ON message (room_id, id)"
            }
        }
    }
}

/// The result of one layout in one run.
#[derive(Clone, Copy)]
struct Run {
    insert_us_per_row: f64,
    newest_us: f64,
    depth_us: f64,
    file_mb: f64,
}

/// A printed figure of a run, by name.
type Figure = (&'static str, fn(&Run) -> f64);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), DbErr> {
    let directory = tempfile::tempdir().expect("a temporary directory");
    for (label, bytes, rows) in [("200 B", 200, 102_400), ("4 KB", 4_096, 25_600)] {
        let mut pairs = Vec::with_capacity(PAIRS);
        for pair in 0..PAIRS {
            let mut runs = [None, None];
            // Alternating order, so that a drift of the machine favours neither.
            for step in 0..2 {
                let which = (pair + step) % 2;
                let file = directory.path().join(format!("{bytes}-{pair}-{which}.db"));
                runs[which] = Some(run(Layout::BOTH[which], &file, bytes, rows).await?);
                remove(&file);
            }
            if let ([Some(without), Some(rowid)], true) = (runs, pair > 0) {
                pairs.push((without, rowid));
            }
        }
        print(label, rows, &pairs);
    }
    Ok(())
}

async fn run(layout: Layout, file: &Path, bytes: usize, rows: i64) -> Result<Run, DbErr> {
    let db = open(file).await?;
    for statement in layout.schema().split("; ") {
        db.execute_unprepared(statement).await?;
    }
    let started = Instant::now();
    insert(&db, bytes, rows).await?;
    let insert_us_per_row = started.elapsed().as_secs_f64() * 1e6 / rows as f64;
    // Reading starts from the file, not from a write-ahead log that still holds the rows.
    db.execute_unprepared("PRAGMA wal_checkpoint(TRUNCATE)").await?;
    db.close().await?;

    let db = open(file).await?;
    let mut random = Random(0x9e37_79b9);
    let head = rows / ROOMS;
    let newest = read(&db, NEWEST_READS, 50, || {
        let room = random.below(ROOMS);
        ("SELECT * FROM message WHERE room_id = ? AND id <= ? ORDER BY id DESC LIMIT 50", room, head)
    });
    let newest_us = newest.await?;
    let depth = read(&db, DEPTH_READS, DEPTH_LIMIT as usize, || {
        let (room, after) = (random.below(ROOMS), random.below(head - DEPTH_LIMIT));
        ("SELECT * FROM message WHERE room_id = ? AND id > ? ORDER BY id LIMIT 200", room, after)
    });
    let depth_us = depth.await?;
    db.close().await?;
    let file_mb = std::fs::metadata(file).map_or(0, |data| data.len()) as f64 / 1e6;
    Ok(Run { insert_us_per_row, newest_us, depth_us, file_mb })
}

async fn open(file: &Path) -> Result<DatabaseConnection, DbErr> {
    let mut options = ConnectOptions::new(format!("sqlite://{}?mode=rwc", file.display()));
    options.max_connections(1).sqlx_logging(false);
    let db = Database::connect(options).await?;
    db.execute_unprepared("PRAGMA journal_mode=WAL").await?;
    db.execute_unprepared("PRAGMA synchronous=FULL").await?;
    Ok(db)
}

/// Rows of all rooms in turn, a batch in one transaction by one statement, as the journal does it.
async fn insert(db: &DatabaseConnection, bytes: usize, rows: i64) -> Result<(), DbErr> {
    let content = "x".repeat(bytes);
    let row = format!("({})", ["?"; COLUMNS].join(","));
    let sql = format!("INSERT INTO message VALUES {}", vec![row; BATCH as usize].join(","));
    for first in (0..rows).step_by(BATCH as usize) {
        let mut values: Vec<Value> = Vec::with_capacity(BATCH as usize * COLUMNS);
        for n in first..first + BATCH {
            values.extend([
                Value::from(n % ROOMS),
                Value::from(n / ROOMS + 1),
                Value::from("Alice"),
                Value::from(content.as_str()),
                Value::from("2026-11-24T07:00:00.123456Z"),
                Value::BigInt(None),
                Value::String(None),
            ]);
        }
        let transaction = db.begin().await?;
        let statement = Statement::from_sql_and_values(DbBackend::Sqlite, sql.as_str(), values);
        transaction.execute_raw(statement).await?;
        transaction.commit().await?;
    }
    Ok(())
}

/// Microseconds a query, every row decoded; the number of rows is checked.
async fn read(
    db: &DatabaseConnection,
    times: u64,
    expected: usize,
    mut query: impl FnMut() -> (&'static str, i64, i64),
) -> Result<f64, DbErr> {
    let started = Instant::now();
    for _ in 0..times {
        let (sql, room, id) = query();
        let values = [Value::from(room), Value::from(id)];
        let statement = Statement::from_sql_and_values(DbBackend::Sqlite, sql, values);
        let rows = db.query_all_raw(statement).await?;
        assert_eq!(rows.len(), expected, "rows of room {room} at {id}");
        for row in &rows {
            let content: String = row.try_get("", "content")?;
            std::hint::black_box(content);
        }
    }
    Ok(started.elapsed().as_secs_f64() * 1e6 / times as f64)
}

fn remove(file: &Path) {
    for suffix in ["", "-wal", "-shm"] {
        let mut path = file.as_os_str().to_owned();
        path.push(suffix);
        // The log and its index are gone already when the last connection closed well.
        let _ = std::fs::remove_file(PathBuf::from(path));
    }
}

/// xorshift: the same places are read in both layouts of every pair.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: i64) -> i64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.unsigned_abs()).cast_signed()
    }
}

fn print(label: &str, rows: i64, pairs: &[(Run, Run)]) {
    println!("{label} contents, {rows} rows in {ROOMS} rooms, median of {} pairs", pairs.len());
    println!("{:<28}{:>16}{:>16}{:>10}  {:<14}", "", "WITHOUT ROWID", "rowid + index", "ratio", "quartiles");
    let figures: [Figure; 4] = [
        ("insert, us a row", |run| run.insert_us_per_row),
        ("50 newest, us a query", |run| run.newest_us),
        ("200 at depth, us a query", |run| run.depth_us),
        ("file, MB", |run| run.file_mb),
    ];
    for (name, figure) in figures {
        let without = quartiles(pairs.iter().map(|(run, _)| figure(run)))[1];
        let rowid = quartiles(pairs.iter().map(|(_, run)| figure(run)))[1];
        let ratio = quartiles(pairs.iter().map(|(a, b)| figure(a) / figure(b)));
        println!("{name:<28}{without:>16.2}{rowid:>16.2}{:>10.2}  {:.2} to {:.2}", ratio[1], ratio[0], ratio[2]);
    }
}

fn quartiles(values: impl Iterator<Item = f64>) -> [f64; 3] {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| values[(values.len() - 1) * quarter / 4])
}
