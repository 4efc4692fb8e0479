//! The `SQLite` file as the system knows it: one file whatever its name, kept from other processes, and with its
//! write-ahead log where a restart looks for it.

use std::{
    fs::{File, Metadata, OpenOptions, TryLockError, metadata},
    io::{self, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::OnceLock,
};

mod mount_point;

/// The mode of new files: their owner alone reads and writes them. `SQLite` gives the files beside it the same mode.
const MODE: u32 = 0o600;

/// An open database file, and the lock on it.
///
/// The lock (`flock`) belongs to the file itself, so it holds under every name that leads there. It is released when
/// this is dropped, which must be after the last of `SQLite`'s connections: a process that closes any descriptor of
/// a file loses the locks that `SQLite` has on it (`fcntl`: <https://sqlite.org/howtocorrupt.html>, 2.2). That is
/// also why the file is never opened a second time; later looks use `stat`.
#[derive(Debug)]
pub(super) struct DatabaseFile {
    _lock: File,
    /// As given, which is how a restart finds it.
    path: PathBuf,
    identity: Identity,
    /// The write-ahead log: beside the file itself, wherever the links of the given path lead.
    log_path: PathBuf,
    log: OnceLock<Identity>,
}

/// A file by its device and its number there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Identity(u64, u64);

impl Identity {
    fn of(found: &Metadata) -> Self {
        Self(found.dev(), found.ino())
    }
}

/// The reasons why a file can't be used as the database.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Another process has it.
    #[error("{} is in use by {}: stop that process, or give --database-url another file", .path.display(), holder(.pid.as_deref()))]
    InUse {
        /// The file.
        path: PathBuf,
        /// The id of the process, if it left it.
        pid: Option<String>,
    },
    /// There is none, and none is to be made.
    #[error("there is no file {}: see that --database-url names the right one, or add ?mode=rwc to make a new one", .0.display())]
    Missing(PathBuf),
    /// There is none, and this command makes none.
    #[error("there is no file {}: see that --database-url names the right one; `parlor migrate` makes a new one", .0.display())]
    Absent(PathBuf),
    /// Something else than a file has the name.
    #[error("{} is not a file: name a file in a folder that is there and can be written", .0.display())]
    NotAFile(PathBuf),
    /// It has several names, and its write-ahead log would stay with only one of them.
    #[error("{} has {names} names (hard links), and its write-ahead log would be found under only one of them: keep one name and remove the others, or copy the file", .path.display())]
    HardLinks {
        /// The file.
        path: PathBuf,
        /// The number of names.
        names: u64,
    },
    /// It alone is mounted, and its write-ahead log would be left on the other side.
    #[error("{} is itself a mount point, so its write-ahead log would be kept outside of the mount and be lost with the container: mount the folder instead, as in `-v parlor-data:/var/lib/parlor`", .0.display())]
    MountPoint(PathBuf),
    /// It can't be opened or made.
    #[error("can't open {}: {error}; name a file in a folder that is there and can be written", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's error.
        error: io::Error,
    },
}

/// A file or a log that nobody would find again, so that nothing may be written to it; with the reason in words.
#[derive(Debug)]
pub(super) enum NotOurs {
    /// The file is gone or another; it may be back unchanged.
    File(String),
    /// Its write-ahead log is.
    Log(String),
}

fn holder(pid: Option<&str>) -> String {
    pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
}

