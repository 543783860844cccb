//! The fork server: one small process per owner that becomes a sidecar, by `fork(2)`, for each connection.
//! Reaps its sidecars and kills what a killed one leaves behind; does not know the protocol, except to say that a fork failed.
//!
//! It outlives its owner on purpose: it ends when the last sidecar is reaped and the last process it adopted is dead.

use std::collections::HashSet;
use std::io::Write;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::sockopt::PeerCredentials;
use nix::sys::socket::{AddressFamily, Backlog, SockFlag, SockType, UnixAddr, bind, getsockopt, listen, socket};
use nix::unistd::{Pid, Uid, dup2_stdin, dup2_stdout, getpgrp, getpid, getppid, getsid, getuid, read, setsid, write};

use crate::cgroup::{kill_group, remove_group};
use crate::error::{Fatal, errno_name};
use crate::kernel::{self, Side};
use crate::owner::Connection;
use crate::reaper::{ExitFacts, Reaped, reap};
use crate::sidecar;
use crate::stop_plan::SWEEP_EVERY;
use crate::surroundings::{PASSED_STDIO, Surroundings};
use crate::tree;
use crate::wire::codec::write_event;
use crate::wire::messages::{Event, VERSIONS};

/// Connections that may wait to be accepted: a burst of starts must not be turned away.
const BACKLOG: i32 = 4096;

/// What `sun_path` holds behind its leading NUL byte.
const FULL_NAME_BYTES: usize = 107;

/// How many of them are accepted before signals are looked at again.
const ACCEPTS_PER_TURN: usize = 64;

/// How long the removal of a dead sidecar's cgroup is tried.
const GIVE_UP_AFTER: Duration = Duration::from_secs(2);

/// `resin fork-server`: announces its socket on standard output and serves until its owner is gone and nothing is left.
/// With `passes_stdio` the descriptors 3, 4 and 5 are what its sidecars give to a process that inherits its standard streams.
///
/// # Errors
/// When the kernel refuses what it needs before the first sidecar.
pub fn run(passes_stdio: bool) -> Result<ExitCode, Fatal> {
    let owner = getppid();
    kernel::close_from(if passes_stdio { PASSED_STDIO + 3 } else { PASSED_STDIO } as u32);
    // Ctrl-C in the owner's terminal must not reach it. A group leader cannot make a session; its owner started it detached or has to.
    if getsid(None).ok() != Some(getpid()) && getpgrp() != getpid() {
        setsid().map_err(Fatal::doing("cannot make a session"))?;
    }
    kernel::become_subreaper().map_err(Fatal::doing("cannot become a subreaper"))?;
    let mut surroundings = Surroundings::prepare()?;
    surroundings.passes_stdio = passes_stdio;
    if let Some(place) = &surroundings.place {
        place.sweep_abandoned();
    }
    let life_line =
        std::io::stdin().as_fd().try_clone_to_owned().map_err(Fatal::doing("cannot duplicate the life line"))?;
    dup2_stdin(&surroundings.null).map_err(Fatal::doing("cannot replace stdin"))?;
    let (listener, name) = open_listener()?;
    announce(&name)?;
    let announcements = Announcements::take_stdout(&surroundings)?;
    let server =
        ForkServer { owner, uid: getuid(), surroundings, announcements, sidecars: HashSet::new(), left_behind: None };
    match server.serve(listener, life_line)? {
        Some((connection, surroundings)) => sidecar::run(Connection { input: connection, output: None }, surroundings),
        None => Ok(ExitCode::SUCCESS),
    }
}

fn open_listener() -> Result<(OwnedFd, String), Fatal> {
    let random = kernel::random_hex(16).map_err(Fatal::doing("cannot get random bytes"))?;
    // Of full length, because libuv 1.46 (Node 20) fills abstract names up with NUL bytes, which would make another name of a shorter one.
    let name = format!("{:-<FULL_NAME_BYTES$}", format!("copal-{random}"));
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let listener =
        socket(AddressFamily::Unix, SockType::Stream, flags, None).map_err(Fatal::doing("cannot make a socket"))?;
    // An abstract socket leaves no file behind, whoever is killed; who may connect is decided by SO_PEERCRED.
    let address = UnixAddr::new_abstract(name.as_bytes()).map_err(Fatal::doing("cannot name a socket"))?;
    bind(listener.as_raw_fd(), &address).map_err(Fatal::doing("cannot bind the socket"))?;
    listen(&listener, Backlog::new(BACKLOG).unwrap_or(Backlog::MAXCONN)).map_err(Fatal::doing("cannot listen"))?;
    Ok((listener, name))
}

