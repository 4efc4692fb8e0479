//! Connections, and what stands in front of them.

mod proxies;
mod serving;
