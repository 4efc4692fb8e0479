//! Accounts that this server keeps: registration, passwords, and leaving.

use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect, Set,
    sea_query::{OnConflict, Query},
};

use super::{
    Basis, IdentityError, IdentityWriter, NewUser, hex, insert_user,
    invitations::spend,
    raise,
    sessions::{NewSession, StoredSession, end_sessions, insert_session},
    users::has_other_admin,
};
use crate::{
    domain::{
        timestamp::Timestamp,
        user::{Origin, User},
    },
    store::{
        Store,
        audit::ByAdmin,
        entity::{account, api_key, membership, name_skeleton, password, password_reset},
        error::StoreError,
    },
};

/// Somebody who registers.
#[derive(Debug)]
pub struct Registration {
    /// The user.
    pub user: NewUser,
    /// The password's hash, in the PHC format.
    pub password: String,
    /// SHA-256 of the invitation, if there is one. One that names the user hands a name over that was only claimed.
    pub invitation: Option<[u8; 32]>,
    /// The session that it signs in.
    pub session: NewSession,
}

impl IdentityWriter {
    /// Makes an account, spends its invitation, and signs the user in: all of it, or nothing.
    ///
    /// # Errors
    /// [`IdentityError::Taken`] if the name, or one that looks like it, is another's;
    /// [`IdentityError::NotInvited`] if the invitation is spent, over, or somebody else's.
    pub async fn register(&self, new: &Registration, now: Timestamp) -> Result<(User, StoredSession), IdentityError> {
        self.write(async |tx| {
            let is_named = match &new.invitation {
                Some(hash) => spend(tx, hash, new.user.username.key(), now).await?,
                None => false,
            };
            let claimed = account::Entity::find()
                .filter(account::Column::UserKey.eq(new.user.username.key().as_str()))
                .one(tx)
                .await?;
            let user = match claimed {
                None => insert_user(tx, &new.user, now).await?,
                Some(row) if is_named => hand_over(tx, row, &new.user).await?,
                Some(_) => return Err(IdentityError::Taken),
            };
            take_looks(tx, &user).await?;
            set_password(tx, user.id, &new.password, now).await?;
            let session = insert_session(tx, user.id, &new.session, now).await?;
            Ok((user, session))
        })
        .await
    }

    /// Keeps what the names of users look like, unless it is kept of others.
    ///
    /// # Errors
    /// [`IdentityError`].
    pub async fn keep_looks(&self, users: &[User]) -> Result<(), IdentityError> {
        self.write(async |tx| Ok(keep_looks(tx, users).await?)).await
    }

    /// Sets a password, and ends all sessions of the user except for one. A secret for a new one is good no longer.
    ///
    /// # Errors
    /// [`IdentityError`].
    pub async fn change_password(
        &self,
        account_id: i64,
        hash: &str,
        kept: Option<i64>,
        basis: Basis<'_>,
        now: Timestamp,
    ) -> Result<(), IdentityError> {
        self.write_on_basis(basis, async |tx| {
            raise(tx).await?;
            set_password(tx, account_id, hash, now).await?;
            password_reset::Entity::delete_by_id(account_id).exec(tx).await?;
            end_sessions(tx, account_id, kept).await
        })
        .await
    }

    /// Keeps the hash of a secret by which a user may set a new password; one from before is good no longer.
    ///
    /// # Errors
    /// [`IdentityError`].
    pub async fn keep_reset(
        &self,
        account_id: i64,
        secret: &[u8; 32],
        expires_at: Timestamp,
        basis: Basis<'_>,
        by: ByAdmin<'_>,
    ) -> Result<(), IdentityError> {
        self.write_on_basis(basis, async |tx| {
            by.note(tx, "offer_reset").await?;
            let row = password_reset::ActiveModel {
                account_id: Set(account_id),
                hash: Set(hex(secret)),
                expires_at: Set(expires_at.micros()),
            };
            let columns = [password_reset::Column::Hash, password_reset::Column::ExpiresAt];
            let replaced = OnConflict::column(password_reset::Column::AccountId).update_columns(columns).to_owned();
            password_reset::Entity::insert(row).on_conflict(replaced).exec_without_returning(tx).await?;
            Ok(())
        })
        .await
    }

    /// Sets a new password by such a secret, which is spent, ends all sessions, and signs the user in.
    ///
    /// # Errors
    /// [`IdentityError::Unknown`] if the secret is not the user's, or spent, or over.
    pub async fn reset_password(
        &self,
        account_id: i64,
        secret: &[u8; 32],
        hash: &str,
        session: &NewSession,
        now: Timestamp,
    ) -> Result<StoredSession, IdentityError> {
        self.write(async |tx| {
            raise(tx).await?;
            let spent = password_reset::Entity::delete_many()
                .filter(password_reset::Column::AccountId.eq(account_id))
                .filter(password_reset::Column::Hash.eq(hex(secret)))
                .filter(password_reset::Column::ExpiresAt.gt(now.micros()))
                .exec(tx)
                .await?;
            if spent.rows_affected == 0 {
                return Err(IdentityError::Unknown);
            }
            set_password(tx, account_id, hash, now).await?;
            end_sessions(tx, account_id, None).await?;
            insert_session(tx, account_id, session, now).await
        })
        .await
    }

