//! `keygen`: makes a pair of keys, of which one signs tokens and the other checks them.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use clap::Args;

use crate::identity::signing_key::GeneratedKey;

/// The files to be made.
#[derive(Debug, Args)]
pub(super) struct KeygenArgs {
    /// The file for the private key; the public one goes into a file of this name with .pub after it
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

/// Makes both files; what was made, in words. A file that is there stays as it is.
///
/// # Errors
/// The reason; then neither file is made.
pub(super) fn keygen(args: &KeygenArgs) -> Result<String, String> {
    let private = args.file.as_path();
    let mut public = private.as_os_str().to_owned();
    public.push(".pub");
    let public = PathBuf::from(public);
    let pair = GeneratedKey::new().map_err(|_| "the system has no randomness".to_owned())?;
    let failed = |path: &Path, error: io::Error| match error.kind() {
        io::ErrorKind::AlreadyExists => format!("{} is there already, and stays as it is", path.display()),
        _ => format!("can't write {}: {error}", path.display()),
    };
    // Its owner alone reads the private one, from its first byte on.
    write_new(private, 0o600, &pair.private_pem).map_err(|error| failed(private, error))?;
    write_new(&public, 0o644, &pair.public_pem).map_err(|error| {
        // Made just now; a private key alone is of no use.
        let _ = fs::remove_file(private);
        failed(&public, error)
    })?;
    let (private, public) = (private.display(), public.display());
    Ok(format!("{private} signs tokens: keep it secret\n{public} checks them: serve --jwt-key {public}"))
}

/// Writes a file that is not there yet, through to the disk; one that can't be written whole is taken away.
fn write_new(path: &Path, mode: u32, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    if written.is_err() {
        let _ = fs::remove_file(path);
    }
    written
}
