//! Much input: the pipe of stdin lent to its owner, who writes to it without resin, and closes it with resin.

mod support;

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};

use resin::wire::messages::{CAPABILITY_LENDS_STDIN, Command, Event};
use resin::wire::start::{Stdio, Step, StopSpec};
use support::{Owner, Spec, Started, eventually, fill, proc, write_whole};

const LEND: Command<'static> = Command::Lend { to: None };

/// Opens the pipe that the answer names.
fn borrowed(owner: &mut Owner) -> File {
    let request = owner.send(&LEND);
    let (path, inode) = owner.wait_for(|id, event| match event {
        Event::Lent { path: Some(path), inode } if id == request => {
            Some((String::from_utf8_lossy(path).into_owned(), *inode))
        }
        Event::Error { message, .. } if id == request => panic!("not lent: {message}"),
        _ => None,
    });
    let pipe = OpenOptions::new().write(true).custom_flags(libc::O_NONBLOCK).open(path).unwrap();
    assert_eq!(pipe.metadata().unwrap().ino(), inode);
    pipe
}

/// Starts a program whose shell reads and forgets a mebibyte first, and feeds it that by commands: what is lent then is a pipe of the sidecar's own.
fn flooded(script: &str) -> (Owner, Started) {
    let (mut owner, started) = Owner::started(&Spec::shell(&format!("head -c 1048576 >/dev/null; {script}")));
    for _ in 0..16 {
        assert_eq!(owner.ask(&Command::Write { data: &[b'-'; 65536] }), "wrote");
    }
    (owner, started)
}

/// Closes both ends of the input, which its process takes for the end and ends as well.
fn close_both(owner: &mut Owner, pipe: File) {
    drop(pipe);
    assert_eq!(owner.ask(&Command::CloseStdin {}), "ok");
    assert_eq!(owner.exited().code, Some(0));
}

/// Writes to a pipe that breaks in a moment, if it is not broken yet.
fn write_until_broken(pipe: &File) {
    eventually("the pipe breaks", || {
        let mut writer = pipe;
        writer.write(b"x").is_err_and(|error| error.kind() == ErrorKind::BrokenPipe)
    });
}

fn sleeper() -> (Owner, Started) {
    Owner::ready(&Spec::fixture("never-reads-stdin"))
}

fn sleeps_of(pid: u32) -> u64 {
    proc::status(pid as i32, "voluntary_ctxt_switches").parse().unwrap()
}

#[test]
fn a_sidecar_says_that_it_lends() {
    assert_ne!(Owner::of_sidecar().greeted() & CAPABILITY_LENDS_STDIN, 0);
}

#[test]
fn commands_and_then_the_pipe_are_the_whole_input_in_order() {
    let (mut owner, _) = Owner::started(&Spec::shell("cat; echo end"));
    assert_eq!(owner.ask(&Command::Write { data: b"by commands, " }), "wrote");
    let pipe = borrowed(&mut owner);
    write_whole(&pipe, b"by the pipe, ");
    close_both(&mut owner, pipe);
    assert_eq!(owner.output[1], b"by commands, by the pipe, end\n");
}

#[test]
fn the_input_ends_when_both_have_closed_it() {
    let (mut owner, started) = Owner::started(&Spec::shell("cat >/dev/null; echo end"));
    let pipe = borrowed(&mut owner);
    assert_eq!(owner.ask(&Command::CloseStdin {}), "ok");
    write_whole(&pipe, &[b'x'; 300_000]);
    assert!(proc::is_running(started.pid));
    drop(pipe);
    owner.wait_for_output(1, b"end\n");
    assert_eq!(owner.exited().code, Some(0));
}

#[test]
fn a_sidecar_sleeps_while_its_owner_writes() {
    let (mut owner, _) = Owner::started(&Spec::shell("exec cat >/dev/null"));
    let pipe = borrowed(&mut owner);
    let sidecar_pid = owner.sidecar.as_ref().unwrap().id();
    let before = sleeps_of(sidecar_pid);
    let megabytes = vec![b'x'; 20 << 20];
    (0..5).for_each(|_| write_whole(&pipe, &megabytes));
    // A few belong to the answer and what comes after it. Were it woken by the reading there would be hundreds.
    assert!(sleeps_of(sidecar_pid) - before < 10);
    owner.stop(0);
    owner.exited();
}

