//! Rooms as the database finds them.

use migration::{Migrator, MigratorTrait};
use sea_orm::{ConnectionTrait, Database, DbBackend, QueryTrait, Statement};

use super::*;

#[tokio::test]
async fn a_list_looks_at_one_message_of_each_room_and_scans_none() {
    let database = Database::connect("sqlite::memory:").await.unwrap();
    Migrator::up(&database, None).await.unwrap();
    let query = listed().order_by_asc(room::Column::Name).limit(50).build(DbBackend::Sqlite);
    let explain = Statement::from_sql_and_values(
        DbBackend::Sqlite,
        format!("EXPLAIN QUERY PLAN {}", query.sql),
        query.values.unwrap(),
    );
    let plan: Vec<String> =
        database.query_all_raw(explain).await.unwrap().iter().map(|row| row.try_get("", "detail").unwrap()).collect();
    let of_messages: Vec<_> = plan.iter().filter(|step| step.contains("message")).collect();
    assert!(
        matches!(of_messages[..], [step] if step.starts_with("SEARCH message USING INDEX") && step.ends_with("(room_id=?)")),
        "{plan:?}"
    );
    assert!(!plan.iter().any(|step| step.contains("TEMP B-TREE")), "nothing is sorted: {plan:?}");
    database.close().await.unwrap();
}
