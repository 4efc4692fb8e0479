//! Invitations: each is good for one registration, and kept as a hash.

use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    Set,
};

use super::{Basis, IdentityError, IdentityWriter, hex};
use crate::{
    domain::{
        account::InvitationView,
        bounds::{MOST_INVITATIONS, TooMany},
        name::{UserKey, Username},
        timestamp::Timestamp,
    },
    store::{Store, audit::ByAdmin, entity::invitation, error::StoreError},
};

/// An invitation, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredInvitation {
    /// Its key in the database.
    pub id: i64,
    /// The name that it is for, if it is for one.
    pub username: Option<Username>,
    /// The time it was made.
    pub created_at: Timestamp,
    /// The time from which on it is good no longer.
    pub expires_at: Timestamp,
}

impl IdentityWriter {
    /// Makes an invitation, which is for whom the admin does it to, or for anybody.
    ///
    /// # Errors
    /// [`IdentityError::TooMany`] if there are as many as there may be that are good.
    pub async fn make_invitation(
        &self,
        hash: &[u8; 32],
        expires_at: Timestamp,
        basis: Basis<'_>,
        by: ByAdmin<'_>,
    ) -> Result<StoredInvitation, IdentityError> {
        self.write_on_basis(basis, async |tx| {
            let good = invitation::Entity::find().filter(invitation::Column::ExpiresAt.gt(by.at.micros()));
            if good.count(tx).await? >= MOST_INVITATIONS {
                return Err(TooMany::Invitations.into());
            }
            by.note(tx, "invite").await?;
            let row = invitation::ActiveModel {
                hash: Set(hex(hash)),
                username: Set(by.to.map(|name| name.as_str().to_owned())),
                created_at: Set(by.at.micros()),
                expires_at: Set(expires_at.micros()),
                ..Default::default()
            };
            Ok(row.insert(tx).await?.into())
        })
        .await
    }

    /// Deletes an invitation.
    ///
    /// # Errors
    /// [`IdentityError::Unknown`] if there is none, or it is spent.
    pub async fn delete_invitation(&self, id: i64, by: ByAdmin<'_>) -> Result<(), IdentityError> {
        self.write(async |tx| {
            let row = invitation::Entity::find_by_id(id).one(tx).await?.ok_or(IdentityError::Unknown)?;
            let deleted = invitation::Entity::delete_by_id(id).exec(tx).await?;
            if deleted.rows_affected == 0 {
                return Err(IdentityError::Unknown);
            }
            let to = StoredInvitation::from(row).username;
            Ok(ByAdmin { to: to.as_ref(), ..by }.note(tx, "delete_invitation").await?)
        })
        .await
    }
}

/// Spends an invitation for a user of that name. Returns true if it names the user.
pub(super) async fn spend(
    tx: &impl ConnectionTrait,
    hash: &[u8; 32],
    user: &UserKey,
    now: Timestamp,
) -> Result<bool, IdentityError> {
    let row = invitation::Entity::find().filter(invitation::Column::Hash.eq(hex(hash))).one(tx).await?;
    let row = StoredInvitation::from(row.ok_or(IdentityError::NotInvited)?);
    if row.is_over(now) || !row.is_for(user) {
        return Err(IdentityError::NotInvited);
    }
    // Of two who spend it at the same time one finds nothing to delete.
    let spent = invitation::Entity::delete_by_id(row.id).exec(tx).await?;
    if spent.rows_affected == 0 { Err(IdentityError::NotInvited) } else { Ok(row.username.is_some()) }
}

impl StoredInvitation {
    /// Returns true if its time is over.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        now >= self.expires_at
    }

    /// Returns true if it is for this user, or for anybody.
    #[must_use]
    pub fn is_for(&self, user: &UserKey) -> bool {
        self.username.as_ref().is_none_or(|name| name.key() == user)
    }
}

impl Store {
    /// The invitation with that hash.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn invitation_by_hash(&self, hash: &[u8; 32]) -> Result<Option<StoredInvitation>, StoreError> {
        let row = invitation::Entity::find().filter(invitation::Column::Hash.eq(hex(hash)));
        Ok(row.one(&self.readers).await?.map(StoredInvitation::from))
    }

    /// At most so many invitations that nobody has used, newest first, before one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn invitations(&self, before: Option<i64>, limit: u64) -> Result<Vec<StoredInvitation>, StoreError> {
        let rows = invitation::Entity::find()
            .filter(invitation::Column::Id.lt(before.unwrap_or(i64::MAX)))
            .order_by_desc(invitation::Column::Id)
            .limit(limit);
        Ok(rows.all(&self.readers).await?.into_iter().map(StoredInvitation::from).collect())
    }
}

impl From<StoredInvitation> for InvitationView {
    fn from(StoredInvitation { id, username, created_at, expires_at }: StoredInvitation) -> Self {
        Self { id, username, created_at, expires_at }
    }
}

impl From<invitation::Model> for StoredInvitation {
    fn from(row: invitation::Model) -> Self {
        Self {
            id: row.id,
            username: row.username.as_deref().map(Username::stored),
            created_at: Timestamp::from_micros(row.created_at),
            expires_at: Timestamp::from_micros(row.expires_at),
        }
    }
}
