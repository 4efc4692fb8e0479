//! Operations on messages, and their refusals.

mod bad_changes;
mod changes;
mod content_limit;
mod look_alikes;
mod page_size;
mod posting;
mod reactions;
mod revisions;