#[test]
fn what_has_no_open_empty_pipe_is_not_lent() {
    let mut null = Spec::shell("sleep 1000");
    null.stdio[0] = Stdio::Null;
    for spec in [null, Spec::shell("exec cat").pty(false, true)] {
        assert_eq!(Owner::started(&spec).0.ask(&LEND), "ERR_STATE");
    }
    let (mut owner, _) = Owner::started(&Spec::shell("sleep 1000"));
    owner.ask(&Command::CloseStdin {});
    assert_eq!(owner.ask(&LEND), "ERR_STATE");

    let mut spec = Spec::fixture("never-reads-stdin");
    spec.window_bytes[0] = 4 << 20;
    let (mut owner, _) = Owner::ready(&spec);
    owner.send(&Command::Write { data: &vec![b'x'; 2 << 20] });
    assert_eq!(owner.ask(&LEND), "ERR_STATE", "not everything is in the pipe");

    let (mut owner, _) = Owner::ready(&Spec::fixture("closes-descriptors"));
    owner.stdin_closed();
    assert_eq!(owner.ask(&LEND), "ERR_STATE", "nobody reads");
}

#[test]
fn a_lend_that_crossed_with_the_end_is_ignored() {
    let mut owner = Owner::of_sidecar();
    owner.start(&Spec::shell("exit 0"));
    owner.life_ended();
    owner.send(&LEND);
    owner.send_start(&Spec::shell("exit 3"));
    assert_eq!(owner.life_ended().code, Some(3));
    assert!(!owner.log.contains(&"error".to_owned()) && !owner.log.contains(&"lent".to_owned()));
}

#[test]
fn a_write_by_command_that_has_to_wait_for_a_lent_pipe_is_answered() {
    let (mut owner, _) = Owner::started(&Spec::new(&["tail", "-c", "4"]));
    let pipe = borrowed(&mut owner);
    owner.ask(&Command::Pause {});
    fill(&pipe);
    let write = owner.send(&Command::Write { data: b"\nend" });
    let close = owner.send(&Command::CloseStdin {});
    drop(pipe);
    owner.ask(&Command::Resume {});
    assert_eq!(owner.answer(write), "wrote");
    assert_eq!(owner.answer(close), "ok");
    owner.wait_for_output(1, b"\nend");
    owner.exited();
}

#[test]
fn a_step_that_closes_stdin_is_told_so_that_the_owner_closes_it_too() {
    let wait = Step { delay_ms: 20_000, stdin: None, close_stdin: None, command: None, signal: None, target: None };
    let mut spec = Spec::shell("cat; echo end");
    let steps = vec![Step { stdin: Some(b"quit "), close_stdin: Some(true), ..wait }];
    spec.stop = StopSpec { steps: Some(steps), ..support::stop(15, 60_000) };
    let (mut owner, _) = Owner::started(&spec);
    let pipe = borrowed(&mut owner);
    write_whole(&pipe, b"text ");
    owner.ask(&Command::Stop(Box::new(StopSpec { planned: Some(true), ..support::stop(15, 60_000) })));
    owner.stdin_closed();
    drop(pipe);
    assert!(!owner.exited().killed);
    assert_eq!(owner.output[1], b"text quit end\n");
}

#[test]
fn a_full_pipe_that_is_lent_cannot_delay_a_stop_or_a_kill() {
    for (grace_ms, signal) in [(5_000, 15), (0, 9)] {
        let (mut owner, started) = sleeper();
        let pipe = borrowed(&mut owner);
        assert!(fill(&pipe) >= 65536);
        owner.stop(grace_ms);
        assert_eq!(owner.exited().signal, Some(signal));
        assert!(!proc::is_running(started.pid));
    }
}

#[test]
fn an_owner_that_is_gone_leaves_no_writer() {
    let (mut owner, started) = Owner::ready(&Spec::shell("trap '' TERM; echo ready; cat >/dev/null; sleep 1000"));
    let pipe = borrowed(&mut owner);
    write_whole(&pipe, b"text");
    drop(pipe);
    owner.stream.shutdown(std::net::Shutdown::Both).unwrap();
    eventually("the process is gone", || !proc::is_running(started.pid));
    assert_eq!(owner.sidecar_code(), Some(0));
}

