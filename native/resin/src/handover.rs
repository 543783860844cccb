//! Hands a descriptor over to an owner, who listens for it: a socket cannot be opened by a path under `/proc`, as a pipe can. Knows that the owner is this
//! process's user; does not know what the descriptor is good for.

use std::io::IoSlice;
use std::os::fd::{AsFd, AsRawFd};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, ControlMessage, MsgFlags, SockFlag, SockType, UnixAddr, connect, getsockopt, sendmsg, socket,
    sockopt,
};
use nix::sys::stat::fstat;
use nix::unistd::geteuid;

/// Sends `fd` to the abstract unix stream socket named `to`, and gives the inode by which it can be known there. It has been sent when this returns; it need
/// not have been accepted.
///
/// # Errors
/// What the kernel answers, EAGAIN where too many are waiting already; EPERM when somebody else listens under that name.
pub fn hand_over(fd: impl AsFd, to: &[u8]) -> Result<u64, Errno> {
    let inode = fstat(fd.as_fd())?.st_ino;
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let way = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    connect(way.as_raw_fd(), &UnixAddr::new_abstract(to)?)?;
    if getsockopt(&way, sockopt::PeerCredentials)?.uid() != geteuid().as_raw() {
        return Err(Errno::EPERM);
    }
    let descriptors = [fd.as_fd().as_raw_fd()];
    let rights = [ControlMessage::ScmRights(&descriptors)];
    sendmsg::<()>(way.as_raw_fd(), &[IoSlice::new(&[0])], &rights, MsgFlags::MSG_NOSIGNAL, None)?;
    Ok(inode)
}