fn announce(socket: &str) -> Result<(), Fatal> {
    let (version, [lowest, highest], pid) = (env!("CARGO_PKG_VERSION"), VERSIONS, getpid());
    let line = format!(r#"{{"resin":"{version}","versions":[{lowest},{highest}],"socket":"{socket}","pid":{pid}}}"#);
    let mut out = std::io::stdout();
    writeln!(out, "{line}").and_then(|()| out.flush()).map_err(Fatal::doing("cannot announce the socket"))
}

struct ForkServer {
    owner: Pid,
    uid: Uid,
    surroundings: Surroundings,
    announcements: Announcements,
    sidecars: HashSet<i32>,
    left_behind: Option<LeftBehind>,
}

/// What a sidecar that did not end in good order may have left: processes, which are children of the fork server now, and its cgroups.
#[derive(Default)]
struct LeftBehind {
    sidecars: Vec<i32>,
    groups: Vec<PathBuf>,
    give_up_at: Option<Instant>,
}

impl ForkServer {
    /// Serves to the end. In a forked sidecar it comes back at once, with the connection.
    fn serve(mut self, listener: OwnedFd, life_line: OwnedFd) -> Result<Option<(OwnedFd, Surroundings)>, Fatal> {
        let mut doors = Some((listener, life_line));
        while doors.is_some() || !self.sidecars.is_empty() || self.left_behind.is_some() {
            let wakes = self.wait(doors.as_ref())?;
            let told_to_end = wakes.signalled && self.read_signals();
            self.reap();
            self.clean_up();
            let Some((listener, life_line)) = &doors else { continue };
            if wakes.knocked
                && let Some(connection) = self.accept_some(listener)
            {
                return Ok(Some((connection, self.surroundings)));
            }
            if told_to_end || (wakes.life_line && is_over(life_line)) {
                doors = None;
            }
        }
        if let Some(place) = &self.surroundings.place {
            place.leave();
        }
        Ok(None)
    }

    /// Waits on plain `poll(2)`: an epoll set would be shared with every sidecar.
    fn wait(&self, doors: Option<&(OwnedFd, OwnedFd)>) -> Result<Wakes, Fatal> {
        let timeout = match self.left_behind {
            Some(_) => PollTimeout::try_from(SWEEP_EVERY).unwrap_or(PollTimeout::ZERO),
            None => PollTimeout::NONE,
        };
        let mut fds = Vec::with_capacity(3);
        fds.push(PollFd::new(self.surroundings.signals.as_fd(), PollFlags::POLLIN));
        if let Some((listener, life_line)) = doors {
            fds.push(PollFd::new(listener.as_fd(), PollFlags::POLLIN));
            fds.push(PollFd::new(life_line.as_fd(), PollFlags::POLLIN));
        }
        match poll(&mut fds, timeout) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(Fatal::doing("cannot wait")(errno)),
        }
        let woken =
            |index: usize| fds.get(index).is_some_and(|fd| fd.revents().is_some_and(|events| !events.is_empty()));
        Ok(Wakes { signalled: woken(0), knocked: woken(1), life_line: woken(2) })
    }

    /// Takes what the signalfd tells; answers whether a signal asked for the end. The end is then the same as the owner's: no new sidecars, and
    /// waiting for those there are. A tree is never left behind.
    fn read_signals(&self) -> bool {
        let mut told_to_end = false;
        while let Ok(Some(signal)) = self.surroundings.signals.read_signal() {
            told_to_end |= signal.ssi_signo as i32 != libc::SIGCHLD;
        }
        told_to_end
    }

    /// Accepts what waits, up to a limit, and forks for each. Comes back with the connection in a new sidecar, without one in the fork server.
    fn accept_some(&mut self, listener: &OwnedFd) -> Option<OwnedFd> {
        for _ in 0..ACCEPTS_PER_TURN {
            let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
            let connection = match kernel::accept(listener, flags.bits()) {
                Ok(connection) => connection,
                Err(Errno::EINTR | Errno::ECONNABORTED) => continue,
                Err(_) => return None,
            };
            if !self.is_owner(&connection) {
                continue;
            }
            match kernel::fork() {
                Ok(Side::Child) => return Some(connection),
                Ok(Side::Parent(pid)) => {
                    self.sidecars.insert(pid);
                }
                Err(errno) => say_fork_failed(&connection, errno),
            }
            // The fork server's copy is closed here, at once: else the owner would never see the end of the sidecar's.
        }
        None
    }

    fn is_owner(&self, connection: &OwnedFd) -> bool {
        getsockopt(connection, PeerCredentials)
            .is_ok_and(|peer| peer.pid() == self.owner.as_raw() && peer.uid() == self.uid.as_raw())
    }

    fn reap(&mut self) {
        while let Reaped::Ended(pid, facts, _) = reap() {
            let in_order = facts == ExitFacts { code: Some(0), signal: None, core: false };
            if self.sidecars.remove(&pid) && !in_order {
                let left = self.left_behind.get_or_insert_default();
                left.sidecars.push(pid);
                left.groups.extend(self.surroundings.place.iter().flat_map(|place| place.groups_of(pid)));
                left.give_up_at = Some(Instant::now() + GIVE_UP_AFTER);
            }
        }
    }

    /// Kills what dead sidecars left behind and removes their groups, as far as that can be done now.
    ///
    /// Every child that is not a sidecar is such a leftover: a sidecar's descendants become children of the fork server, the next subreaper
    /// above, before the sidecar's own end can be seen here. Those further down become children as their parents are killed.
    fn clean_up(&mut self) {
        let Some(left) = &mut self.left_behind else { return };
        left.groups.iter().for_each(|group| kill_group(group));
        let is_stranger = |pid: i32| !self.sidecars.contains(&pid);
        tree::kill_all(|| tree::descendants_of_children(is_stranger));
        if tree::own_children().into_iter().any(is_stranger) {
            return;
        }
        left.groups.retain(|group| remove_group(group).is_err());
        // A group that cannot be removed (somebody else may hold on to it) must not keep the fork server alive for ever.
        if left.groups.is_empty() || left.give_up_at.is_some_and(|at| at <= Instant::now()) {
            left.sidecars.iter().for_each(|pid| self.announcements.say_swept(*pid));
            self.left_behind = None;
        }
    }
}

