//! Tells whether a file is a mount point, as containers make one of `-v FILE:FILE`.
//!
//! A bind mount has the device and the number of what is mounted, so `stat` doesn't show it; the list of mounts does
//! (`/proc/self/mountinfo`: proc(5)).

use std::{os::unix::ffi::OsStrExt as _, path::Path};

/// The mounts that this process sees.
const MOUNTS: &str = "/proc/self/mountinfo";
/// Which field of a line is the mount point, from 0.
const FIELD: usize = 4;

/// Returns true if something is mounted at this path, which must have no links in it. Where the list can't be read,
/// nothing is known to be.
pub(super) fn is_one(resolved: &Path) -> bool {
    std::fs::read(MOUNTS).is_ok_and(|mounts| names(&mounts, resolved))
}

fn names(mounts: &[u8], path: &Path) -> bool {
    mounts
        .split(|byte| *byte == b'\n')
        .filter_map(|line| line.split(|byte| *byte == b' ').nth(FIELD))
        .any(|point| unescape(point) == path.as_os_str().as_bytes())
}

/// Blanks, tabs, line feeds and backslashes are written as `\` and three octal digits.
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((byte, after)) = rest.split_first() {
        let digits = after.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(code) if *byte == b'\\' => {
                text.push(code);
                rest = &after[3..];
            }
            _ => {
                text.push(*byte);
                rest = after;
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_point_is_found_by_its_whole_path() {
        let mounts = b"36 35 98:0 /mnt1 /mnt/parent rw,noatime master:1 - ext3 /dev/root rw,errors=continue\n\
            63 43 254:0 /a /data/my\\040chat\\134/parlor.db rw,relatime - ext4 /dev/vda rw\n";
        assert!(names(mounts, Path::new("/mnt/parent")));
        assert!(names(mounts, Path::new("/data/my chat\\/parlor.db")));
        for path in ["/mnt", "/mnt1", "/mnt/parent/parlor.db", "/data/my\\040chat\\134/parlor.db", "/"] {
            assert!(!names(mounts, Path::new(path)), "{path}");
        }
    }
}
