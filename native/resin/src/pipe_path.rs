//! Where an owner can open a pipe of this sidecar itself. Knows the kernel's paths; does not know which way the bytes go, or who asks.

use std::os::fd::{AsFd, AsRawFd};

use nix::errno::Errno;
use nix::sys::stat::fstat;
use nix::unistd::getpid;

/// How an owner finds a pipe, and knows that it has found it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PipePath {
    /// What it can open.
    pub path: String,
    /// What it has opened then.
    pub inode: u64,
}

impl PipePath {
    /// Finds the way to one of this process's own descriptors.
    ///
    /// # Errors
    /// What `fstat(2)` answers.
    pub fn of(pipe: impl AsFd) -> Result<Self, Errno> {
        let inode = fstat(pipe.as_fd())?.st_ino;
        Ok(Self { path: format!("/proc/{}/fd/{}", getpid(), pipe.as_fd().as_raw_fd()), inode })
    }
}
