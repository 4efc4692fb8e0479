//! The SQL that a server runs, as its log has it, and how a database would carry it out.

use std::collections::BTreeMap;

use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend};
use serde_json::Value;

use super::{DEADLINE, Server, server::Builder};

/// The tables that grow with what people say.
const GROWING: [&str; 17] = [
    "message",
    "event",
    "revision",
    "reaction",
    "read_cursor",
    "message_search",
    "membership",
    "account",
    "api_key",
    "audit",
    "direct",
    "session",
    "password",
    "password_reset",
    "name_skeleton",
    "last_post",
    "ticket",
];

/// A server that logs every statement it runs.
pub fn logged() -> Builder {
    Server::builder().arg("--log-format").arg("json").env("PARLOR_LOG", "info,sqlx::query=debug")
}

/// A line of the log, if it tells of a statement.
pub fn statement(line: &str) -> Option<String> {
    let line: Value = serde_json::from_str(line).ok()?;
    if line["target"] != "sqlx::query" {
        return None;
    }
    // Of a short one the summary is all.
    let whole = [&line["db.statement"], &line["summary"]].map(|text| text.as_str().unwrap_or_default().trim());
    whole.into_iter().find(|text| !text.is_empty()).map(ToOwned::to_owned)
}

/// Returns true if a statement names a table.
pub fn names(statement: &str, table: &str) -> bool {
    statement.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|word| word == table)
}

/// Returns true if a statement names a table that grows.
pub fn is_about_what_grows(statement: &str) -> bool {
    GROWING.iter().any(|table| names(statement, table))
}

/// The statements that the server runs while something is done. Those that look after the connection, and those by
/// which the index of search learns whether it is behind, are left out.
pub async fn while_doing<T>(server: &Server, work: impl Future<Output = T>) -> (Vec<String>, T) {
    // What was done before may not have reached the log yet.
    let from = mark(server).await;
    let done = work.await;
    let through = mark(server).await;
    let is_counted = |text: &String| text.contains(" FROM ") && !text.contains("follower_cursor");
    let lines = &server.log()[from..through];
    (lines.iter().filter_map(|line| statement(line)).filter(is_counted).collect(), done)
}

/// A line of the log, by its number, before which all stands that the server has done so far: the log is in order.
async fn mark(server: &Server) -> usize {
    let answer = server.http().get(server.url("/healthz")).send().await.expect("an answer");
    let marker = answer.headers()["x-request-id"].to_str().expect("text").to_owned();
    server.wait_for_log(&marker, DEADLINE).await;
    server.log().iter().position(|line| line.contains(&marker)).expect("it was waited for")
}

/// A database that can be asked how it would carry statements out.
pub struct Planner {
    database: DatabaseConnection,
}

impl Planner {
    /// Of a database that is quiet and has its rows. One that looks at them from time to time does so now; a file
    /// is never looked at unless that is asked for, which the server does not.
    pub async fn of(url: &str) -> Self {
        let database = Box::pin(sea_orm::Database::connect(url)).await.expect("the database opens");
        let look = match database.get_database_backend() {
            DbBackend::Postgres => "ANALYZE",
            DbBackend::MySql => "ANALYZE TABLE message, event, revision, reaction, read_cursor, message_search, room",
            _ => return Self { database },
        };
        database.execute_unprepared(look).await.expect("the rows are looked at");
        Self { database }
    }

