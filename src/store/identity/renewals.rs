//! Renewals in the database: the credential by which a stream goes on, told to whichever node has the stream.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, Set, sea_query::OnConflict};

use super::{IdentityError, IdentityWriter};
use crate::{
    domain::timestamp::Timestamp,
    store::{Store, entity::renewal, error::StoreError},
};

impl Store {
    /// The credentials, as JSON, by which these streams go on, with the stream; at most some hundred are asked for.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn renewals(&self, streams: &[&str]) -> Result<Vec<(String, String)>, StoreError> {
        let rows = renewal::Entity::find().filter(renewal::Column::Stream.is_in(streams.iter().copied()));
        let rows = rows.all(&self.readers).await?;
        Ok(rows.into_iter().map(|row| (row.stream, row.credential)).collect())
    }
}

impl IdentityWriter {
    /// Has a stream go on by a credential, as JSON, if it is looked for before `until`. The last one counts. Those that
    /// nobody looks for any more are removed.
    ///
    /// # Errors
    /// [`IdentityError::Store`].
    pub async fn renew(
        &self,
        stream: &str,
        credential: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<(), IdentityError> {
        self.write(async |tx| {
            let over = renewal::Column::ExpiresAt.lte(now.micros());
            renewal::Entity::delete_many().filter(over).exec(tx).await?;
            let row = renewal::ActiveModel {
                stream: Set(stream.to_owned()),
                credential: Set(credential.to_owned()),
                expires_at: Set(until.micros()),
            };
            let columns = [renewal::Column::Credential, renewal::Column::ExpiresAt];
            let last = OnConflict::column(renewal::Column::Stream).update_columns(columns).to_owned();
            renewal::Entity::insert(row).on_conflict(last).exec_without_returning(tx).await?;
            Ok(())
        })
        .await
    }
}
