//! What a sidecar finds when it begins: `/dev/null`, its signals, a place for cgroups. A fork server prepares it once for all its sidecars.
//! Does not know connections or processes.

use std::os::fd::OwnedFd;

use nix::fcntl::{OFlag, open};
use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::stat::Mode;

use crate::error::Fatal;
use crate::kernel;
use crate::place::Place;

/// The first of three descriptors that stand for the owner's own standard streams, where a fork server was given them.
pub const PASSED_STDIO: i32 = 3;

/// What a sidecar finds when it begins, made before the fork where there is one.
#[derive(Debug)]
pub struct Surroundings {
    /// `/dev/null`, for reading and writing.
    pub null: OwnedFd,
    /// Tells SIGCHLD and the signals that end a sidecar; they are blocked.
    pub signals: SignalFd,
    /// Where cgroups can be made.
    pub place: Option<Place>,
    /// Whether the descriptors from [`PASSED_STDIO`] on are what a process may inherit as its standard streams.
    pub passes_stdio: bool,
}

impl Surroundings {
    /// Sets the process up: signals, `/dev/null`, and a look for a cgroup.
    ///
    /// # Errors
    /// When the kernel refuses one of the first two.
    pub fn prepare() -> Result<Self, Fatal> {
        kernel::keep_heap_small();
        kernel::let_others_finish();
        kernel::reset_signals();
        let mut told = SigSet::empty();
        for signal in [Signal::SIGCHLD, Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT] {
            told.add(signal);
        }
        // SIGPIPE is blocked, not ignored: a blocked signal is not inherited through execve, once the mask is empty again.
        let mut blocked = told;
        blocked.add(Signal::SIGPIPE);
        sigprocmask(SigmaskHow::SIG_SETMASK, Some(&blocked), None).map_err(Fatal::doing("cannot block signals"))?;
        let signals = SignalFd::with_flags(&told, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
            .map_err(Fatal::doing("cannot make a signalfd"))?;
        let null = open("/dev/null", OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty())
            .map_err(Fatal::doing("cannot open /dev/null"))?;
        Ok(Self { null, signals, place: Place::find(), passes_stdio: false })
    }
}
