//! The database beside the process that serves it: for users and keys alone, without the locks of a node.

use migration::{Migrator, MigratorTrait as _};

use super::{
    OpenError, Store,
    backend::Backend,
    identity::IdentityWriter,
    search::{budget::SearchLimits, searchers::Searchers},
    standings::Standings,
    turn::Turns,
};
use crate::config::StoreConfig;

impl Store {
    /// Opens a database whose tables are there, whether or not another process serves it, to read it and to write users
    /// and keys. Nothing is made or migrated.
    ///
    /// # Errors
    /// [`OpenError`], with what to try.
    pub async fn open_beside(config: &StoreConfig) -> Result<(Self, IdentityWriter), OpenError> {
        let backend = Backend::beside(config)?;
        let failed = |error| OpenError::Database { url: config.url.clone(), error, advice: backend.advice() };
        backend.reach().await.map_err(failed)?;
        // Read before anything connects to write: what is no database of Parlor's stays as it is.
        let readers = backend.connect_readers().await.map_err(failed)?;
        if !Migrator::get_pending_migrations_read_only(&readers).await.map_err(failed)?.is_empty() {
            return Err(OpenError::NotMigrated(config.url.clone()));
        }
        let searchers = Searchers::new(&backend, SearchLimits::default()).await.map_err(failed)?;
        // Writers elsewhere take no turns with this one: the database itself has them wait.
        let writer = IdentityWriter::new(&backend, Turns::new(false));
        Ok((Self { readers, searchers, standings: Standings::new(), file: None }, writer))
    }
}
