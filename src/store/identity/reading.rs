//! Reading users, keys and the version of everybody's rights.

use std::collections::HashMap;

use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};

use super::{StoredKey, hex};
use crate::{
    domain::{name::UserKey, user::User},
    store::{
        Store,
        entity::{account, api_key, auth_version},
        error::StoreError,
    },
};

impl Store {
    /// The user of that name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn user(&self, key: &UserKey) -> Result<Option<User>, StoreError> {
        let row = account::Entity::find().filter(account::Column::UserKey.eq(key.as_str()));
        Ok(row.one(&self.readers).await?.map(User::from))
    }

    /// The user with that `sub` in the tokens of another system.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn user_of_subject(&self, subject: &str) -> Result<Option<User>, StoreError> {
        let row = account::Entity::find().filter(account::Column::Subject.eq(subject));
        Ok(row.one(&self.readers).await?.map(User::from))
    }

    /// At most `limit` users by name, after `after`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn users(&self, after: Option<&UserKey>, limit: u64) -> Result<Vec<User>, StoreError> {
        let mut rows = account::Entity::find().order_by_asc(account::Column::UserKey).limit(limit);
        if let Some(after) = after {
            rows = rows.filter(account::Column::UserKey.gt(after.as_str()));
        }
        Ok(rows.all(&self.readers).await?.into_iter().map(User::from).collect())
    }

    /// Returns true if there is a user.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn has_users(&self) -> Result<bool, StoreError> {
        // Bounded, so that every database begins at the end of the key.
        let first = account::Entity::find().filter(account::Column::Id.gt(0)).order_by_asc(account::Column::Id);
        Ok(first.one(&self.readers).await?.is_some())
    }

    /// Returns true if there is an admin.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn has_admins(&self) -> Result<bool, StoreError> {
        let admins = account::Entity::find().filter(account::Column::IsAdmin.eq(true));
        Ok(admins.filter(account::Column::DisabledAt.is_null()).one(&self.readers).await?.is_some())
    }

    /// Returns true if there is an API key.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn has_keys(&self) -> Result<bool, StoreError> {
        let first = api_key::Entity::find().filter(api_key::Column::Id.gt(0)).order_by_asc(api_key::Column::Id);
        Ok(first.one(&self.readers).await?.is_some())
    }

    /// The key with that hash, and its user.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn key_by_hash(&self, hash: &[u8; 32]) -> Result<Option<(StoredKey, User)>, StoreError> {
        self.key(api_key::Entity::find().filter(api_key::Column::Hash.eq(hex(hash)))).await
    }

    /// The key with that key in the database, and its user.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn key_by_id(&self, id: i64) -> Result<Option<(StoredKey, User)>, StoreError> {
        self.key(api_key::Entity::find_by_id(id)).await
    }

    async fn key(&self, key: Select<api_key::Entity>) -> Result<Option<(StoredKey, User)>, StoreError> {
        let Some(key) = key.one(&self.readers).await? else { return Ok(None) };
        let user = self.user_by_id(key.account_id).await?;
        Ok(user.map(|user| (key.into(), user)))
    }

    /// The user with that key in the database.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn user_by_id(&self, id: i64) -> Result<Option<User>, StoreError> {
        Ok(account::Entity::find_by_id(id).one(&self.readers).await?.map(User::from))
    }

    /// Those of these keys that are there, by their keys in the database.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn keys_by_id(&self, ids: &[i64]) -> Result<HashMap<i64, StoredKey>, StoreError> {
        let rows = api_key::Entity::find().filter(api_key::Column::Id.is_in(ids.iter().copied()));
        let rows = rows.all(&self.readers).await?;
        Ok(rows.into_iter().map(|row| (row.id, row.into())).collect())
    }

    /// Those of these users that are there, by their keys in the database.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn users_by_id(&self, ids: &[i64]) -> Result<HashMap<i64, User>, StoreError> {
        let rows = account::Entity::find().filter(account::Column::Id.is_in(ids.iter().copied()));
        let rows = rows.all(&self.readers).await?;
        Ok(rows.into_iter().map(|row| (row.id, row.into())).collect())
    }

    /// At most `limit` keys of a user, oldest first, after `after`; all, if absent.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn keys_of(
        &self,
        account_id: i64,
        after: Option<i64>,
        limit: Option<u64>,
    ) -> Result<Vec<StoredKey>, StoreError> {
        let mut keys = api_key::Entity::find().filter(api_key::Column::AccountId.eq(account_id)).limit(limit);
        if let Some(after) = after {
            keys = keys.filter(api_key::Column::Id.gt(after));
        }
        let keys = keys.order_by_asc(api_key::Column::Id).all(&self.readers).await?;
        Ok(keys.into_iter().map(StoredKey::from).collect())
    }

    /// The version of everybody's rights: raised with every loss of one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn auth_version(&self) -> Result<i64, StoreError> {
        let row = auth_version::Entity::find_by_id(auth_version::ROW).one(&self.readers).await?;
        Ok(row.ok_or_else(|| DbErr::RecordNotFound("auth_version".into()))?.version)
    }
}
