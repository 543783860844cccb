//! A cgroup2 for a tree: where groups can be made, making one, killing it, removing it.
//! Knows the cgroup2 file system, pure or beside version 1; sets no limits and does not know processes.
//!
//! Groups live under resin's own: `<own>/copal-<pid>-<hex8>/<sidecar pid>`, where pid is the fork server's (or that of a sidecar without one).
//! The path of a sidecar's group follows from pids, so that the fork server can clean up behind a sidecar that was killed.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::unistd::{AccessFlags, access, getpid};

use crate::kernel;

const DIRECTORY_PREFIX: &str = "copal-";

/// The directory in which one fork server's groups are made.
#[derive(Debug, Clone)]
pub struct Place {
    directory: PathBuf,
    owner_pid: i32,
}

impl Place {
    /// Finds resin's own cgroup2 and names a directory below it, without making it; `None` where there is no cgroup2 or it may not be written to.
    pub fn find() -> Option<Self> {
        let mounts = fs::read("/proc/self/mountinfo").ok()?;
        let groups = fs::read("/proc/self/cgroup").ok()?;
        let own = own_directory(&mounts, &groups)?;
        access(&own, AccessFlags::W_OK | AccessFlags::X_OK).ok()?;
        let owner_pid = getpid().as_raw();
        let name = format!("{DIRECTORY_PREFIX}{owner_pid}-{}", kernel::random_hex(4).ok()?);
        Some(Self { directory: own.join(name), owner_pid })
    }

    /// Where the group of this sidecar is, or would be.
    pub fn group_of(&self, sidecar_pid: i32) -> PathBuf {
        self.directory.join(sidecar_pid.to_string())
    }

    /// Makes the group of the calling sidecar.
    ///
    /// # Errors
    /// What `mkdir(2)` or `open(2)` answers.
    pub fn make(&self) -> Result<Cgroup, Errno> {
        let directory = self.group_of(getpid().as_raw());
        if let Err(error) = fs::create_dir(&directory) {
            if error.kind() != io::ErrorKind::NotFound {
                return Err(errno_of(&error));
            }
            // The first group makes the directory it is in. Another sidecar may do so at the same moment, or the fork server of a dead owner
            // may just have removed it; hence the mkdir of the group decides.
            let _ = fs::create_dir(&self.directory);
            fs::create_dir(&directory).map_err(|error| errno_of(&error))?;
        }
        match open(&directory, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty()) {
            Ok(handle) => Ok(Cgroup { directory, handle }),
            Err(errno) => {
                let _ = fs::remove_dir(&directory);
                Err(errno)
            }
        }
    }

    /// Removes the directory when it is empty and nobody else will: its owner is gone or is the caller.
    pub fn leave(&self) {
        let parent_is_owner = nix::unistd::getppid().as_raw() == self.owner_pid;
        if !parent_is_owner {
            let _ = fs::remove_dir(&self.directory);
        }
    }

    /// Removes directories that fork servers left behind because they were killed after their last sidecar had gone. Only empty ones can go,
    /// and a living fork server makes its directory again when it needs one.
    pub fn sweep_stale(&self) {
        let Some(entries) = self.directory.parent().and_then(|own| fs::read_dir(own).ok()) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let pid = name
                .to_str()
                .and_then(|name| name.strip_prefix(DIRECTORY_PREFIX)?.split('-').next()?.parse::<i32>().ok());
            if pid.is_some_and(|pid| !Path::new("/proc").join(pid.to_string()).exists()) {
                let _ = fs::remove_dir(entry.path());
            }
        }
    }
}

/// The group of one tree.
#[derive(Debug)]
pub struct Cgroup {
    directory: PathBuf,
    handle: OwnedFd,
}

impl Cgroup {
    /// Its directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// A handle to the directory, for `clone3`.
    pub fn handle(&self) -> &OwnedFd {
        &self.handle
    }

    /// Moves a process into the group.
    ///
    /// # Errors
    /// What the kernel answers to the write.
    pub fn add(&self, pid: i32) -> Result<(), Errno> {
        fs::write(self.directory.join("cgroup.procs"), pid.to_string()).map_err(|error| errno_of(&error))
    }

    /// Freezes everything in the group, or lets it go on.
    ///
    /// # Errors
    /// What the kernel answers; ENOENT before Linux 5.2.
    pub fn freeze(&self, frozen: bool) -> Result<(), Errno> {
        let text = if frozen { "1" } else { "0" };
        fs::write(self.directory.join("cgroup.freeze"), text).map_err(|error| errno_of(&error))
    }

