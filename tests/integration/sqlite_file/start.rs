//! Opening a file: one process at a time has it under whatever name, and one that can't be used says why.

use std::{
    fs::Permissions,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink},
    path::Path,
    process::Command,
};

use crate::support::{
    Server,
    database::sqlite_url,
    server::{Builder, PARLOR, complaint, failure, parlor},
};

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap_or_else(|error| panic!("{}: {error}", path.display())).permissions().mode() & 0o777
}

/// Settings of a server that sees a file or folder mounted on another one; both are there. A user namespace lets
/// everybody mount for themselves.
fn mounted(from: &Path, to: &Path) -> Builder {
    let mount = r#"mount --bind "$1" "$2" && shift 2 && exec "$@""#;
    let (from, to) = (from.display().to_string(), to.display().to_string());
    Server::builder().wrapper(["unshare", "-rm", "sh", "-ec", mount, "sh", &from, &to])
}

#[tokio::test]
async fn a_second_process_on_the_same_file_is_told_who_has_it() {
    let mut first = Server::start().await;
    let file = first.dir().join("parlor.db");
    first.post("general", "Alice", "hi").await;
    let error = failure(Server::builder().db(&file), 1).await;
    assert!(error.contains(&first.pid().to_string()), "the holder's pid is named: {error}");
    assert!(error.contains("parlor.db"), "{error}");

    // Whichever way the first one ends, the file is free.
    first.kill9().await;
    let second = Server::builder().db(&file).start().await;
    second.post("general", "Alice", "hi").await;
}

#[tokio::test]
async fn a_file_is_the_same_one_under_every_name() {
    let dir = tempfile::tempdir().expect("a directory");
    let [real, other] = ["real", "other"].map(|name| dir.path().join(name));
    for folder in [&real, &other] {
        std::fs::create_dir(folder).expect("a directory");
    }
    let file = real.join("parlor.db");
    symlink(&file, other.join("link.db")).expect("a link");
    symlink(&real, other.join("folder")).expect("a link");
    let first = Server::builder().db(other.join("link.db")).start().await;
    first.post("general", "Alice", "hi").await;
    assert!(real.join("parlor.db-wal").exists(), "the write-ahead log is beside the file, not beside the link");
    let pid = first.pid().to_string();

    for name in [file.clone(), other.join("link.db"), other.join("folder/parlor.db")] {
        let error = failure(Server::builder().db(&name), 1).await;
        assert!(error.contains(&pid), "{}: {error}", name.display());
        for command in [&["migrate"][..], &["seed", "--messages", "1"]] {
            let url = sqlite_url(&name);
            let args = [command, &["--database-url", &url]].concat();
            assert!(complaint(&parlor(dir.path(), &args), 1).contains(&pid), "{command:?} of {}", name.display());
        }
    }
    std::fs::hard_link(&file, other.join("hard.db")).expect("a hard link");
    let error = failure(Server::builder().db(other.join("hard.db")), 1).await;
    assert!(error.contains("in use by another process"), "{error}");
    let [mounted_folder, mounted_file] = ["mounted", "mounted.db"].map(|name| dir.path().join(name));
    std::fs::create_dir(&mounted_folder).expect("a directory");
    std::fs::write(&mounted_file, "").expect("a file is written");
    let error = failure(mounted(&real, &mounted_folder).db(mounted_folder.join("parlor.db")), 1).await;
    assert!(error.contains(&pid), "{error}");
    let error = failure(mounted(&file, &mounted_file).db(&mounted_file), 1).await;
    assert!(error.contains("in use by another process"), "{error}");

    // Only people read who has it.
    std::fs::remove_file(real.join("parlor.db.lock")).expect("it is there");
    let error = failure(Server::builder().db(&file), 1).await;
    assert!(error.contains("in use by another process"), "{error}");
}

/// The locks on a file, as the system lists them: their kind, their mode, and the process that has them.
fn locks(file: &Path) -> Vec<String> {
    let inode = format!(":{}", file.metadata().expect("the file is there").ino());
    let listed = std::fs::read_to_string("/proc/locks").expect("the system lists its locks");
    let of_file = listed.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let of_file = of_file.filter(|words| words.get(5).is_some_and(|place| place.ends_with(&inode)));
    of_file.map(|words| format!("{} {} of {}", words[1], words[3], words[4])).collect()
}

/// Closing any descriptor of a file drops all locks that the process has on it by `fcntl`, `SQLite`'s own among them
/// (POSIX.1-2017, `fcntl`). So what is looked at after the start is looked at without opening the file.
#[tokio::test]
async fn the_locks_on_the_file_last_as_long_as_the_server() {
    let server = Server::start().await;
    let file = server.dir().join("parlor.db");
    let pid = server.pid();
    for number in 0..5 {
        server.post("general", "Alice", &format!("message {number}")).await;
        server.get_json("/rooms").await;
        failure(Server::builder().db(&file), 1).await;
    }
    server.get_json("/rooms/general/search?q=message").await;
    std::fs::remove_file(server.dir().join("parlor.db.lock")).expect("it is there");
    server.post("general", "Alice", "the lock file is gone").await;
    let locks = locks(&file);
    for expected in [format!("FLOCK WRITE of {pid}"), format!("POSIX READ of {pid}")] {
        assert!(locks.contains(&expected), "{expected}: {locks:?}");
    }
}

