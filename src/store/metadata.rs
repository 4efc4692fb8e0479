//! Metadata: what a database knows of itself, by name (table `setting`).

use sea_orm::{ConnectionTrait, DbErr, EntityTrait, Set, sea_query::OnConflict};

use super::entity::setting;

/// The key that fingerprints of posts are made with, in hexadecimal; made once per database.
pub const FINGERPRINT_KEY: &str = "fingerprint_key";
/// The time that the store was last probed while it was out.
pub const PROBED_AT: &str = "probed_at";

/// The time that users were made of the names that had only been claimed.
pub const NAMES_CLAIMED: &str = "names_claimed";

/// The value of a name, made first where there is none. Of two who make one at the same time both have the one that
/// is stored.
///
/// # Errors
/// The database's.
pub async fn get_or_make(
    db: &impl ConnectionTrait,
    name: &str,
    make: impl FnOnce() -> String,
) -> Result<String, DbErr> {
    if let Some(row) = setting::Entity::find_by_id(name).one(db).await? {
        return Ok(row.value);
    }
    let row = setting::ActiveModel { name: Set(name.to_owned()), value: Set(make()) };
    let kept = OnConflict::column(setting::Column::Name).do_nothing_on([setting::Column::Name]).to_owned();
    setting::Entity::insert(row).on_conflict(kept).exec_without_returning(db).await?;
    let stored = setting::Entity::find_by_id(name).one(db).await?;
    Ok(stored.ok_or_else(|| DbErr::RecordNotFound(name.to_owned()))?.value)
}

/// Stores a value under its name.
///
/// # Errors
/// The database's.
pub async fn set(db: &impl ConnectionTrait, name: &str, value: String) -> Result<(), DbErr> {
    let row = setting::ActiveModel { name: Set(name.to_owned()), value: Set(value) };
    setting::Entity::insert(row)
        .on_conflict(OnConflict::column(setting::Column::Name).update_column(setting::Column::Value).to_owned())
        .exec_without_returning(db)
        .await?;
    Ok(())
}
