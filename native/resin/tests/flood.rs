//! Much output, a flood or a conversation: offered to an owner that takes it, left to it whole and in order, and never in the way of an end.

mod support;

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};

use resin::wire::messages::{CAPABILITY_TAKES_OUTPUT, Command, Event};
use resin::wire::start::Life;
use support::{Owner, Spec, Started, eventually, proc};

const NUMBERS: u32 = 2_000_000;

/// Twenty megabytes of zeros, and one, in writes that fill any pipe, as only a flood's do.
const ZEROS: &str = "dd if=/dev/zero bs=1M count=20 status=none";
const SOME_ZEROS: &str = "dd if=/dev/zero bs=1M count=1 status=none";

fn numbers() -> Vec<u8> {
    (1..=NUMBERS).flat_map(|number| format!("{number}\n").into_bytes()).collect()
}

/// A script that writes the numbers in pieces larger than a pipe.
fn write_numbers() -> String {
    format!("seq 1 {NUMBERS} | dd obs=1M status=none")
}

/// A process whose owner takes floods.
fn flooding(script: &str, life: Option<Life>) -> (Owner, Started) {
    let mut spec = Spec::shell(script);
    spec.window_bytes = [65536, 262_144, 262_144];
    spec.life = life;
    let mut owner = Owner::of_sidecar();
    owner.capabilities = CAPABILITY_TAKES_OUTPUT;
    let started = owner.start(&spec);
    (owner, started)
}

/// Opens the pipe that is offered.
fn offered(owner: &mut Owner) -> File {
    let (path, inode) = owner.wait_for(|_, event| match event {
        Event::Offer { stream: 1, path, inode } => Some((String::from_utf8_lossy(path).into_owned(), *inode)),
        _ => None,
    });
    let pipe = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path).unwrap();
    assert_eq!(pipe.metadata().unwrap().ino(), inode);
    pipe
}

/// Takes the flood that is offered.
fn taken(owner: &mut Owner) -> File {
    let pipe = offered(owner);
    assert_eq!(owner.ask(&Command::Take { stream: 1 }), "ok");
    pipe
}

/// Reads at least so many bytes, or to the end.
fn read_some(mut pipe: &File, least: usize) -> Vec<u8> {
    let mut all = Vec::new();
    let mut place = vec![0; 65536];
    while all.len() < least {
        match pipe.read(&mut place) {
            Ok(0) => break,
            Ok(count) => all.extend_from_slice(&place[..count]),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => std::thread::yield_now(),
            Err(error) => panic!("{error}"),
        }
    }
    all
}

#[test]
fn frames_and_then_the_pipe_are_the_whole_output_in_order() {
    let (mut owner, _) = flooding(&write_numbers(), None);
    let pipe = taken(&mut owner);
    let mut all = owner.output[1].clone();
    all.extend(read_some(&pipe, usize::MAX));
    assert!(all == numbers(), "{} bytes", all.len());
    assert_eq!(owner.exited().code, Some(0));
    assert!(!owner.log.contains(&"closed 1".to_owned()));
}

/// A process that says a line when it is told one, so many times so far.
fn conversation(spec: Spec, turns: usize) -> Owner {
    let mut owner = Owner::of_sidecar();
    owner.capabilities = CAPABILITY_TAKES_OUTPUT;
    owner.start(&spec);
    for turn in 1..=turns {
        owner.send(&Command::Write { data: b"word\n" });
        owner.wait_for_output(1, "word\n".repeat(turn).as_bytes());
    }
    owner
}

#[test]
fn a_conversation_is_offered_once_it_has_gone_on_for_some_time() {
    for (turns, is_offered) in [(63, false), (64, true)] {
        let mut owner = conversation(Spec::new(&["cat"]), turns);
        // Whatever was to be said is said before the answer.
        owner.ask(&Command::Stats {});
        assert_eq!(owner.log.contains(&"offer".to_owned()), is_offered, "after {turns} turns");
    }
}

