//! A file system of its own, in an image in memory, that loses its power on command: whatever it had not written by then is
//! gone, its own log included (`FS_IOC_SHUTDOWN` without a flush, by way of `xfs_io`). It can find itself damaged, too.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A mounted image.
pub(crate) struct Disk {
    file_system: &'static str,
    image: PathBuf,
    mount: PathBuf,
    _scratch: TempDir,
}

impl Disk {
    /// An empty one; the error says what this machine lacks.
    pub(crate) fn new(file_system: &'static str) -> Result<Self, String> {
        let memory = Path::new("/dev/shm");
        let scratch = tempfile::tempdir_in(if memory.is_dir() { memory } else { Path::new("/tmp") })
            .map_err(|error| error.to_string())?;
        let (image, mount) = (scratch.path().join("image"), scratch.path().join("mount"));
        // The least that mkfs.xfs takes; only what is written needs memory.
        File::create(&image).and_then(|file| file.set_len(320 << 20)).map_err(|error| error.to_string())?;
        std::fs::create_dir(&mount).map_err(|error| error.to_string())?;
        let quiet = if file_system == "xfs" { "-f" } else { "-F" };
        run(&format!("mkfs.{file_system}"), &["-q".as_ref(), quiet.as_ref(), image.as_ref()])?;
        let disk = Self { file_system, image, mount, _scratch: scratch };
        disk.start()?;
        run("xfs_io", &["-V".as_ref()])?;
        Ok(disk)
    }

    /// Where its files are.
    pub(crate) fn path(&self) -> &Path {
        &self.mount
    }

    /// The power fails.
    pub(crate) fn cut(&self) {
        run("xfs_io", &["-x".as_ref(), "-c".as_ref(), "shutdown".as_ref(), self.mount.as_ref()]).unwrap();
    }

    /// The power comes back.
    pub(crate) fn restart(&self) {
        run("umount", &[self.mount.as_ref()]).and_then(|_| self.start()).unwrap();
    }

    /// Finds itself damaged: from now on it is read-only, also for who has a file open for writing. ext4 only. Nothing else
    /// makes a disk read-only under an application that writes to it: `mount -o remount,ro` is refused then.
    pub(crate) fn fail(&self) {
        let device = run("findmnt", &["-no".as_ref(), "SOURCE".as_ref(), self.mount.as_ref()]).unwrap();
        let device = device.trim().rsplit('/').next().unwrap();
        std::fs::write(Path::new("/sys/fs/ext4").join(device).join("trigger_fs_error"), "1").unwrap();
    }

    fn start(&self) -> Result<(), String> {
        let options = if self.file_system == "ext4" { "loop,errors=remount-ro" } else { "loop" };
        run("mount", &["-o".as_ref(), options.as_ref(), self.image.as_ref(), self.mount.as_ref()]).map(drop)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = run("umount", &["-l".as_ref(), self.mount.as_ref()]);
    }
}

fn run(program: &str, arguments: &[&Path]) -> Result<String, String> {
    let output = Command::new(program).args(arguments).output().map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(format!("{program}: {}", String::from_utf8_lossy(&output.stderr)))
    }
}
