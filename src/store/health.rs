//! Whether the store takes posts, told to all who want to know.

use std::sync::Arc;

use tokio::sync::watch;

use crate::domain::event::ServiceStatus;

/// How the store stands. Cheap to clone; the journal sets it, the rest reads it.
#[derive(Debug, Clone)]
pub struct Health(Arc<watch::Sender<ServiceStatus>>);

impl Default for Health {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(ServiceStatus::Ok)))
    }
}

impl Health {
    /// How it stands now.
    #[must_use]
    pub fn now(&self) -> ServiceStatus {
        *self.0.borrow()
    }

    /// Whether posts are taken.
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
