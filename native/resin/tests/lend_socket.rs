//! Stdin as a socket: a program finds one that it can only read, and its owner is sent the other end, to write to it without resin.

mod support;

use std::fs::read_link;
use std::io::{ErrorKind, IoSliceMut, Write};
use std::net::Shutdown;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::sync::atomic::{AtomicU32, Ordering};

use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg};
use resin::wire::messages::{CAPABILITY_SOCKET, Command, Event};
use resin::wire::start::{Stdio, Step, StopSpec};
use support::{Owner, Spec, Started, eventually, fill, proc, write_whole};

fn socketed(script: &str) -> Spec {
    let mut spec = Spec::shell(script);
    spec.stdio[0] = Stdio::Socket;
    spec
}

fn mailbox() -> (String, UnixListener) {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("resin-test-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let listener = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
    (name, listener)
}

fn lend(to: &str) -> Command<'_> {
    Command::Lend { to: Some(to.as_bytes()) }
}

/// Has the other end sent, and takes it.
fn borrowed(owner: &mut Owner) -> UnixStream {
    let (name, listener) = mailbox();
    let request = owner.send(&lend(&name));
    let inode = owner.wait_for(|id, event| match event {
        Event::Lent { path: None, inode } if id == request => Some(*inode),
        Event::Error { message, .. } if id == request => panic!("not lent: {message}"),
        _ => None,
    });
    // It has come when the answer has.
    listener.set_nonblocking(true).unwrap();
    let (visitor, _) = listener.accept().unwrap();
    let (mut byte, mut space) = ([0], nix::cmsg_space!(RawFd));
    let mut parts = [IoSliceMut::new(&mut byte)];
    let message = recvmsg::<()>(visitor.as_raw_fd(), &mut parts, Some(&mut space), MsgFlags::MSG_CMSG_CLOEXEC).unwrap();
    let Some(ControlMessageOwned::ScmRights(fds)) = message.cmsgs().unwrap().next() else { panic!("nothing sent") };
    // SAFETY: the kernel has just made it for us.
    let end = unsafe { OwnedFd::from_raw_fd(fds[0]) };
    assert_eq!(std::fs::File::from(end.try_clone().unwrap()).metadata().unwrap().ino(), inode);
    UnixStream::from(end)
}

#[test]
fn a_sidecar_says_that_it_can() {
    assert_ne!(Owner::of_sidecar().greeted() & CAPABILITY_SOCKET, 0);
}

#[test]
fn a_program_finds_a_socket_that_it_can_read_and_not_write() {
    let script = "trap '' PIPE; read -r word; echo $word; echo back >&0 || echo refused; sleep 1000";
    let (mut owner, started) = Owner::started(&socketed(&format!("exec 2>/dev/null; {script}")));
    let link = read_link(format!("/proc/{}/fd/0", started.pid)).unwrap();
    assert!(link.to_string_lossy().starts_with("socket:"), "{link:?}");
    assert_eq!(owner.ask(&Command::Write { data: b"word\n" }), "wrote");
    owner.wait_for_output(1, b"word\nrefused\n");
    owner.stop(0);
    owner.exited();
}

#[test]
fn only_stdin_can_be_one() {
    for stream in 1..3 {
        let mut spec = Spec::shell("exit 0");
        spec.stdio[stream] = Stdio::Socket;
        assert_eq!(Owner::of_sidecar().start_fails(&spec), ("argv".to_owned(), "EINVAL".to_owned()));
    }
}

#[test]
fn commands_and_then_the_socket_are_the_whole_input_in_order_and_end_when_both_are_closed() {
    let (mut owner, started) = Owner::started(&socketed("cat; echo end"));
    assert_eq!(owner.ask(&Command::Write { data: b"by commands, " }), "wrote");
    let end = borrowed(&mut owner);
    write_whole(&end, b"by the socket, ");
    assert_eq!(owner.ask(&Command::CloseStdin {}), "ok");
    write_whole(&end, b"still, ");
    assert!(proc::is_running(started.pid));
    drop(end);
    assert_eq!(owner.exited().code, Some(0));
    assert_eq!(owner.output[1], b"by commands, by the socket, still, end\n");
}

#[test]
fn a_large_write_by_command_waits_for_the_reader_and_is_whole() {
    let mut spec = socketed("exec wc -c");
    spec.window_bytes[0] = 4 << 20;
    let (mut owner, _) = Owner::started(&spec);
    assert_eq!(owner.ask(&Command::Write { data: &vec![b'x'; 3 << 20] }), "wrote");
    assert_eq!(owner.ask(&Command::CloseStdin {}), "ok");
    owner.exited();
    assert_eq!(owner.output[1], format!("{}\n", 3 << 20).as_bytes());
}

#[test]
fn a_sidecar_sleeps_while_its_owner_writes() {
    let (mut owner, _) = Owner::started(&socketed("exec cat >/dev/null"));
    let end = borrowed(&mut owner);
    let sidecar_pid = owner.sidecar.as_ref().unwrap().id() as i32;
    let sleeps = || proc::status(sidecar_pid, "voluntary_ctxt_switches").parse::<u64>().unwrap();
    let before = sleeps();
    write_whole(&end, &vec![b'x'; 100 << 20]);
    assert!(sleeps() - before < 10);
    owner.stop(0);
    owner.exited();
}

