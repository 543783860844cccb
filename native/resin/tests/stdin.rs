//! Input: every write answered once it is in the pipe, and a process that never reads in nobody's way.

mod support;

use resin::wire::messages::Command;
use resin::wire::start::Stdio;
use support::{Owner, Spec, eventually, proc};

#[test]
fn what_is_written_arrives_whole_and_closing_ends_it() {
    let (mut owner, _) = Owner::started(&Spec::new(&["cat"]));
    let text: Vec<u8> = (0..3_000_000u32).map(|number| (number % 251) as u8).collect();
    for piece in text.chunks(60_000) {
        assert_eq!(owner.ask(&Command::Write { data: piece }), "wrote");
    }
    assert_eq!(owner.ask(&Command::CloseStdin {}), "ok");
    let exited = owner.exited();
    assert_eq!(exited.code, Some(0));
    assert!(owner.output[1] == text);
}

#[test]
fn a_write_is_answered_only_when_it_is_wholly_in_the_pipe() {
    let mut spec = Spec::shell("read -r _; echo ready; head -c 200000 | wc -c");
    spec.window_bytes = [4 << 20, 65536, 65536];
    let (mut owner, _) = Owner::started(&spec);
    let large = owner.send(&Command::Write { data: &vec![b'x'; 2_000_000] });
    // The pipe holds at most 1 MiB: nothing can have been answered before the process reads on.
    assert_eq!(owner.ask(&Command::Stats {}), "stats");
    assert!(!owner.log.contains(&"wrote".to_owned()));
    owner.ask_nothing_then_kill(large);
}

impl Owner {
    fn ask_nothing_then_kill(&mut self, write: u32) {
        self.stop(0);
        assert_eq!(self.answer(write), "EPIPE");
        assert_eq!(self.exited().signal, Some(9));
    }
}

#[test]
fn one_answer_does_for_several_writes() {
    let (mut owner, _) = Owner::started(&Spec::new(&["cat"]));
    owner.send(&Command::Write { data: b"one " });
    owner.send(&Command::Write { data: b"two " });
    let last = owner.send(&Command::Write { data: b"three\n" });
    assert_eq!(owner.answer(last), "wrote");
    owner.wait_for_output(1, b"one two three\n");
}

#[test]
fn writes_after_the_reader_has_gone_are_answered_with_epipe() {
    let (mut owner, started) = Owner::ready(&Spec::fixture("closes-descriptors"));
    owner.stdin_closed();
    assert_eq!(owner.ask(&Command::Write { data: b"x" }), "EPIPE");
    assert_eq!(owner.ask(&Command::CloseStdin {}), "ok");
    assert!(proc::is_running(started.pid));
}

#[test]
fn writing_to_a_null_or_closed_stdin_does_not_fit() {
    let mut spec = Spec::shell("sleep 1000");
    spec.stdio[0] = Stdio::Null;
    let (mut owner, _) = Owner::started(&spec);
    assert_eq!(owner.ask(&Command::Write { data: b"x" }), "ERR_STATE");
    let (mut owner, _) = Owner::started(&Spec::shell("sleep 1000"));
    assert_eq!(owner.ask(&Command::CloseStdin {}), "ok");
    assert_eq!(owner.ask(&Command::CloseStdin {}), "ok");
    assert_eq!(owner.ask(&Command::Write { data: b"x" }), "ERR_STATE");
}

#[test]
fn closing_waits_for_what_was_written_before() {
    let (mut owner, _) = Owner::started(&Spec::shell("read -r _; cat >/dev/null; echo read"));
    let mut data = vec![b'x'; 60_000];
    data[9] = b'\n';
    owner.send(&Command::Write { data: &data });
    let close = owner.send(&Command::CloseStdin {});
    assert_eq!(owner.answer(close), "ok");
    owner.wait_for_output(1, b"read\n");
    assert_eq!(owner.exited().code, Some(0));
}

#[test]
fn more_than_the_window_is_fatal() {
    let mut spec = Spec::fixture("never-reads-stdin");
    // More than any pipe holds, so that it cannot be in there before the next comes.
    spec.window_bytes = [2 << 20, 65536, 65536];
    let (mut owner, started) = Owner::ready(&spec);
    owner.send(&Command::Write { data: &vec![b'x'; 2 << 20] });
    owner.send(&Command::Write { data: b"y" });
    assert_eq!(owner.fatal(), (0, "ERR_WIRE".to_owned()));
    eventually("the process is gone", || !proc::is_running(started.pid));
}

#[test]
fn a_full_stdin_is_in_nobodys_way() {
    let mut spec = Spec::fixture("never-reads-stdin");
    spec.window_bytes = [1 << 20, 65536, 65536];
    let (mut owner, _) = Owner::ready(&spec);
    owner.send(&Command::Write { data: &vec![b'x'; 1 << 20] });
    assert_eq!(owner.ask(&Command::Stats {}), "stats");
    owner.stop(5_000);
    let exited = owner.exited();
    assert_eq!((exited.signal, exited.killed), (Some(15), false));
}
