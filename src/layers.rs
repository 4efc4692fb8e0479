//! Holds the structure of this crate: the layers and the names each may use, the things of a kind and their parts,
//! the length of a file and the opening of a comment.

mod limits;
mod permissions;
mod promises;
mod sources;
mod texts;
mod walls;
