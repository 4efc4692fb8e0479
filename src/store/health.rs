//! The health of the store, told to all who want to know.

use std::sync::Arc;

use tokio::sync::watch;

use crate::domain::event::ServiceStatus;

/// The health of the store. Cheap to clone; the journal sets it, the rest reads it.
#[derive(Debug, Clone)]
pub struct Health(Arc<watch::Sender<ServiceStatus>>);

impl Default for Health {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(ServiceStatus::Ok)))
    }
}

impl Health {
    /// The present state.
    #[must_use]
    pub fn now(&self) -> ServiceStatus {
        *self.0.borrow()
    }

    /// Returns true if posts are taken.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.now() == ServiceStatus::Ok
    }

    /// Sets it; who watches is woken only by a change.
    pub fn set(&self, status: ServiceStatus) {
        self.0.send_if_modified(|now| std::mem::replace(now, status) != status);
    }

    /// Follows the changes.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<ServiceStatus> {
        self.0.subscribe()
    }
}
