//! API keys: made, deleted, and read with the user whom they sign in.

use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, Set};

use super::{Basis, IdentityError, IdentityWriter, hex, raise, taken};
use crate::{
    domain::{
        api_key::KeyView,
        bounds::{MOST_KEYS, TooMany},
        name::Username,
        rights::Rights,
        room_scope::RoomScope,
        timestamp::Timestamp,
    },
    store::{audit::ByAdmin, entity::api_key},
};

/// An API key, without the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredKey {
    /// Its key in the database.
    pub id: i64,
    /// The user that it signs in.
    pub account_id: i64,
    /// The name that its owner gave it.
    pub name: String,
    /// The rooms that it is narrowed to, as JSON.
    pub rooms: Option<String>,
    /// The rights that it is narrowed to, with commas between.
    pub can: Option<String>,
    /// The time it was made.
    pub created_at: Timestamp,
    /// The time from which on it is refused.
    pub expires_at: Option<Timestamp>,
    /// The time it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
}

/// A key to be made.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// SHA-256 of the key.
    pub hash: [u8; 32],
    /// The user that it signs in.
    pub account_id: i64,
    /// The name that its owner gives it.
    pub name: String,
    /// The rooms that it is narrowed to, as JSON.
    pub rooms: Option<String>,
    /// The rights that it is narrowed to, with commas between.
    pub can: Option<String>,
    /// The time from which on it is refused.
    pub expires_at: Option<Timestamp>,
}

impl IdentityWriter {
    /// Makes an API key; if an admin makes it for a bot, it is noted in the audit.
    ///
    /// # Errors
    /// [`IdentityError::TooMany`] if the user has as many as there may be. Those whose time is over make room.
    pub async fn make_key(
        &self,
        key: NewKey,
        basis: Basis<'_>,
        by: Option<ByAdmin<'_>>,
        now: Timestamp,
    ) -> Result<StoredKey, IdentityError> {
        self.write_on_basis(basis, async |tx| {
            let of_user = || api_key::Column::AccountId.eq(key.account_id);
            if api_key::Entity::find().filter(of_user()).count(tx).await? >= MOST_KEYS {
                let over = api_key::Column::ExpiresAt.lte(now.micros());
                let deleted = api_key::Entity::delete_many().filter(of_user()).filter(over).exec(tx).await?;
                if deleted.rows_affected == 0 {
                    return Err(TooMany::Keys.into());
                }
            }
            if let Some(by) = by {
                by.note(tx, "make_key").await?;
            }
            let row = api_key::ActiveModel {
                hash: Set(hex(&key.hash)),
                account_id: Set(key.account_id),
                name: Set(key.name.clone()),
                rooms: Set(key.rooms.clone()),
                can: Set(key.can.clone()),
                created_at: Set(now.micros()),
                expires_at: Set(key.expires_at.map(Timestamp::micros)),
                last_used_at: Set(None),
                ..Default::default()
            };
            Ok(row.insert(tx).await.map_err(taken)?.into())
        })
        .await
    }

    /// Deletes a key of a user; if an admin deletes it of a bot, it is noted in the audit.
    ///
    /// # Errors
    /// [`IdentityError::Unknown`] if the user has no such key.
    pub async fn delete_key(&self, account_id: i64, id: i64, by: Option<ByAdmin<'_>>) -> Result<(), IdentityError> {
        self.write(async |tx| {
            raise(tx).await?;
            let deleted = api_key::Entity::delete_many()
                .filter(api_key::Column::Id.eq(id))
                .filter(api_key::Column::AccountId.eq(account_id))
                .exec(tx)
                .await?;
            if deleted.rows_affected == 0 {
                return Err(IdentityError::Unknown);
            }
            if let Some(by) = by {
                by.note(tx, "delete_key").await?;
            }
            Ok(())
        })
        .await
    }
}

impl StoredKey {
    /// The key as it is shown, of the user that it signs in. A narrowing that can't be read lets nothing in.
    #[must_use]
    pub fn shown(&self, username: &Username) -> KeyView {
        let rooms = |json: &String| serde_json::from_str(json).unwrap_or_else(|_| RoomScope::none());
        let can =
            |words: &String| Rights::parse(words.split(',').filter(|word| !word.is_empty())).unwrap_or(Rights::NONE);
        KeyView {
            id: self.id,
            username: username.clone(),
            name: self.name.clone(),
            rooms: self.rooms.as_ref().map(rooms),
            can: self.can.as_ref().map(can),
            created_at: self.created_at,
            expires_at: self.expires_at,
            last_used_at: self.last_used_at,
        }
    }
}

impl From<api_key::Model> for StoredKey {
    fn from(row: api_key::Model) -> Self {
        Self {
            id: row.id,
            account_id: row.account_id,
            name: row.name,
            rooms: row.rooms,
            can: row.can,
            created_at: Timestamp::from_micros(row.created_at),
            expires_at: row.expires_at.map(Timestamp::from_micros),
            last_used_at: row.last_used_at.map(Timestamp::from_micros),
        }
    }
}