#[test]
fn a_conversation_goes_on_in_order_when_it_is_taken() {
    let mut owner = conversation(Spec::new(&["cat"]), 63);
    owner.send(&Command::Write { data: b"last\n" });
    let pipe = taken(&mut owner);
    owner.send(&Command::Write { data: b"and on\n" });
    assert_eq!(read_some(&pipe, 7), b"and on\n");
    assert!(owner.output[1].ends_with(b"word\nlast\n"));
}

#[test]
fn a_terminal_is_never_offered() {
    let mut owner = conversation(Spec::new(&["cat"]).pty(false, true), 100);
    owner.ask(&Command::Stats {});
    assert!(!owner.log.contains(&"offer".to_owned()));
}

#[test]
fn what_is_in_the_pipe_when_the_tree_is_gone_is_the_owners_to_read() {
    let (mut owner, started) = flooding("exec cat /dev/zero", None);
    let pipe = taken(&mut owner);
    let frames = owner.log.len();
    owner.stop(5_000);
    assert_eq!(owner.exited().signal, Some(support::TERM));
    assert!(!proc::is_running(started.pid));
    assert!(!owner.log[frames..].contains(&"output 1".to_owned()));
    assert!(read_some(&pipe, usize::MAX).len() > 4096);
}

#[test]
fn an_owner_that_says_nothing_to_an_offer_gets_frames_as_ever() {
    let (mut owner, _) = flooding(&write_numbers(), None);
    drop(offered(&mut owner));
    owner.exited();
    assert!(owner.output[1] == numbers(), "{} bytes", owner.output[1].len());
    assert_eq!(owner.log.iter().filter(|name| *name == "offer").count(), 1);
}

#[test]
fn nothing_is_offered_to_an_owner_that_does_not_take_floods() {
    let mut spec = Spec::shell(ZEROS);
    spec.window_bytes = [262_144; 3];
    let (mut owner, _) = Owner::started(&spec);
    owner.exited();
    assert!(!owner.log.contains(&"offer".to_owned()));
    assert_eq!(owner.output[1].len(), 20 << 20);
}

#[test]
fn nothing_is_offered_where_output_or_silence_is_limited() {
    for (idle_timeout_ms, output_limit_bytes) in [(Some(60_000), None), (None, Some(1 << 30))] {
        let life = Life { timeout_ms: None, idle_timeout_ms, output_limit_bytes };
        let (mut owner, _) = flooding(ZEROS, Some(life));
        owner.exited();
        assert!(!owner.log.contains(&"offer".to_owned()));
    }
}

#[test]
fn what_was_not_offered_or_is_taken_cannot_be_taken() {
    let (mut owner, _) = flooding("exec cat /dev/zero", None);
    assert_eq!(owner.ask(&Command::Take { stream: 2 }), "ERR_STATE");
    let _pipe = taken(&mut owner);
    assert_eq!(owner.ask(&Command::Take { stream: 1 }), "ERR_STATE");
    owner.stop(0);
    owner.exited();
}

#[test]
fn a_process_whose_owner_has_gone_with_its_flood_can_write_to_its_end() {
    let script = format!("trap '{SOME_ZEROS}; kill -KILL $$' TERM; while :; do {SOME_ZEROS}; done");
    let (mut owner, started) = flooding(&script, None);
    let pipe = taken(&mut owner);
    read_some(&pipe, 1_000_000);
    drop(pipe);
    owner.stream.shutdown(std::net::Shutdown::Both).unwrap();
    eventually("the process has written and ended", || !proc::is_running(started.pid));
    assert_eq!(owner.sidecar_code(), Some(0));
}

#[test]
fn a_flood_that_nobody_reads_any_more_cannot_delay_a_kill() {
    let (mut owner, started) = flooding("exec cat /dev/zero", None);
    let _pipe = taken(&mut owner);
    owner.stop(0);
    assert_eq!(owner.exited().signal, Some(9));
    assert!(!proc::is_running(started.pid));
}
