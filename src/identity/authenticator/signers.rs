//! Signers: the keys of other systems that tokens are checked by now, and reading them again while the server runs.

use std::sync::{Arc, PoisonError, RwLock};

use super::{Authenticator, of_store};
use crate::{config::JwtSettings, identity::jwt_key::JwtKeys, store::error::StoreError};

/// The reasons why keys can't be changed.
#[derive(Debug, thiserror::Error)]
pub enum NotReread {
    /// A file can't be used: the keys stay as they are.
    #[error("{0}; the keys stay as they are")]
    Unusable(#[from] crate::identity::jwt_key::KeyError),
    /// The new keys are in force for what is asked from now on, and what is open goes on by the old ones.
    #[error("what is open by a key that has gone can't be ended, send the signal again: {0}")]
    Store(#[from] StoreError),
}

/// The keys in force.
#[derive(Debug)]
pub(super) struct Signers(RwLock<Arc<JwtKeys>>);

impl Signers {
    pub(super) fn new(keys: JwtKeys) -> Self {
        Self(RwLock::new(Arc::new(keys)))
    }

    pub(super) fn now(&self) -> Arc<JwtKeys> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn replace(&self, keys: JwtKeys) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
    }
}

impl Authenticator {
    /// Reads the keys of other systems again. Tokens of keys that are no longer there are refused from now on, and what
    /// is open by them ends. Returns the number of keys in force.
    ///
    /// # Errors
    /// [`NotReread`].
    pub async fn reread_signers(&self, settings: &JwtSettings) -> Result<usize, NotReread> {
        let keys = JwtKeys::load(settings)?;
        let count = keys.count();
        self.signers.replace(keys);
        // Only now: whoever looks a token up later than this, on whichever version, does it by the new keys.
        self.writer.raise_version().await.map_err(of_store)?;
        Ok(count)
    }
}
