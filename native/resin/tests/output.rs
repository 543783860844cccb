//! Output: whole, in order, within its window, and never in the way of a kill.

mod support;

use std::time::{Duration, Instant};

use resin::wire::messages::{Command, Event};
use support::{Owner, Server, Spec, proc};

#[test]
fn the_output_of_a_program_that_ends_at_once_is_whole_and_before_exited() {
    for _ in 0..20 {
        let (mut owner, _) = Owner::started(&Spec::shell("printf out; printf err >&2"));
        owner.exited();
        assert_eq!((&owner.output[1][..], &owner.output[2][..]), (&b"out"[..], &b"err"[..]));
        assert_eq!(owner.log.last().unwrap(), "exited");
    }
}

#[test]
fn a_megabyte_through_a_small_window_arrives_whole() {
    let mut spec = Spec::shell("seq 1 150000");
    spec.window_bytes = [4096; 3];
    let (mut owner, _) = Owner::started(&spec);
    owner.credits = false;
    while owner.log.last().is_none_or(|last| last != "exited") {
        owner.next().unwrap();
        let back = owner.uncredited[1].min(1000);
        owner.give_back(1, back);
    }
    let expected: String = (1..=150_000).map(|number| format!("{number}\n")).collect();
    assert!(owner.output[1] == expected.as_bytes(), "{} bytes of {}", owner.output[1].len(), expected.len());
    assert_eq!(owner.log.last().unwrap(), "exited");
}

#[test]
fn no_more_than_the_window_is_sent_while_the_process_lives() {
    let mut spec = Spec::fixture("floods-stdout");
    spec.window_bytes = [65536, 10_000, 65536];
    let (mut owner, started) = Owner::started(&spec);
    owner.credits = false;
    while owner.output[1].len() < 10_000 {
        owner.next().unwrap();
    }
    assert_eq!(owner.ask(&Command::Stats {}), "stats");
    assert_eq!(owner.output[1].len(), 10_000);
    assert!(proc::is_running(started.pid));
    owner.give_back(1, 300);
    while owner.output[1].len() < 10_300 {
        owner.next().unwrap();
    }
    assert_eq!(owner.ask(&Command::Stats {}), "stats");
    assert_eq!(owner.output[1].len(), 10_300);
}

#[test]
fn the_last_pipeful_is_sent_without_regard_to_the_window() {
    let mut spec = Spec::shell("head -c 30000 /dev/zero; head -c 20000 /dev/zero >&2");
    spec.window_bytes = [1; 3];
    let (mut owner, _) = Owner::started(&spec);
    owner.credits = false;
    owner.exited();
    assert_eq!((owner.output[1].len(), owner.output[2].len()), (30_000, 20_000));
}

#[test]
fn a_stderr_nobody_gives_back_does_not_hold_up_stdout() {
    let (mut owner, _) =
        Owner::started(&Spec::shell("head -c 100000 /dev/zero >&2 & head -c 500000 /dev/zero; exit 0"));
    owner.credits = false;
    while owner.output[1].len() < 500_000 {
        owner.next().unwrap();
        let back = owner.uncredited[1];
        owner.give_back(1, back);
    }
}

#[test]
fn credit_for_more_than_is_out_is_fatal_and_ends_the_tree() {
    let (mut owner, started) = Owner::ready(&Spec::fixture("never-reads-stdin"));
    owner.send(&Command::Credit { stream: 1, bytes: 1 });
    assert_eq!(owner.fatal(), (0, "ERR_WIRE".to_owned()));
    assert_eq!(owner.sidecar_code(), Some(0));
    assert!(!proc::is_running(started.pid));
}

#[test]
fn an_owner_that_was_slow_gets_the_rest_without_another_word() {
    let mut spec = Spec::new(&["head", "-c", "8000000", "/dev/zero"]);
    spec.window_bytes = [65536, 16 << 20, 65536];
    // Of a fork server: on a connection of one descriptor, where room wakes a sidecar only that waits for it.
    let server = Server::new();
    let mut owner = server.connect();
    let started = owner.start(&spec);
    owner.credits = false;
    let sidecar = resin::tree::Stat::read(started.pid).unwrap().ppid;
    support::eventually("pipe, sidecar and connection are full", || {
        [started.pid, sidecar].iter().all(|pid| proc::status(*pid, "State").starts_with('S'))
    });
    owner.exited();
    assert_eq!(owner.output[1].len(), 8_000_000);
}

#[test]
fn a_reader_that_never_reads_cannot_delay_a_kill() {
    let mut spec = Spec::fixture("floods-stdout");
    spec.window_bytes = [65536, 16 << 20, 65536];
    let (mut owner, started) = Owner::started(&spec);
    // Nothing is read from here on: the connection fills up, and the stop still goes through.
    let mut stop = Vec::new();
    resin::wire::codec::write_command(&mut stop, 99, &Command::Stop(Box::new(support::stop(15, 0))));
    std::io::Write::write_all(&mut owner.stream, &stop).unwrap();
    support::eventually("the process is gone", || !proc::is_running(started.pid));
    let exited = owner.exited();
    assert_eq!((exited.signal, exited.killed), (Some(9), true));
}

#[test]
fn an_answer_overtakes_output() {
    let mut spec = Spec::fixture("floods-stdout");
    spec.window_bytes = [65536, 16 << 20, 65536];
    let (mut owner, _) = Owner::ready(&spec);
    let before = owner.output[1].len();
    let begun = Instant::now();
    assert_eq!(owner.ask(&Command::Stats {}), "stats");
    assert!(owner.output[1].len() - before < 4 << 20, "{} bytes came first", owner.output[1].len() - before);
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[test]
fn the_end_of_a_stream_is_told_while_the_process_lives() {
    let (mut owner, started) = Owner::ready(&Spec::fixture("closes-descriptors"));
    for stream in [0, 1, 2] {
        if !owner.log.contains(&format!("closed {stream}")) {
            owner.wait_for(|_, event| (*event == Event::Closed { stream }).then_some(()));
        }
    }
    assert!(proc::is_running(started.pid));
}
