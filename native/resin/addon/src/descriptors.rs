//! Taking descriptors that another process sends: Node's own sockets drop them. A mailbox is an abstract unix socket that listens for as long as one is waited
//! for. Anybody may knock there: what is not the one that is waited for is closed at once.
//!
//! A mailbox belongs to the thread that opened it, and ends with it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::mem::zeroed;
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::ptr::{from_mut, null_mut};

use napi_sys::{
    napi_callback_info, napi_create_int32, napi_env, napi_get_boolean, napi_get_value_int64,
    napi_get_value_string_utf8, napi_value,
};

use crate::arguments;

/// The longest name there is, with the NUL that Node ends it by.
const NAME_BYTES: usize = 108;

/// Room for as many descriptors as one message can have, in words: none is ever cut off, which would leave it open and unknown.
const CONTROL_WORDS: usize = 256;

/// Those who knock are let in until the one who was waited for comes, but not for ever.
const MOST_VISITORS: usize = 1024;

thread_local! {
    static MAILBOXES: RefCell<HashMap<Vec<u8>, UnixListener>> = RefCell::default();
}

/// `openMailbox(name: string): boolean`: listens under that name; false where that cannot be.
pub unsafe extern "C" fn open_mailbox(env: napi_env, info: napi_callback_info) -> napi_value {
    let [name] = arguments(env, info);
    let name = text(env, name);
    let mailbox = listen(&name);
    let is_open = mailbox.is_ok();
    if let Ok(mailbox) = mailbox {
        MAILBOXES.with_borrow_mut(|mailboxes| mailboxes.insert(name, mailbox));
    }
    let mut answer = null_mut();
    // SAFETY: `env` is the caller's.
    unsafe { napi_get_boolean(env, is_open, &mut answer) };
    answer
}

/// `emptyMailbox(name: string, inode: number): number`: closes the mailbox, and gives the socket of that inode if it has come, else -1. Does not wait.
pub unsafe extern "C" fn empty_mailbox(env: napi_env, info: napi_callback_info) -> napi_value {
    let [name, inode] = arguments(env, info);
    let name = text(env, name);
    let (mut number, mut answer) = (0, null_mut());
    // SAFETY: `env` is the caller's; what is no number stays 0, which is no inode.
    unsafe { napi_get_value_int64(env, inode, &mut number) };
    let mailbox = MAILBOXES.with_borrow_mut(|mailboxes| mailboxes.remove(&name));
    let found = mailbox.and_then(|mailbox| find(&mailbox, number as u64));
    // SAFETY: likewise.
    unsafe { napi_create_int32(env, found.map_or(-1, IntoRawFd::into_raw_fd), &mut answer) };
    answer
}

fn text(env: napi_env, value: napi_value) -> Vec<u8> {
    let mut bytes = [0u8; NAME_BYTES];
    let mut length = 0;
    // SAFETY: `env` is the caller's, and there is room for as many bytes as it says; of what is no text the length stays 0.
    unsafe { napi_get_value_string_utf8(env, value, bytes.as_mut_ptr().cast(), bytes.len(), &mut length) };
    bytes[..length].to_vec()
}

fn listen(name: &[u8]) -> io::Result<UnixListener> {
    let mailbox = UnixListener::bind_addr(&SocketAddr::from_abstract_name(name)?)?;
    mailbox.set_nonblocking(true)?;
    Ok(mailbox)
}

/// Whatever else has come is closed on the way.
fn find(mailbox: &UnixListener, inode: u64) -> Option<OwnedFd> {
    let mut visitors = std::iter::from_fn(|| mailbox.accept().ok()).take(MOST_VISITORS);
    visitors.find_map(|(visitor, _)| received(&visitor).into_iter().find_map(|fd| socket_of(inode, fd)))
}

fn socket_of(inode: u64, fd: OwnedFd) -> Option<OwnedFd> {
    let file = File::from(fd);
    let facts = file.metadata().ok()?;
    (facts.file_type().is_socket() && facts.ino() == inode).then(|| file.into())
}

/// The descriptors of the first message, if one is there. Not by `nix`: where this process may have no more descriptors, the kernel gives some of a
/// message, and `nix` none of them, which would be left open.
fn received(visitor: &UnixStream) -> Vec<OwnedFd> {
    let (mut byte, mut control) = ([0u8; 1], [0u64; CONTROL_WORDS]);
    let mut part = libc::iovec { iov_base: byte.as_mut_ptr().cast(), iov_len: byte.len() };
    let mut found = Vec::new();
    // SAFETY: all that the message points to outlives the call; what it has then was written by the kernel, and its descriptors are nobody else's.
    unsafe {
        let mut message: libc::msghdr = zeroed();
        message.msg_iov = from_mut(&mut part);
        message.msg_iovlen = 1;
        message.msg_control = control.as_mut_ptr().cast();
        message.msg_controllen = size_of_val(&control) as _;
        if libc::recvmsg(visitor.as_raw_fd(), &mut message, libc::MSG_DONTWAIT | libc::MSG_CMSG_CLOEXEC) < 0 {
            return found;
        }
        let mut header = libc::CMSG_FIRSTHDR(&message);
        while !header.is_null() {
            if (*header).cmsg_level == libc::SOL_SOCKET && (*header).cmsg_type == libc::SCM_RIGHTS {
                let bytes = (*header).cmsg_len as usize - libc::CMSG_LEN(0) as usize;
                let first = libc::CMSG_DATA(header).cast::<RawFd>();
                let fds = (0..bytes / size_of::<RawFd>()).map(|at| first.add(at).read_unaligned());
                found.extend(fds.map(|fd| OwnedFd::from_raw_fd(fd)));
            }
            header = libc::CMSG_NXTHDR(&message, header);
        }
    }
    found
}
