//! `resin sidecar`: a sidecar whose connection is its standard input and output. Takes them over and puts them back; the life itself is elsewhere.

use std::os::fd::{AsFd, OwnedFd};
use std::process::ExitCode;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::unistd::{dup2_stdin, dup2_stdout};

use super::run;
use crate::error::Fatal;
use crate::owner::Connection;
use crate::surroundings::Surroundings;

/// `resin sidecar`: speaks the protocol on standard input and output.
///
/// # Errors
/// When they cannot be polled (regular files), or the kernel refuses what a sidecar needs.
pub fn run_on_stdio() -> Result<ExitCode, Fatal> {
    let surroundings = Surroundings::prepare()?;
    let duplicate = |fd: std::os::fd::BorrowedFd<'_>| {
        fd.try_clone_to_owned().map_err(Fatal::doing("cannot duplicate a descriptor"))
    };
    let input = duplicate(std::io::stdin().as_fd())?;
    let output = duplicate(std::io::stdout().as_fd())?;
    dup2_stdin(&surroundings.null).map_err(Fatal::doing("cannot replace stdin"))?;
    dup2_stdout(&surroundings.null).map_err(Fatal::doing("cannot replace stdout"))?;
    let flags = [file_flags(&input)?, file_flags(&output)?];
    let restore = [duplicate(input.as_fd())?, duplicate(output.as_fd())?];
    for (fd, flags) in restore.iter().zip(flags) {
        set_file_flags(fd, flags | OFlag::O_NONBLOCK)?;
    }
    let outcome = run(Connection { input, output: Some(output) }, surroundings);
    // The descriptors may be shared with a shell; it does not expect them to be nonblocking.
    for (fd, flags) in restore.iter().zip(flags) {
        let _ = set_file_flags(fd, flags);
    }
    outcome
}

fn file_flags(fd: &OwnedFd) -> Result<OFlag, Fatal> {
    fcntl(fd, FcntlArg::F_GETFL).map(OFlag::from_bits_retain).map_err(Fatal::doing("cannot read a descriptor's flags"))
}

fn set_file_flags(fd: &OwnedFd, flags: OFlag) -> Result<(), Fatal> {
    fcntl(fd, FcntlArg::F_SETFL(flags)).map(drop).map_err(Fatal::doing("cannot set a descriptor's flags"))
}
