//! Changing users as an admin: what is taken or given back, and the entry of the audit with it.

use sea_orm::{ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter, Set};

use super::{Basis, IdentityError, IdentityWriter, end_sessions, raise};
use crate::{
    domain::{
        name::{UserKey, Username},
        timestamp::Timestamp,
        user::{Origin, User, UserChange},
    },
    store::{Store, audit::ByAdmin, entity::account, error::StoreError},
};

impl IdentityWriter {
    /// Changes a user in somebody's name. What is so already is no change, and is not noted.
    ///
    /// # Errors
    /// [`IdentityError::Unknown`] if there is no such user; [`IdentityError::LastAdmin`] if nobody would be left who can
    /// undo it.
    pub async fn change_user(
        &self,
        by: &Username,
        user: &UserKey,
        change: UserChange,
        basis: Basis<'_>,
        at: Timestamp,
    ) -> Result<User, IdentityError> {
        self.write_on_basis(basis, async |tx| {
            raise(tx).await?;
            let row = account::Entity::find().filter(account::Column::UserKey.eq(user.as_str())).one(tx).await?;
            let row = row.filter(|row| row.origin != Origin::Deleted.word()).ok_or(IdentityError::Unknown)?;
            let disabled = change.disabled.filter(|disabled| *disabled != row.disabled_at.is_some());
            if disabled == Some(true) && row.is_admin && !has_other_admin(tx, row.id).await? {
                return Err(IdentityError::LastAdmin);
            }
            let acts = [
                disabled.map(|disabled| if disabled { "disable_user" } else { "enable_user" }),
                change.sign_out.then_some("sign_out_user"),
            ];
            let acts: Vec<_> = acts.into_iter().flatten().collect();
            if acts.is_empty() {
                return Ok(row.into());
            }
            let to = Username::stored(&row.username);
            for act in acts {
                ByAdmin { by, to: Some(&to), at }.note(tx, act).await?;
            }
            let mut row = row.into_active_model();
            if let Some(disabled) = disabled {
                row.disabled_at = Set(disabled.then_some(at.micros()));
            }
            if change.sign_out {
                end_sessions(tx, *row.id.as_ref(), None).await?;
                row.signed_out_at = Set(Some(at.micros()));
            }
            Ok(row.update(tx).await?.into())
        })
        .await
    }
}

impl Store {
    /// Returns true if somebody is the last admin who is not disabled.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn is_last_admin(&self, user: &User) -> Result<bool, StoreError> {
        Ok(user.is_admin && !has_other_admin(&self.readers, user.id).await?)
    }
}

/// Returns true if there is an admin besides somebody who is not disabled.
pub(super) async fn has_other_admin(db: &impl ConnectionTrait, id: i64) -> Result<bool, DbErr> {
    let other = account::Entity::find()
        .filter(account::Column::IsAdmin.eq(true))
        .filter(account::Column::DisabledAt.is_null())
        .filter(account::Column::Id.ne(id));
    Ok(other.one(db).await?.is_some())
}
