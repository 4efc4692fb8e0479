//! Names that were only claimed: at the first start with credentials, each name that was used becomes a user with which
//! nobody can sign in until it is handed over. To give it to the first who comes would give what it wrote away.

use sea_orm::{
    ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, Statement, TransactionTrait, sea_query::OnConflict,
};

use super::IdentityWriter;
use crate::{
    domain::{
        timestamp::Timestamp,
        user::{Origin, UserKind},
    },
    store::{
        Store,
        entity::{room, setting},
        error::StoreError,
        metadata,
    },
};

/// The one room that is always there.
const GENERAL: &str = "general";

impl Store {
    /// Returns true if names were made users of before.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn has_claimed_names(&self) -> Result<bool, StoreError> {
        let noted = setting::Entity::find_by_id(metadata::NAMES_CLAIMED).one(&self.readers).await?;
        Ok(noted.is_some())
    }
}

impl IdentityWriter {
    /// Makes a user of every name that somebody has posted, reacted or read under, and the room `general`, once for a
    /// database. Nobody is served meanwhile: it takes as long as it takes. Returns the number of users.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn claim_names(&self, now: Timestamp) -> Result<u64, StoreError> {
        let db = self.backend.connect_migrator().await?.into_inner();
        let tx = db.begin().await?;
        let claimed = claim(&tx, now).await?;
        tx.commit().await?;
        if let Err(error) = db.close().await {
            tracing::warn!(%error, "closing the connection that claimed names failed");
        }
        Ok(claimed)
    }
}

async fn claim(tx: &DatabaseTransaction, now: Timestamp) -> Result<u64, DbErr> {
    let used = ["message", "reaction", "read_cursor"].map(|table| format!("SELECT user_key, username FROM {table}"));
    let sql = format!(
        "INSERT INTO account (user_key, username, kind, origin, is_admin, created_at) \
         SELECT used.user_key, MIN(used.username), '{person}', '{claimed}', FALSE, {at} FROM ({used}) AS used \
         WHERE used.user_key <> '' AND NOT EXISTS (SELECT 1 FROM account WHERE account.user_key = used.user_key) \
         GROUP BY used.user_key",
        person = UserKind::Person.word(),
        claimed = Origin::Claimed.word(),
        at = now.micros(),
        used = used.join(" UNION "),
    );
    let claimed = tx.execute_raw(Statement::from_string(tx.get_database_backend(), sql)).await?.rows_affected();
    let kept = OnConflict::column(room::Column::Name).do_nothing_on([room::Column::Name]).to_owned();
    room::Entity::insert(room::new_row(GENERAL, now)).on_conflict(kept).exec_without_returning(tx).await?;
    metadata::set(tx, metadata::NAMES_CLAIMED, now.micros().to_string()).await?;
    Ok(claimed)
}