    /// Whether the kernel killed a process of the group because the group had no memory left. Only told where the memory controller is.
    pub fn ran_out_of_memory(&self) -> bool {
        let events = fs::read_to_string(self.directory.join("memory.events")).unwrap_or_default();
        events.lines().any(|line| line.strip_prefix("oom_kill ").is_some_and(|count| count != "0"))
    }

    /// Kills everything in the group.
    pub fn kill(&self) {
        kill_group(&self.directory);
    }

    /// Removes the group; groups its processes made inside go first.
    ///
    /// # Errors
    /// EBUSY while a process is left in it, for a moment also after the last was reaped.
    pub fn remove(&self) -> Result<(), Errno> {
        remove_group(&self.directory)
    }
}

/// Kills everything in a group by its directory; before Linux 5.14, process by process. A group that is gone is nothing to do.
pub fn kill_group(directory: &Path) {
    if fs::write(directory.join("cgroup.kill"), "1").is_ok() {
        return;
    }
    for pid in fs::read_to_string(directory.join("cgroup.procs")).unwrap_or_default().lines() {
        if let Ok(pid) = pid.parse::<i32>() {
            let _ = kernel::kill(pid, libc::SIGKILL as u32);
        }
    }
}

/// Removes a group by its directory, the groups inside first. A group that is gone is removed.
///
/// # Errors
/// EBUSY while a process is left in it.
pub fn remove_group(directory: &Path) -> Result<(), Errno> {
    match fs::remove_dir(directory).map_err(|error| errno_of(&error)) {
        Ok(()) | Err(Errno::ENOENT) => return Ok(()),
        Err(_) => {}
    }
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_group(&entry.path())?;
        }
    }
    match fs::remove_dir(directory).map_err(|error| errno_of(&error)) {
        Ok(()) | Err(Errno::ENOENT) => Ok(()),
        Err(errno) => Err(errno),
    }
}

fn errno_of(error: &io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}

/// The directory of this process's own cgroup2, from `/proc/self/mountinfo` and `/proc/self/cgroup`.
fn own_directory(mounts: &[u8], groups: &[u8]) -> Option<PathBuf> {
    let own = groups.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"0::"))?;
    for line in mounts.split(|byte| *byte == b'\n') {
        let fields: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
        let Some(separator) = fields.iter().position(|field| *field == b"-") else { continue };
        if fields.get(separator + 1) != Some(&&b"cgroup2"[..]) {
            continue;
        }
        // A mount may show a part of the hierarchy only; the own group has to be inside of it.
        let (root, mount_point) = (unescape(fields[3]), unescape(fields[4]));
        let inside = Path::new(OsStr::from_bytes(own)).strip_prefix(Path::new(OsStr::from_bytes(&root)));
        if let Ok(inside) = inside
            && !inside.components().any(|part| part.as_os_str() == "..")
        {
            return Some(PathBuf::from(std::ffi::OsString::from_vec(mount_point)).join(inside));
        }
    }
    None
}

/// Undoes the octal escapes of mountinfo (`\040` for a space).
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, behind)) = rest.split_first() {
        let octal = behind.first_chunk::<3>().filter(|_| *first == b'\\');
        let value = octal.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok());
        match value {
            Some(value) => {
                plain.push(value);
                rest = &behind[3..];
            }
            None => {
                plain.push(*first);
                rest = behind;
            }
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(mounts: &str, groups: &str) -> Option<String> {
        own_directory(mounts.as_bytes(), groups.as_bytes()).map(|path| path.to_str().unwrap().to_owned())
    }

    #[test]
    fn the_own_group_is_found_on_pure_hybrid_and_partial_mounts_and_nowhere_else() {
        let pure = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n";
        let hybrid = "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
        let partial = "30 23 0:26 /docker/abc /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
        let spaced = "30 23 0:26 / /mnt/my\\040groups rw - cgroup2 cgroup2 rw\n";
        let only_v1 = "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n";
        let table: &[(&str, &str, Option<&str>)] = &[
            (pure, "0::/user.slice/a\n", Some("/sys/fs/cgroup/user.slice/a")),
            (pure, "0::/\n", Some("/sys/fs/cgroup/")),
            (hybrid, "4:memory:/x\n0::/job\n", Some("/sys/fs/cgroup/unified/job")),
            (partial, "0::/docker/abc/inner\n", Some("/sys/fs/cgroup/inner")),
            (partial, "0::/elsewhere\n", None),
            (pure, "0::/../outside\n", None),
            (spaced, "0::/a\n", Some("/mnt/my groups/a")),
            (only_v1, "0::/a\n", None),
            (pure, "4:memory:/x\n", None),
        ];
        for (mounts, groups, expected) in table {
            assert_eq!(own(mounts, groups).as_deref(), *expected, "{mounts}{groups}");
        }
    }
}
