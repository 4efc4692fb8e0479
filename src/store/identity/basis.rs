//! The basis of a change: what was checked before it, and has to hold still when it is written. Otherwise a right, or a
//! password, that is taken away meanwhile would live on in what was made by it.

use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect as _};

use super::{IdentityError, IdentityWriter};
use crate::store::{
    deadline::Timed,
    entity::{account, auth_version, password, session},
};

/// The basis of a change.
#[derive(Debug, Clone, Copy)]
pub enum Basis<'a> {
    /// Whoever runs the server.
    Operator,
    /// The rights of a credential, as they were at this version of everybody's.
    Rights(i64),
    /// A password that was typed.
    Password {
        /// The user's key in the database.
        user: i64,
        /// The hash that it was compared with.
        hash: &'a str,
        /// The session in which it was typed, by its key in the database, if it was in one.
        session: Option<i64>,
    },
}

impl Basis<'_> {
    /// Checks that it holds, and keeps it so until the transaction ends: whoever takes something away has to wait. First
    /// in its transaction, as raising the version is.
    async fn check(self, tx: &Timed<DatabaseTransaction>) -> Result<(), IdentityError> {
        if matches!(self, Self::Operator) {
            return Ok(());
        }
        let version = auth_version::Entity::find_by_id(auth_version::ROW).lock_exclusive().one(tx).await?;
        let holds = match self {
            Self::Operator => true,
            Self::Rights(at) => version.is_some_and(|row| row.version == at),
            Self::Password { user, hash, session } => {
                let hashes = password::Entity::find_by_id(user).filter(password::Column::Hash.eq(hash));
                let enabled = account::Entity::find_by_id(user).filter(account::Column::DisabledAt.is_null());
                let is_open = match session {
                    Some(id) => session::Entity::find_by_id(id).one(tx).await?.is_some(),
                    None => true,
                };
                is_open && hashes.one(tx).await?.is_some() && enabled.one(tx).await?.is_some()
            }
        };
        if holds { Ok(()) } else { Err(IdentityError::Stale) }
    }
}

impl IdentityWriter {
    /// One transaction, as [`IdentityWriter::write`] has it, if its basis holds.
    pub(super) async fn write_on_basis<T>(
        &self,
        basis: Basis<'_>,
        work: impl AsyncFnOnce(&Timed<DatabaseTransaction>) -> Result<T, IdentityError>,
    ) -> Result<T, IdentityError> {
        self.write(async |tx| {
            basis.check(tx).await?;
            work(tx).await
        })
        .await
    }
}
