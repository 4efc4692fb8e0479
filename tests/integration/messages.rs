//! What can be done with messages, and what is refused.

mod bad_changes;
mod changes;
mod content_limit;
mod look_alikes;
mod page_size;
mod posting;
mod reactions;
mod revisions;
