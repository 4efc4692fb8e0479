//! Holds the structure of this crate: which layer may name which, and what each thing of a kind has to have.

mod promises;
mod sources;
mod walls;
