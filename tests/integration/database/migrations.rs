//! A database that an older version made, brought up to this one's tables.

use migration::{Migrator, MigratorTrait as _};
use sea_orm::{ConnectionTrait as _, Database, DatabaseConnection, Statement};

use crate::support::{database::TestDatabase, server::parlor};

async fn numbers(db: &DatabaseConnection, sql: &str) -> Vec<(i64, i64)> {
    let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await.expect("an answer");
    let number = |row: &sea_orm::QueryResult, at| row.try_get_by_index(at).expect("a number");
    rows.iter().map(|row| (number(row, 0), number(row, 1))).collect()
}

/// Search had its cursors to itself; it goes on from them as one follower of several.
#[tokio::test]
async fn the_cursors_of_search_become_those_of_a_follower() {
    const BEFORE: u32 = 8;
    let dir = tempfile::tempdir().expect("a folder");
    let database = TestDatabase::fresh(dir.path()).await;
    let db = Database::connect(database.url()).await.expect("the database opens");
    Migrator::up(&db, Some(BEFORE)).await.expect("the older tables are made");
    db.execute_unprepared("INSERT INTO search_cursor (room_id, through) VALUES (1, 10), (2, 20)").await.expect("rows");

    let migrated = parlor(dir.path(), &["migrate", "--database-url", database.url()]);
    assert_eq!(migrated.status.code(), Some(0), "{}", String::from_utf8_lossy(&migrated.stderr));
    let moved = "SELECT room_id, through FROM follower_cursor WHERE follower = 'search' ORDER BY room_id";
    assert_eq!(numbers(&db, moved).await, [(1, 10), (2, 20)]);
    db.execute_unprepared("SELECT * FROM search_cursor").await.expect_err("the older table is gone");
    db.close().await.expect("the database closes");
}
