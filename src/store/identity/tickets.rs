//! Tickets in the database: made by one request, and taken by another, once.

use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, Set};

use super::{IdentityError, IdentityWriter, hex};
use crate::{
    domain::{
        bounds::{MOST_TICKETS, TooMany},
        name::UserKey,
        timestamp::Timestamp,
    },
    store::{Store, entity::ticket, error::StoreError},
};

/// A ticket, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredTicket {
    /// The credential of whoever made it, as JSON.
    pub credential: String,
    /// The transport that it opens.
    pub transport: String,
    /// The rooms that it opens, as JSON.
    pub rooms: String,
    /// The time from which on it is refused.
    pub expires_at: Timestamp,
}

impl Store {
    /// The ticket with that hash, if it was not taken.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn ticket(&self, hash: &[u8; 32]) -> Result<Option<StoredTicket>, StoreError> {
        let row = ticket::Entity::find_by_id(hex(hash)).one(&self.readers).await?;
        Ok(row.map(|row| StoredTicket {
            credential: row.credential,
            transport: row.transport,
            rooms: row.rooms,
            expires_at: Timestamp::from_micros(row.expires_at),
        }))
    }
}

impl IdentityWriter {
    /// Makes a ticket, and removes those whose time is over.
    ///
    /// # Errors
    /// [`IdentityError::TooMany`] if the user has as many as there may be that are good.
    pub async fn make_ticket(
        &self,
        hash: &[u8; 32],
        user: &UserKey,
        made: &StoredTicket,
        now: Timestamp,
    ) -> Result<(), IdentityError> {
        self.write(async |tx| {
            let over = ticket::Column::ExpiresAt.lte(now.micros());
            ticket::Entity::delete_many().filter(over).exec(tx).await?;
            let of_user = ticket::Column::UserKey.eq(user.as_str());
            if ticket::Entity::find().filter(of_user).count(tx).await? >= MOST_TICKETS {
                return Err(TooMany::Tickets.into());
            }
            let row = ticket::ActiveModel {
                hash: Set(hex(hash)),
                user_key: Set(user.as_str().to_owned()),
                credential: Set(made.credential.clone()),
                transport: Set(made.transport.clone()),
                rooms: Set(made.rooms.clone()),
                expires_at: Set(made.expires_at.micros()),
            };
            ticket::Entity::insert(row).exec_without_returning(tx).await?;
            Ok(())
        })
        .await
    }

    /// Takes a ticket. Of all who try, on whichever node, one gets true.
    ///
    /// # Errors
    /// [`IdentityError::Store`].
    pub async fn take_ticket(&self, hash: &[u8; 32]) -> Result<bool, IdentityError> {
        self.write(async |tx| {
            let taken = ticket::Entity::delete_by_id(hex(hash)).exec(tx).await?;
            Ok(taken.rows_affected == 1)
        })
        .await
    }
}
