//! Waiting for the index of search, which follows the log by itself.

use sea_orm::{ConnectionTrait as _, Database, Statement};

use super::{DEADLINE, Server, within};

/// Waits until the index has all that is in the log.
pub async fn indexed(server: &Server) {
    const BEHIND: &str = "SELECT COUNT(*) FROM room LEFT JOIN follower_cursor
        ON follower_cursor.follower = 'search' AND follower_cursor.room_id = room.id
        WHERE room.head > COALESCE(follower_cursor.through, 0)";
    let db = Database::connect(server.database_url()).await.expect("the database opens");
    let behind = async || {
        let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), BEHIND)).await;
        row.expect("an answer").expect("a row").try_get_by_index::<i64>(0).expect("a number")
    };
    within(DEADLINE, "all is indexed", async { while behind().await > 0 {} }).await;
    db.close().await.expect("the database closes");
}
