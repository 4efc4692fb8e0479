//! The last use of keys and sessions.

use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter,
    sea_query::{Expr, ExprTrait},
};

use super::{IdentityError, IdentityWriter};
use crate::{
    domain::timestamp::Timestamp,
    store::entity::{api_key, session},
};

/// A credential that was used, by its key in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Used {
    /// An API key.
    Key(i64),
    /// A session.
    Session(i64),
}

impl IdentityWriter {
    /// Notes when keys and sessions were last used, where no use is noted of so many microseconds before: another node
    /// may have noted one. Nobody loses a right by it.
    ///
    /// # Errors
    /// [`IdentityError::Store`].
    pub async fn note_uses(&self, uses: &[(Used, Timestamp)], interval: i64) -> Result<(), IdentityError> {
        self.write(async |tx| {
            for (used, at) in uses {
                let (at, long_ago) = (at.micros(), at.micros() - interval);
                match used {
                    Used::Key(id) => {
                        let last = api_key::Column::LastUsedAt;
                        let row = api_key::Entity::update_many().col_expr(last, Expr::value(at));
                        let is_long_ago = last.is_null().or(last.lte(long_ago));
                        row.filter(api_key::Column::Id.eq(*id)).filter(is_long_ago).exec(tx).await?;
                    }
                    Used::Session(id) => {
                        let last = session::Column::LastUsedAt;
                        let row = session::Entity::update_many().col_expr(last, Expr::value(at));
                        row.filter(session::Column::Id.eq(*id)).filter(last.lte(long_ago)).exec(tx).await?;
                    }
                }
            }
            Ok(())
        })
        .await
    }
}