#[test]
fn it_is_not_sent_where_nobody_listens_too_many_wait_or_not_all_is_written() {
    let mut spec = socketed("exec sleep 1000");
    spec.window_bytes[0] = 4 << 20;
    let (mut owner, _) = Owner::started(&spec);
    assert_eq!(owner.ask(&Command::Lend { to: None }), "ERR_STATE");
    assert_eq!(owner.ask(&lend("resin-test-nobody")), "ERR_STATE");
    assert_eq!(owner.ask(&lend(&"x".repeat(200))), "ERR_STATE");
    let (name, listener) = mailbox();
    nix::sys::socket::listen(&listener, nix::sys::socket::Backlog::new(0).unwrap()).unwrap();
    let _in_the_way = UnixStream::connect_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
    assert_eq!(owner.ask(&lend(&name)), "ERR_STATE");
    assert_eq!(owner.ask(&Command::Write { data: b"as before" }), "wrote");
    owner.send(&Command::Write { data: &vec![b'x'; 3 << 20] });
    assert_eq!(owner.ask(&lend(&mailbox().0)), "ERR_STATE");
    owner.stop(0);
    owner.exited();
}

#[test]
fn it_is_not_sent_to_another_user() {
    // SAFETY: a number of no memory.
    if unsafe { libc::geteuid() } != 0 {
        return support::skip("only root can listen as another user");
    }
    let other = std::thread::spawn(|| {
        let unchanged = u32::MAX;
        // SAFETY: numbers of no memory. By this way it holds for this thread alone.
        assert_eq!(unsafe { libc::syscall(libc::SYS_setresuid, unchanged, 65534, unchanged) }, 0);
        mailbox()
    });
    let (name, listener) = other.join().unwrap();
    let (mut owner, _) = Owner::started(&socketed("exec cat"));
    assert_eq!(owner.ask(&lend(&name)), "ERR_STATE");
    listener.set_nonblocking(true).unwrap();
    let (visitor, _) = listener.accept().unwrap();
    let (mut byte, mut space) = ([0], nix::cmsg_space!(RawFd));
    let mut parts = [IoSliceMut::new(&mut byte)];
    let message = recvmsg::<()>(visitor.as_raw_fd(), &mut parts, Some(&mut space), MsgFlags::MSG_DONTWAIT).unwrap();
    assert_eq!((message.bytes, message.cmsgs().unwrap().count()), (0, 0));
    owner.stop(0);
    owner.exited();
}

#[test]
fn a_reader_that_is_gone_is_told_by_an_event_or_by_the_socket_that_is_lent() {
    let script = "echo ready; read -r _; exec 0<&-; echo closed; sleep 1000";
    let (mut owner, _) = Owner::ready(&socketed(script));
    owner.send(&Command::Write { data: b"\nmore" });
    owner.stdin_closed();
    assert_eq!(owner.ask(&Command::Write { data: b"x" }), "EPIPE");
    assert_eq!(owner.ask(&lend(&mailbox().0)), "ERR_STATE");
    owner.stop(0);
    owner.exited();

    let (mut owner, _) = Owner::ready(&socketed(script));
    let mut end = borrowed(&mut owner);
    end.write_all(b"\n").unwrap();
    owner.wait_for_output(1, b"ready\nclosed\n");
    assert_eq!(end.write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
    owner.stop(0);
    owner.exited();
}

#[test]
fn a_step_writes_behind_what_is_in_it_and_one_that_closes_is_told() {
    let wait = Step { delay_ms: 20_000, stdin: None, close_stdin: None, command: None, signal: None, target: None };
    let (mut owner, _) = Owner::started(&socketed("cat; echo end"));
    let end = borrowed(&mut owner);
    write_whole(&end, b"text ");
    let steps = Some(vec![Step { stdin: Some(b"quit "), close_stdin: Some(true), ..wait }]);
    owner.ask(&Command::Stop(Box::new(StopSpec { steps, ..support::stop(15, 60_000) })));
    owner.stdin_closed();
    drop(end);
    assert!(!owner.exited().killed);
    assert_eq!(owner.output[1], b"text quit end\n");
}

#[test]
fn a_full_one_cannot_delay_a_stop_or_a_kill() {
    for (grace_ms, signal) in [(5_000, 15), (0, 9)] {
        let (mut owner, Started { pid, .. }) = Owner::started(&socketed("exec sleep 1000"));
        let end = borrowed(&mut owner);
        fill(&end);
        owner.stop(grace_ms);
        assert_eq!(owner.exited().signal, Some(signal));
        assert!(!proc::is_running(pid));
    }
}

#[test]
fn an_owner_that_is_gone_leaves_no_writer() {
    let (mut owner, started) = Owner::ready(&socketed("trap '' TERM; echo ready; cat >/dev/null; sleep 1000"));
    let end = borrowed(&mut owner);
    write_whole(&end, b"text");
    drop(end);
    owner.stream.shutdown(Shutdown::Both).unwrap();
    eventually("the process is gone", || !proc::is_running(started.pid));
    assert_eq!(owner.sidecar_code(), Some(0));
}
