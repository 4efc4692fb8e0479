//! Whether a path still leads to the `SQLite` file that is open: what is written to one that was moved
//! or deleted would be answered, and be lost.

use std::{fs::metadata, io, os::unix::fs::MetadataExt, path::PathBuf};

use super::error::StoreError;

/// An open file, by where it was found.
#[derive(Debug, Clone)]
pub(super) struct DatabaseFile {
    path: PathBuf,
    /// The device and the number on it.
    identity: (u64, u64),
}

impl DatabaseFile {
    /// The file that is at the path now.
    pub(super) fn at(path: PathBuf) -> io::Result<Self> {
        let found = metadata(&path)?;
        Ok(Self { path, identity: (found.dev(), found.ino()) })
    }

    /// Fails unless it is there still. The kernel knows this path by heart: it costs about a
    /// microsecond, and no disk is asked.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        let out = |why: String| StoreError::Unavailable(format!("{}: {why}", self.path.display()));
        let found = metadata(&self.path).map_err(|error| out(error.to_string()))?;
        if (found.dev(), found.ino()) == self.identity {
            Ok(())
        } else {
            Err(out("another file has taken the place of the one that was opened".into()))
        }
    }
}
