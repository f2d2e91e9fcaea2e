//! What is known of the file system that a journal is on.

use std::path::Path;

/// File systems that keep less than a journal needs, by the magic number that statfs(2) tells of them
/// (`linux/magic.h`; CIFS and SMB 2 in the kernel's `fs/smb/client`).
#[cfg(target_os = "linux")]
const UNRELIABLE: [(u32, &str); 10] = [
    (0x0102_1994, "tmpfs"),
    (0x8584_58f6, "ramfs"),
    (0x794c_7630, "overlay"),
    (0x6969, "nfs"),
    (0xff53_4d42, "cifs"),
    (0xfe53_4d42, "smb2"),
    (0x517b, "smb"),
    (0x6573_5546, "fuse"),
    (0x0102_1997, "9p"),
    (0x00c3_6400, "ceph"),
];

/// The name of the file system at `path`, if what is written there may be gone after a restart of the machine or of the
/// container, or may not be where a sync says it is.
#[cfg(target_os = "linux")]
pub(super) fn unreliable(path: &Path) -> Option<&'static str> {
    let found = rustix::fs::statfs(path).ok()?;
    // The number has 32 bits; the field that tells it is wider on some machines, and signed.
    let number = found.f_type as u64 & 0xffff_ffff;
    UNRELIABLE.iter().find(|(magic, _)| u64::from(*magic) == number).map(|(_, name)| *name)
}

#[cfg(not(target_os = "linux"))]
pub(super) fn unreliable(_path: &Path) -> Option<&'static str> {
    None
}