    /// The steps that read the whole of a table that grows, or that put its rows in order.
    pub async fn scans(&self, statement: &str) -> Vec<String> {
        let explain = match self.database.get_database_backend() {
            DbBackend::Sqlite => "EXPLAIN QUERY PLAN",
            _ => "EXPLAIN",
        };
        let sql = format!("{explain} {}", with_values(statement));
        let raw = sea_orm::Statement::from_string(self.database.get_database_backend(), sql.clone());
        let rows = self.database.query_all_raw(raw).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        assert!(!rows.is_empty(), "{sql} has no plan");
        let text = |row: &sea_orm::QueryResult, column: &str| -> String {
            row.try_get::<Option<String>>("", column).expect("a column of the plan").unwrap_or_default()
        };
        // Of what has some words the newest can be sought only among all that has them; of what is named one by one
        // there is no more than that.
        let may_sort = ["@@", "AGAINST", "id\" IN (", "id` IN ("].iter().any(|part| statement.contains(part));
        let is_scan = |step: &String| match self.database.get_database_backend() {
            DbBackend::Sqlite => {
                let scans = |table| step.split(" USING").next() == Some(&format!("SCAN {table}"));
                GROWING.iter().any(scans) || (step.contains("TEMP B-TREE") && !may_sort)
            }
            DbBackend::Postgres => {
                let sorts = step.trim_start().starts_with("Sort Key: ") && !step.contains("room.name");
                let scans = |table| step.contains(&format!("Seq Scan on {table} "));
                GROWING.iter().any(scans) || (sorts && !may_sort)
            }
            _ => {
                let begins = |rest: &str| GROWING.iter().any(|table| step.starts_with(&format!("{table} {rest}")));
                let sorts = step.contains("filesort") && !may_sort;
                begins("ALL ") || begins("index ") || (begins("") && sorts)
            }
        };
        let steps = rows.iter().map(|row| match self.database.get_database_backend() {
            DbBackend::Sqlite => text(row, "detail"),
            DbBackend::Postgres => text(row, "QUERY PLAN"),
            _ => ["table", "type", "key", "Extra"].map(|column| text(row, column)).join(" "),
        });
        steps.filter(is_scan).collect()
    }
}

/// The statement with values in its places, as they would be in the midst of a long room: what is compared tells
/// which.
fn with_values(statement: &str) -> String {
    let mut sql = String::new();
    let mut rest = statement;
    let mut number = 0;
    while let Some(at) = rest.find(['?', '$']) {
        sql.push_str(&rest[..at]);
        let digits = rest[at + 1..].find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len() - at - 1);
        number += 1;
        sql.push_str(&value_for(&sql, number));
        rest = &rest[at + 1 + digits..];
    }
    sql + rest
}

/// The value for the place of this number, by what stands before it. Places that ask for messages ask for different
/// ones.
fn value_for(before: &str, number: usize) -> String {
    let is_value = |word: &str| word.is_empty() || word.starts_with(|c: char| c == '\'' || c.is_ascii_digit());
    let is_operator = |word: &str| matches!(word, "=" | "<" | "<=" | ">" | ">=" | "<>" | "@@" | "IN");
    let words = || before.split_whitespace().rev();
    let named = words().map(|word| word.trim_matches(|c: char| "(),\"`".contains(c)));
    let mut named = named.map(|word| word.rsplit(['.', '"', '`']).next().unwrap_or_default());
    let column = named.find(|word| !is_value(word) && !is_operator(word)).unwrap_or_default();
    let is_upper_bound = words().next() == Some("<=");
    match column {
        "LIMIT" => "51".to_owned(),
        "THEN" | "OFFSET" | "room_id" | "account_id" | "one" | "other" => "1".to_owned(),
        "id" | "message_id" | "last_read_id" | "reply_to" | "head" | "rowid" if is_upper_bound => "15000".to_owned(),
        "id" | "message_id" | "last_read_id" | "reply_to" | "head" | "rowid" => (5_000 + number).to_string(),
        time if time.ends_with("_at") || time.ends_with("_until") => "1".to_owned(),
        "data" => "'{}'".to_owned(),
        flag if flag.starts_with("is_") => "TRUE".to_owned(),
        "kind" => "'message_edited'".to_owned(),
        _ => "'x'".to_owned(),
    }
}

/// Of the statements that differ only in the number of their values the shortest and the longest.
pub fn distinct(statements: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut shapes: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for statement in statements {
        let seen = shapes.entry(shape(&statement)).or_default();
        seen.push(statement);
        seen.sort_unstable_by_key(String::len);
        seen.dedup();
        if seen.len() > 2 {
            seen.remove(1);
        }
    }
    shapes.into_values().flatten().collect()
}

/// A statement with one value in each list and with no alternative that another one is equal to.
fn shape(statement: &str) -> String {
    let no_numbers: String = statement.chars().filter(|c| !c.is_ascii_digit()).collect();
    let shape = no_numbers.replace("?, ", "").replace("$, ", "").replace("(?)", "?").replace("($)", "$");
    let mut alternatives: Vec<_> = shape.split(" OR ").collect();
    // The first and the last have the rest of the statement with them.
    if alternatives.len() > 3 {
        let (first, last) = (alternatives[0], alternatives[alternatives.len() - 1]);
        alternatives = vec![first, alternatives[1], last];
    }
    alternatives.join(" OR ")
}