    /// Deletes an account with all that signs it in. The row stays, so that its name is never given to anybody else.
    ///
    /// # Errors
    /// [`IdentityError::Unknown`] if there is no such user; [`IdentityError::LastAdmin`] if nobody would be left who can
    /// do what admins do.
    pub async fn delete_account(&self, account_id: i64, basis: Basis<'_>, now: Timestamp) -> Result<(), IdentityError> {
        self.write_on_basis(basis, async |tx| {
            raise(tx).await?;
            let row = account::Entity::find_by_id(account_id).one(tx).await?.ok_or(IdentityError::Unknown)?;
            // From now on the journal adds nobody of this name, and a batch that does so already is waited for.
            let left = membership::Entity::find()
                .filter(membership::Column::UserKey.eq(&*row.user_key))
                .filter(membership::Column::Role.is_not_null());
            if left.one(tx).await?.is_some() {
                return Err(IdentityError::Stale);
            }
            if row.is_admin && !has_other_admin(tx, row.id).await? {
                return Err(IdentityError::LastAdmin);
            }
            let mut row = row.into_active_model();
            row.origin = Set(Origin::Deleted.word().to_owned());
            row.subject = Set(None);
            row.is_admin = Set(false);
            row.disabled_at = Set(Some(now.micros()));
            row.update(tx).await?;
            password::Entity::delete_by_id(account_id).exec(tx).await?;
            password_reset::Entity::delete_by_id(account_id).exec(tx).await?;
            api_key::Entity::delete_many().filter(api_key::Column::AccountId.eq(account_id)).exec(tx).await?;
            end_sessions(tx, account_id, None).await
        })
        .await
    }
}

/// Gives a name that was only claimed to whom an invitation names.
async fn hand_over(tx: &impl ConnectionTrait, row: account::Model, to: &NewUser) -> Result<User, IdentityError> {
    // Of two at the same time one changes nothing.
    let handed = account::Entity::update_many()
        .set(account::ActiveModel {
            kind: Set(to.kind.word().to_owned()),
            origin: Set(to.origin.word().to_owned()),
            ..Default::default()
        })
        .filter(account::Column::Id.eq(row.id))
        .filter(account::Column::Origin.eq(Origin::Claimed.word()))
        .exec(tx)
        .await?;
    if handed.rows_affected == 0 {
        return Err(IdentityError::Taken);
    }
    Ok(User { kind: to.kind, origin: to.origin, ..row.into() })
}

/// Keeps what a user's name looks like: nobody else's may look like it.
pub(super) async fn take_looks(tx: &impl ConnectionTrait, user: &User) -> Result<(), IdentityError> {
    keep_looks(tx, std::slice::from_ref(user)).await?;
    let looks = user.username.looks();
    let kept = name_skeleton::Entity::find().filter(name_skeleton::Column::Hash.is_in(looks.iter().map(hex)));
    let is_own = |row: &name_skeleton::Model| row.account_id == user.id;
    if kept.all(tx).await?.iter().all(is_own) { Ok(()) } else { Err(IdentityError::Taken) }
}

/// Keeps what the names of users look like, unless it is kept of others.
pub(super) async fn keep_looks(tx: &impl ConnectionTrait, users: &[User]) -> Result<(), DbErr> {
    let row = |(id, hash): (i64, [u8; 32])| name_skeleton::ActiveModel { hash: Set(hex(&hash)), account_id: Set(id) };
    let looks = users.iter().flat_map(|user| user.username.looks().into_iter().map(|hash| (user.id, hash)));
    let column = name_skeleton::Column::Hash;
    let kept = OnConflict::column(column).do_nothing_on([column]).to_owned();
    name_skeleton::Entity::insert_many(looks.map(row)).on_conflict(kept).exec_without_returning(tx).await?;
    Ok(())
}

async fn set_password(
    tx: &impl ConnectionTrait,
    account_id: i64,
    hash: &str,
    now: Timestamp,
) -> Result<(), IdentityError> {
    let row = password::ActiveModel {
        account_id: Set(account_id),
        hash: Set(hash.to_owned()),
        changed_at: Set(now.micros()),
    };
    let columns = [password::Column::Hash, password::Column::ChangedAt];
    let replaced = OnConflict::column(password::Column::AccountId).update_columns(columns).to_owned();
    password::Entity::insert(row).on_conflict(replaced).exec_without_returning(tx).await?;
    Ok(())
}

impl Store {
    /// The password's hash of a user who has one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn password_of(&self, account_id: i64) -> Result<Option<String>, StoreError> {
        let row = password::Entity::find_by_id(account_id).one(&self.readers).await?;
        Ok(row.map(|row| row.hash))
    }

    /// Returns true if a user may set a new password by the secret of this hash.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn has_reset(&self, account_id: i64, secret: &[u8; 32], now: Timestamp) -> Result<bool, StoreError> {
        let row = password_reset::Entity::find_by_id(account_id)
            .filter(password_reset::Column::Hash.eq(hex(secret)))
            .filter(password_reset::Column::ExpiresAt.gt(now.micros()));
        Ok(row.one(&self.readers).await?.is_some())
    }

    /// At most so many users whose names' looks are not kept, in the order of their keys in the database, after one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn users_without_look(&self, after: i64, limit: u64) -> Result<Vec<User>, StoreError> {
        let kept = Query::select().column(name_skeleton::Column::AccountId).from(name_skeleton::Entity).to_owned();
        let rows = account::Entity::find()
            .filter(account::Column::Id.gt(after))
            .filter(account::Column::Id.not_in_subquery(kept))
            .order_by_asc(account::Column::Id)
            .limit(limit);
        Ok(rows.all(&self.readers).await?.into_iter().map(User::from).collect())
    }
}
