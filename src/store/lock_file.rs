//! A lock beside the `SQLite` file, so that a second process can't serve it.
//!
//! Two processes on one file would each believe their memory to be the newest state of the log.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    path::{Path, PathBuf},
};

/// Holds the lock until dropped; the system lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub struct LockFile(#[expect(dead_code, reason = "the open file is the lock")] File);

/// Why the lock could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process has it.
    #[error(
        "{database} is in use by process {holder} ({path} is its lock): stop that process, or give --database-url another file"
    )]
    Held {
        /// The database.
        database: String,
        /// The lock file.
        path: String,
        /// The id of the process that has it.
        holder: String,
    },
    /// The file can't be made or locked.
    #[error("can't lock {path}: {error}")]
    Io {
        /// The lock file.
        path: String,
        /// What the system says.
        error: std::io::Error,
    },
}

impl LockFile {
    /// Takes the lock of a database file, and writes this process's id into it.
    ///
    /// # Errors
    /// [`LockError::Held`] when another process has it, [`LockError::Io`] when the file can't be made.
    pub fn take(database: &Path) -> Result<Self, LockError> {
        let mut path = database.as_os_str().to_owned();
        path.push(".lock");
        let path = PathBuf::from(path);
        let io = |error| LockError::Io { path: path.display().to_string(), error };
        let mut file =
            OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path).map_err(io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Best effort: the lock is what counts, the id only helps to find its holder.
                let _ = file.read_to_string(&mut holder);
                return Err(LockError::Held {
                    database: database.display().to_string(),
                    path: path.display().to_string(),
                    holder: holder.trim().to_owned(),
                });
            }
            Err(TryLockError::Error(error)) => return Err(io(error)),
        }
        file.set_len(0).map_err(io)?;
        file.rewind().map_err(io)?;
        writeln!(file, "{}", std::process::id()).map_err(io)?;
        Ok(Self(file))
    }
}

#[cfg(test)]
mod tests {
    use super::{LockError, LockFile};

    #[test]
    fn a_second_lock_names_the_holder_of_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("parlor.db");
        let first = LockFile::take(&database).unwrap();
        match LockFile::take(&database) {
            Err(LockError::Held { holder, .. }) => assert_eq!(holder, std::process::id().to_string()),
            other => panic!("{other:?}"),
        }
        drop(first);
        LockFile::take(&database).unwrap();
    }
}