impl DatabaseFile {
    /// Opens a file, made if it is not there and `create` says so, and takes the lock. A file beside it,
    /// `FILE.lock`, then names this process, for people to read: removing it changes nothing.
    ///
    /// # Errors
    /// [`FileError`].
    pub(super) fn open(path: &Path, create: bool) -> Result<Self, FileError> {
        let io = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound if !create => FileError::Missing(path.to_owned()),
            io::ErrorKind::IsADirectory => FileError::NotAFile(path.to_owned()),
            _ => FileError::Io { path: path.to_owned(), error },
        };
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(create)
            .truncate(false)
            .mode(MODE)
            .open(path)
            .map_err(io)?;
        let found = file.metadata().map_err(io)?;
        if !found.is_file() {
            return Err(FileError::NotAFile(path.to_owned()));
        }
        let resolved = path.canonicalize().map_err(io)?;
        let beside = |ending: &str| {
            let mut name = resolved.clone().into_os_string();
            name.push(ending);
            PathBuf::from(name)
        };
        let lock_path = beside(".lock");
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let pid = std::fs::read_to_string(&lock_path).ok().map(|pid| pid.trim().to_owned());
                return Err(FileError::InUse { path: path.to_owned(), pid: pid.filter(|pid| !pid.is_empty()) });
            }
            Err(TryLockError::Error(error)) => return Err(io(error)),
        }
        check_names(path, &found, &resolved)?;
        if let Err(error) = name_holder(&lock_path) {
            tracing::warn!(%error, path = %lock_path.display(), "the process that has the database can't be noted");
        }
        let identity = Identity::of(&found);
        Ok(Self { _lock: file, path: path.to_owned(), identity, log_path: beside("-wal"), log: OnceLock::new() })
    }

    /// Notes which file the write-ahead log is, once `SQLite` has made it.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn note_log(&self) -> io::Result<()> {
        if self.log.get().is_none() {
            let _ = self.log.set(Identity::of(&metadata(&self.log_path)?));
        }
        Ok(())
    }

    /// The length of the write-ahead log; 0 if it is not there.
    pub(super) fn log_bytes(&self) -> u64 {
        metadata(&self.log_path).map_or(0, |found| found.len())
    }

    /// Fails unless what is written now is found by a restart: the file and its write-ahead log are still
    /// those that were opened. The kernel knows both paths by heart: it costs about two microseconds, and
    /// no disk is asked.
    ///
    /// # Errors
    /// [`NotOurs::File`] for the file, which may be back unchanged;
    /// [`NotOurs::Log`] for its write-ahead log alone.
    pub(super) fn check(&self) -> Result<(), NotOurs> {
        is_still(&self.path, self.identity).map_err(NotOurs::File)?;
        let Some(log) = self.log.get() else { return Ok(()) };
        is_still(&self.log_path, *log).map_err(NotOurs::Log)
    }
}

/// Checks that a file is there, and that its write-ahead log is where whoever has it looks for it. It is not opened:
/// another process may have it.
///
/// # Errors
/// [`FileError`].
pub(super) fn find(path: &Path) -> Result<(), FileError> {
    let io = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => FileError::Absent(path.to_owned()),
        _ => FileError::Io { path: path.to_owned(), error },
    };
    let found = metadata(path).map_err(io)?;
    if !found.is_file() {
        return Err(FileError::NotAFile(path.to_owned()));
    }
    check_names(path, &found, &path.canonicalize().map_err(io)?)
}

/// Checks that the file has one name only, beside which its write-ahead log is.
fn check_names(path: &Path, found: &Metadata, resolved: &Path) -> Result<(), FileError> {
    if found.nlink() > 1 {
        return Err(FileError::HardLinks { path: path.to_owned(), names: found.nlink() });
    }
    if mount_point::is_one(resolved) { Err(FileError::MountPoint(path.to_owned())) } else { Ok(()) }
}

fn is_still(path: &Path, identity: Identity) -> Result<(), String> {
    match metadata(path) {
        Ok(found) if Identity::of(&found) == identity => Ok(()),
        Ok(_) => Err(format!("{}: another file has taken the place of the one that was opened", path.display())),
        Err(error) => Err(format!("{}: {error}", path.display())),
    }
}

fn name_holder(path: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(MODE).open(path)?;
    writeln!(file, "{}", std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_lock_names_the_holder_of_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("parlor.db");
        let first = DatabaseFile::open(&path, true).unwrap();
        match DatabaseFile::open(&path, true) {
            Err(FileError::InUse { pid: Some(pid), .. }) => assert_eq!(pid, std::process::id().to_string()),
            other => panic!("{other:?}"),
        }
        std::fs::remove_file(folder.path().join("parlor.db.lock")).unwrap();
        assert!(matches!(DatabaseFile::open(&path, true), Err(FileError::InUse { pid: None, .. })));
        drop(first);
        DatabaseFile::open(&path, true).unwrap();
    }

    #[test]
    fn a_file_or_a_log_that_is_gone_or_replaced_is_noticed_until_it_is_back() {
        let folder = tempfile::tempdir().unwrap();
        let [path, log, away] = ["parlor.db", "parlor.db-wal", "away"].map(|name| folder.path().join(name));
        let file = DatabaseFile::open(&path, true).unwrap();
        std::fs::write(&log, "").unwrap();
        file.note_log().unwrap();
        for (moved, is_log) in [(&path, false), (&log, true)] {
            let is_noticed = |found: Result<(), NotOurs>| match found {
                Err(NotOurs::Log(_)) => is_log,
                Err(NotOurs::File(_)) => !is_log,
                _ => false,
            };
            file.check().unwrap();
            std::fs::rename(moved, &away).unwrap();
            assert!(is_noticed(file.check()), "{moved:?} is gone");
            std::fs::write(moved, "").unwrap();
            assert!(is_noticed(file.check()), "{moved:?} is another");
            std::fs::rename(&away, moved).unwrap();
        }
        file.check().unwrap();
    }
}