#[test]
fn a_reader_that_is_gone_is_told_by_the_pipe() {
    let (mut owner, _) = Owner::ready(&Spec::shell("echo ready; read -r _; exec 0<&-; echo closed; sleep 1000"));
    let mut pipe = borrowed(&mut owner);
    pipe.write_all(b"\n").unwrap();
    owner.wait_for_output(1, b"ready\nclosed\n");
    assert_eq!(pipe.write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
    owner.stop(0);
    owner.exited();
}

#[test]
fn a_flood_goes_by_a_pipe_of_the_sidecar_s_own_and_is_whole_and_in_order() {
    let (mut owner, started) = flooded("exec cat");
    owner.ask(&Command::Write { data: b"by commands, " });
    let pipe = borrowed(&mut owner);
    let process_s_own = std::fs::metadata(format!("/proc/{}/fd/0", started.pid)).unwrap();
    assert_ne!(pipe.metadata().unwrap().ino(), process_s_own.ino());
    write_whole(&pipe, b"by the pipe, ");
    close_both(&mut owner, pipe);
    assert_eq!(owner.output[1], b"by commands, by the pipe, ");
}

#[test]
fn a_flood_that_its_process_reads_late_is_whole() {
    let (mut owner, _) = flooded("exec wc -c");
    let pipe = borrowed(&mut owner);
    owner.ask(&Command::Pause {});
    let written = fill(&pipe);
    assert!(written >= 1 << 20);
    owner.ask(&Command::Resume {});
    write_whole(&pipe, &vec![b'x'; 20 << 20]);
    close_both(&mut owner, pipe);
    assert_eq!(owner.output[1], format!("{}\n", written + (20 << 20)).as_bytes());
}

#[test]
fn commands_go_behind_what_is_in_the_sidecar_s_own_pipe_and_the_end_behind_all() {
    let (mut owner, _) = flooded("exec tail -c 4");
    let pipe = borrowed(&mut owner);
    owner.ask(&Command::Pause {});
    fill(&pipe);
    let write = owner.send(&Command::Write { data: b"\nend" });
    let close = owner.send(&Command::CloseStdin {});
    drop(pipe);
    owner.ask(&Command::Resume {});
    assert_eq!(owner.answer(write), "wrote");
    assert_eq!(owner.answer(close), "ok");
    owner.exited();
    assert_eq!(owner.output[1], b"\nend");
}

#[test]
fn a_step_that_closes_stdin_closes_the_sidecar_s_own_pipe_as_well() {
    let step = Step {
        delay_ms: 20_000,
        stdin: Some(b"quit "),
        close_stdin: Some(true),
        command: None,
        signal: None,
        target: None,
    };
    let (mut owner, _) = flooded("tail -c 10; echo end; exec sleep 1000");
    let pipe = borrowed(&mut owner);
    write_whole(&pipe, b"text ");
    owner.ask(&Command::Stop(Box::new(StopSpec { steps: Some(vec![step]), ..support::stop(15, 60_000) })));
    owner.wait_for_output(1, b"text quit end\n");
    if !owner.log.contains(&"closed 0".to_owned()) {
        owner.stdin_closed();
    }
    write_until_broken(&pipe);
    owner.stop(0);
    owner.exited();
}

#[test]
fn a_flood_that_nobody_reads_cannot_delay_a_stop_or_a_kill() {
    for (grace_ms, signal) in [(5_000, 15), (0, 9)] {
        let (mut owner, started) = flooded("echo ready; exec sleep 1000");
        owner.wait_for_output(1, b"ready\n");
        let pipe = borrowed(&mut owner);
        assert!(fill(&pipe) >= 1 << 20);
        owner.stop(grace_ms);
        assert_eq!(owner.exited().signal, Some(signal));
        assert!(!proc::is_running(started.pid));
        write_until_broken(&pipe);
    }
}

#[test]
fn a_reader_of_a_flood_that_is_gone_is_told_by_the_sidecar_s_own_pipe() {
    let (mut owner, _) = flooded("read -r _; exec 0<&-; echo closed; sleep 1000");
    let mut pipe = borrowed(&mut owner);
    pipe.write_all(b"\n").unwrap();
    owner.wait_for_output(1, b"closed\n");
    write_until_broken(&pipe);
    owner.stop(0);
    owner.exited();
    assert!(!owner.log.contains(&"closed 0".to_owned()));
}