#[tokio::test]
async fn a_file_whose_write_ahead_log_would_not_stay_with_it_is_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    let [file, second, point, folder] =
        ["parlor.db", "second.db", "my point.db", "folder"].map(|name| dir.path().join(name));
    Server::builder().db(&file).start().await.kill9().await;

    std::fs::hard_link(&file, &second).expect("a hard link");
    for name in [&file, &second] {
        let error = failure(Server::builder().db(name), 1).await;
        assert!(error.contains("2 names (hard links)") && error.contains("remove the others"), "{error}");
    }
    std::fs::remove_file(&second).expect("it is there");

    std::fs::write(&point, "").expect("a file is written");
    let error = failure(mounted(&file, &point).db(&point), 1).await;
    assert!(error.contains("mount point") && error.contains("mount the folder instead"), "{error}");
    // A link to it is no other place.
    symlink(&point, &second).expect("a link");
    let error = failure(mounted(&file, &point).db(&second), 1).await;
    assert!(error.contains("mount the folder instead"), "{error}");

    // A folder that is mounted has both.
    std::fs::create_dir(&folder).expect("a directory");
    let server = mounted(dir.path(), &folder).db(folder.join("parlor.db")).start().await;
    server.post("general", "Alice", "hi").await;
}

#[tokio::test]
async fn new_files_are_their_owners_alone_and_what_was_there_keeps_its_mode() {
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::set_permissions(dir.path(), Permissions::from_mode(0o750)).expect("a mode is set");
    let file = dir.path().join("parlor.db");
    let server = Server::builder().db(&file).start().await;
    server.post("general", "Alice", "hi").await;
    let files = ["parlor.db", "parlor.db-wal", "parlor.db-shm", "parlor.db.lock"];
    for name in files {
        assert_eq!(mode(&dir.path().join(name)), 0o600, "{name}");
    }
    assert_eq!(mode(dir.path()), 0o750);

    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("parlor.db");
    std::fs::write(&file, "").expect("a file is written");
    std::fs::set_permissions(&file, Permissions::from_mode(0o640)).expect("a mode is set");
    let server = Server::builder().db(&file).start().await;
    server.post("general", "Alice", "hi").await;
    for name in &files[..3] {
        assert_eq!(mode(&dir.path().join(name)), 0o640, "{name}");
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_opened_is_named_and_left_alone() {
    let error = failure(Server::builder().database_url("sqlite:///no/such/directory/parlor.db?mode=rwc"), 1).await;
    assert!(error.contains("/no/such/directory"), "{error}");

    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("parlor.db");
    std::fs::write(&file, "this is no database, and has to stay as it is").expect("a file is written");
    let error = failure(Server::builder().db(&file), 1).await;
    assert!(error.contains("parlor.db") && error.contains("a database of Parlor's"), "{error}");
    let left = std::fs::read_to_string(&file).expect("the file");
    assert_eq!(left, "this is no database, and has to stay as it is");

    let error = failure(Server::builder().db(dir.path()), 1).await;
    assert!(error.contains("is not a file"), "{error}");
}

#[tokio::test]
async fn a_file_that_is_not_there_is_made_only_if_the_url_says_so() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("parlor.db");
    for parameters in ["", "?mode=rw"] {
        let url = format!("sqlite://{}{parameters}", file.display());
        let error = failure(Server::builder().database_url(&url), 1).await;
        assert!(error.contains("there is no file") && error.contains("?mode=rwc"), "{error}");
        assert!(!file.exists());
    }
    Server::builder().db(&file).start().await.kill9().await;
    Server::builder().database_url(&format!("sqlite://{}", file.display())).start().await.kill9().await;

    // It could be opened, and not be written, or by two.
    for parameters in ["mode=ro", "immutable=1", "vfs=unix-none", "mode=rwc&cache=shared"] {
        let url = format!("sqlite://{}?{parameters}", file.display());
        let error = failure(Server::builder().database_url(&url), 2).await;
        assert!(error.contains("--database-url") && error.contains("mode"), "{error}");
    }
}

/// No machine has to have the one that the tests were run with.
#[test]
fn sqlite_is_in_the_binary() {
    let linked = Command::new("ldd").arg(PARLOR).output().expect("ldd runs");
    let libraries = String::from_utf8_lossy(&linked.stdout).into_owned();
    assert!(linked.status.success() && libraries.contains("libc.so"), "{libraries}");
    assert!(!libraries.contains("sqlite"), "{libraries}");
}
