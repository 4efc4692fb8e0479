//! Sessions: the browsers that are signed in, each by a cookie of which the hash is kept.

use std::collections::HashMap;

use sea_orm::{ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set};

use super::{Basis, IdentityError, IdentityWriter, hex, raise};
use crate::{
    domain::{account::SESSION_IDLE, bounds::MOST_SESSIONS, timestamp::Timestamp, user::User},
    store::{
        Store,
        entity::{invitation, password_reset, session},
        error::StoreError,
    },
};

/// A session, without its cookie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSession {
    /// Its key in the database.
    pub id: i64,
    /// The user who is signed in.
    pub account_id: i64,
    /// The rooms that it is narrowed to, as JSON.
    pub rooms: Option<String>,
    /// The rights that it is narrowed to, with commas between.
    pub can: Option<String>,
    /// The time it was made.
    pub created_at: Timestamp,
    /// The time it was last used, to the minute.
    pub last_used_at: Timestamp,
    /// The time from which on it is refused, if it was made by a token that ends.
    pub expires_at: Option<Timestamp>,
    /// The browser that it was made by, as that calls itself.
    pub agent: Option<String>,
    /// The address that it was made from.
    pub address: String,
}

impl StoredSession {
    /// Returns true if it was not used for so long that it has ended.
    #[must_use]
    pub fn is_idle(&self, now: Timestamp) -> bool {
        now >= self.last_used_at.after(SESSION_IDLE)
    }
}

/// A session to be made.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// SHA-256 of the cookie.
    pub hash: [u8; 32],
    /// The rooms that it is narrowed to, as JSON.
    pub rooms: Option<String>,
    /// The rights that it is narrowed to, with commas between.
    pub can: Option<String>,
    /// The time from which on it is refused.
    pub expires_at: Option<Timestamp>,
    /// The browser, as it calls itself.
    pub agent: Option<String>,
    /// The address that it is made from.
    pub address: String,
    /// The session that ends by it, of whomever, by its key in the database.
    pub replaces: Option<i64>,
}

impl IdentityWriter {
    /// Signs a user in.
    ///
    /// # Errors
    /// [`IdentityError::Stale`] if what was checked does not hold any more.
    pub async fn make_session(
        &self,
        account_id: i64,
        session: &NewSession,
        basis: Basis<'_>,
        now: Timestamp,
    ) -> Result<StoredSession, IdentityError> {
        self.write_on_basis(basis, async |tx| insert_session(tx, account_id, session, now).await).await
    }

    /// Ends a session of a user.
    ///
    /// # Errors
    /// [`IdentityError::Unknown`] if the user has no such session.
    pub async fn end_session(&self, account_id: i64, id: i64) -> Result<(), IdentityError> {
        self.write(async |tx| {
            raise(tx).await?;
            let deleted = session::Entity::delete_many()
                .filter(session::Column::Id.eq(id))
                .filter(session::Column::AccountId.eq(account_id))
                .exec(tx)
                .await?;
            if deleted.rows_affected == 0 { Err(IdentityError::Unknown) } else { Ok(()) }
        })
        .await
    }

    /// Deletes what is over: sessions that nobody has used since a time or whose own time is over, invitations, and
    /// resets of passwords. Returns the number of sessions.
    ///
    /// # Errors
    /// [`IdentityError`].
    pub async fn delete_ended(&self, unused_since: Timestamp, now: Timestamp) -> Result<u64, IdentityError> {
        self.write(async |tx| {
            let (unused_since, now) = (unused_since.micros(), now.micros());
            // Two statements, each with an index of its own.
            let unused = session::Entity::delete_many().filter(session::Column::LastUsedAt.lte(unused_since));
            let ended = session::Entity::delete_many().filter(session::Column::ExpiresAt.lte(now));
            let deleted = unused.exec(tx).await?.rows_affected + ended.exec(tx).await?.rows_affected;
            if deleted > 0 {
                raise(tx).await?;
            }
            invitation::Entity::delete_many().filter(invitation::Column::ExpiresAt.lte(now)).exec(tx).await?;
            password_reset::Entity::delete_many().filter(password_reset::Column::ExpiresAt.lte(now)).exec(tx).await?;
            Ok(deleted)
        })
        .await
    }
}

