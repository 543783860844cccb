//! A cgroup2 for a tree: joining it, freezing it, killing it, removing it.
//! Knows the files of one group; does not know where groups are made, which limits they keep, or processes.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;

use crate::kernel;
use crate::place::Controller;

/// The group of one tree.
#[derive(Debug)]
pub struct Cgroup {
    directory: PathBuf,
    handle: OwnedFd,
}

impl Cgroup {
    /// Takes a directory that was just made; it is removed again where it cannot be opened.
    ///
    /// # Errors
    /// What `open(2)` answers.
    pub fn open(directory: PathBuf) -> Result<Self, Errno> {
        match open(&directory, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty()) {
            Ok(handle) => Ok(Self { directory, handle }),
            Err(errno) => {
                let _ = fs::remove_dir(&directory);
                Err(errno)
            }
        }
    }

    /// Whether it has this controller.
    pub fn has(&self, controller: Controller) -> bool {
        let names = fs::read_to_string(self.directory.join("cgroup.controllers")).unwrap_or_default();
        names.split_ascii_whitespace().any(|name| name == controller.name())
    }

    /// Writes a file of the group.
    ///
    /// # Errors
    /// What the kernel answers.
    pub fn set(&self, file: &str, value: &str) -> Result<(), Errno> {
        fs::write(self.directory.join(file), value).map_err(|error| errno_of(&error))
    }

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
        self.set("cgroup.procs", &pid.to_string())
    }

    /// Freezes everything in the group, or lets it go on.
    ///
    /// # Errors
    /// What the kernel answers; ENOENT before Linux 5.2.
    pub fn freeze(&self, frozen: bool) -> Result<(), Errno> {
        let text = if frozen { "1" } else { "0" };
        self.set("cgroup.freeze", text)
    }

    /// Whether the kernel killed a process of the group because the group had no memory left. Only told where the memory controller is.
    pub fn ran_out_of_memory(&self) -> bool {
        number_in(&self.directory.join("memory.events"), "oom_kill").is_some_and(|count| count > 0)
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

/// The number behind a key, in a file that has a key and a number on each line.
pub(crate) fn number_in(file: &Path, key: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' ')?.trim().parse().ok())
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

/// The errno of an error of the standard library.
pub(crate) fn errno_of(error: &io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}