/// What used to be standard output: after the first line it tells the owner what was swept. Sidecars do not keep it.
struct Announcements(OwnedFd);

impl Announcements {
    fn take_stdout(surroundings: &Surroundings) -> Result<Self, Fatal> {
        let out = std::io::stdout().as_fd().try_clone_to_owned().map_err(Fatal::doing("cannot duplicate stdout"))?;
        dup2_stdout(&surroundings.null).map_err(Fatal::doing("cannot replace stdout"))?;
        // An owner that does not read must not hold up the sweeping.
        let flags = fcntl(&out, FcntlArg::F_GETFL).map(OFlag::from_bits_retain).unwrap_or(OFlag::empty());
        fcntl(&out, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))
            .map_err(Fatal::doing("cannot make stdout nonblocking"))?;
        Ok(Self(out))
    }

    /// Everything that this sidecar left behind is gone.
    fn say_swept(&self, pid: i32) {
        let _ = write(&self.0, format!("{{\"swept\":{pid}}}\n").as_bytes());
    }
}

/// Who woke the fork server.
struct Wakes {
    signalled: bool,
    knocked: bool,
    life_line: bool,
}

fn is_over(life_line: &OwnedFd) -> bool {
    !matches!(read(life_line, &mut [0; 64]), Ok(1..) | Err(Errno::EINTR | Errno::EAGAIN))
}

fn say_fork_failed(connection: &OwnedFd, errno: Errno) {
    let mut frame = Vec::new();
    let message = format!("cannot fork a sidecar: {}", errno.desc());
    write_event(
        &mut frame,
        0,
        &Event::Error { code: &errno_name(errno), errno: Some(errno as u32), message: &message },
    );
    let _ = write(connection, &frame);
}