/// Writes a session, and ends the one that it replaces.
pub(super) async fn insert_session(
    tx: &impl ConnectionTrait,
    account_id: i64,
    new: &NewSession,
    now: Timestamp,
) -> Result<StoredSession, IdentityError> {
    if let Some(before) = new.replaces {
        raise(tx).await?;
        session::Entity::delete_by_id(before).exec(tx).await?;
    }
    end_unused(tx, account_id).await?;
    let row = session::ActiveModel {
        hash: Set(hex(&new.hash)),
        account_id: Set(account_id),
        rooms: Set(new.rooms.clone()),
        can: Set(new.can.clone()),
        created_at: Set(now.micros()),
        last_used_at: Set(now.micros()),
        expires_at: Set(new.expires_at.map(Timestamp::micros)),
        agent: Set(new.agent.clone()),
        address: Set(new.address.clone()),
        ..Default::default()
    };
    Ok(row.insert(tx).await?.into())
}

/// Makes room for one more session of a user.
async fn end_unused(tx: &impl ConnectionTrait, account_id: i64) -> Result<(), IdentityError> {
    let of_user = session::Entity::find().filter(session::Column::AccountId.eq(account_id));
    let sessions = of_user.order_by_asc(session::Column::Id).limit(MOST_SESSIONS).all(tx).await?;
    let unused = sessions.iter().min_by_key(|session| (session.last_used_at, session.id));
    if let Some(unused) = unused.filter(|_| sessions.len() as u64 >= MOST_SESSIONS) {
        raise(tx).await?;
        session::Entity::delete_by_id(unused.id).exec(tx).await?;
    }
    Ok(())
}

/// Ends the sessions of a user, except for one.
pub(super) async fn end_sessions(
    tx: &impl ConnectionTrait,
    account_id: i64,
    except: Option<i64>,
) -> Result<(), IdentityError> {
    let mut ended = session::Entity::delete_many().filter(session::Column::AccountId.eq(account_id));
    if let Some(kept) = except {
        ended = ended.filter(session::Column::Id.ne(kept));
    }
    ended.exec(tx).await?;
    Ok(())
}

impl Store {
    /// The session with that hash, and its user.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn session_by_hash(&self, hash: &[u8; 32]) -> Result<Option<(StoredSession, User)>, StoreError> {
        let row = session::Entity::find().filter(session::Column::Hash.eq(hex(hash))).one(&self.readers).await?;
        let Some(row) = row else { return Ok(None) };
        let user = self.user_by_id(row.account_id).await?;
        Ok(user.map(|user| (row.into(), user)))
    }

    /// Those of these sessions that are there, by their keys in the database.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sessions_by_id(&self, ids: &[i64]) -> Result<HashMap<i64, StoredSession>, StoreError> {
        let rows = session::Entity::find().filter(session::Column::Id.is_in(ids.iter().copied()));
        let rows = rows.all(&self.readers).await?;
        Ok(rows.into_iter().map(|row| (row.id, row.into())).collect())
    }

    /// At most so many sessions of a user, newest first, before one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sessions_of(
        &self,
        account_id: i64,
        before: Option<i64>,
        limit: u64,
    ) -> Result<Vec<StoredSession>, StoreError> {
        let rows = session::Entity::find()
            .filter(session::Column::AccountId.eq(account_id))
            .filter(session::Column::Id.lt(before.unwrap_or(i64::MAX)))
            .order_by_desc(session::Column::Id)
            .limit(limit);
        Ok(rows.all(&self.readers).await?.into_iter().map(StoredSession::from).collect())
    }
}

impl From<session::Model> for StoredSession {
    fn from(row: session::Model) -> Self {
        Self {
            id: row.id,
            account_id: row.account_id,
            rooms: row.rooms,
            can: row.can,
            created_at: Timestamp::from_micros(row.created_at),
            last_used_at: Timestamp::from_micros(row.last_used_at),
            expires_at: row.expires_at.map(Timestamp::from_micros),
            agent: row.agent,
            address: row.address,
        }
    }
}
