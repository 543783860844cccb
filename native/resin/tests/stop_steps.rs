//! Stops by steps, limits on life, and pauses: what is done to the tree, when, and what the report says of it.

mod support;

use resin::wire::messages::{Command, StoppedBy, Target};
use resin::wire::start::{Life, Step, StopSpec};
use serde_bytes::Bytes;
use support::{EVERY, Owner, Spec, proc};

const WAIT: Step<'static> =
    Step { delay_ms: 20_000, stdin: None, close_stdin: None, command: None, signal: None, target: None };

fn by_steps(steps: Vec<Step<'static>>) -> StopSpec<'static> {
    StopSpec { steps: Some(steps), ..support::stop(15, 60_000) }
}

fn as_planned() -> Command<'static> {
    Command::Stop(Box::new(StopSpec { planned: Some(true), ..support::stop(15, 60_000) }))
}

fn living(life: Life, script: &str) -> Owner {
    let mut spec = Spec::shell(script);
    spec.life = Some(life);
    spec.stop = support::stop(15, 10_000);
    Owner::started(&spec).0
}

#[test]
fn a_word_on_stdin_is_a_step() {
    let mut spec = Spec::shell("read word; echo $word");
    spec.stop = by_steps(vec![Step { stdin: Some(b"quit\n"), ..WAIT }]);
    let (mut owner, _) = Owner::started(&spec);
    assert_eq!(owner.ask(&as_planned()), "ok");
    let exited = owner.exited();
    assert_eq!((exited.code, exited.killed, exited.stopped_by), (Some(0), false, StoppedBy::Owner));
    assert_eq!(owner.output[1], b"quit\n");
    assert_eq!(exited.steps.unwrap().len(), 1);
}

#[test]
fn steps_are_taken_one_after_the_other_and_each_is_told() {
    let mut spec = Spec::shell("trap '' TERM; trap 'echo int' INT; echo ready; while :; do sleep 0.02; done");
    let signal = |signal, delay_ms| Step { signal: Some(signal), target: Some(Target::Leader), delay_ms, ..WAIT };
    spec.stop = by_steps(vec![signal(15, 50), signal(2, 150), Step { delay_ms: 1, ..WAIT }]);
    let (mut owner, _) = Owner::ready(&spec);
    owner.ask(&as_planned());
    let exited = owner.exited();
    assert_eq!((exited.signal, exited.killed), (Some(9), true));
    assert_eq!(owner.output[1], b"ready\nint\n");
    let steps = exited.steps.unwrap();
    assert_eq!(
        steps.iter().map(|taken| (taken.step, taken.errno)).collect::<Vec<_>>(),
        [(0, None), (1, None), (2, None)]
    );
    assert!(steps[1].after_ms >= 50 && steps[2].after_ms >= 200, "{steps:?}");
    assert_eq!(owner.log.iter().filter(|name| *name == "stepped").count(), 3);
}

#[test]
fn a_command_is_a_step_with_the_directory_and_the_environment_of_the_process() {
    let mut spec = Spec::shell("trap '' TERM; echo ready; while :; do sleep 0.02; test -e done-$$ && exit 7; done");
    let folder = std::env::temp_dir().join(support::mark().replace('=', "-"));
    std::fs::create_dir(&folder).unwrap();
    spec.cwd = Some(folder.to_str().unwrap().into());
    spec.env.extend_from_slice(b"WHAT=done\0");
    let (mut owner, started) = {
        let words: [&'static [u8]; 3] = [b"sh", b"-c", b"for p in $(cat pid); do touch $WHAT-$p; done"];
        let command = Some(words.map(Bytes::new).to_vec());
        spec.stop = by_steps(vec![Step { command, ..WAIT }]);
        Owner::ready(&spec)
    };
    std::fs::write(folder.join("pid"), started.pid.to_string()).unwrap();
    owner.ask(&as_planned());
    assert_eq!(owner.exited().code, Some(7));
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_command_that_the_start_did_not_know_is_refused() {
    let (mut owner, _) = Owner::started(&Spec::new(&["sleep", "1000"]));
    let command = Some(vec![Bytes::new(b"true")]);
    let stop = Command::Stop(Box::new(by_steps(vec![Step { command, ..WAIT }])));
    assert_eq!(owner.ask(&stop), "EINVAL");
    let no_signal = Command::Stop(Box::new(by_steps(vec![Step { signal: Some(99), ..WAIT }])));
    assert_eq!(owner.ask(&no_signal), "EINVAL");
}

#[test]
fn a_step_that_cannot_be_done_is_noted_and_the_next_one_comes() {
    let mut spec = Spec::shell("exec 0<&-; echo ready; exec sleep 1000");
    spec.stop = by_steps(vec![Step { stdin: Some(b"x"), delay_ms: 0, ..WAIT }, Step { signal: Some(15), ..WAIT }]);
    let (mut owner, _) = Owner::ready(&spec);
    owner.stdin_closed();
    owner.ask(&as_planned());
    let exited = owner.exited();
    assert_eq!(exited.signal, Some(15));
    let errnos: Vec<_> = exited.steps.unwrap().iter().map(|taken| taken.errno).collect();
    assert_eq!(errnos, [Some(32), None]);
}

#[test]
fn closing_stdin_is_a_step() {
    let mut spec = Spec::new(&["cat"]);
    spec.stop = by_steps(vec![Step { stdin: Some(b"bye"), close_stdin: Some(true), ..WAIT }]);
    let (mut owner, _) = Owner::started(&spec);
    owner.ask(&as_planned());
    assert_eq!((owner.exited().code, owner.output[1].as_slice()), (Some(0), &b"bye"[..]));
}

#[test]
fn the_time_of_a_life_is_limited() {
    let mut owner = living(Life { timeout_ms: Some(50), ..Life::default() }, "exec sleep 1000");
    let exited = owner.exited();
    assert_eq!((exited.signal, exited.stopped_by), (Some(15), StoppedBy::Timeout));
    assert!(exited.wall_us >= 50_000);
}

#[test]
fn silence_is_limited_and_output_breaks_it() {
    let script = "for i in 1 2 3 4 5 6; do echo $i; sleep 0.1; done; exec sleep 1000";
    let mut owner = living(Life { idle_timeout_ms: Some(400), ..Life::default() }, script);
    let exited = owner.exited();
    assert_eq!((exited.signal, exited.stopped_by), (Some(15), StoppedBy::Idle));
    assert!(exited.wall_us >= 900_000, "{}", exited.wall_us);
    assert_eq!(owner.output[1], b"1\n2\n3\n4\n5\n6\n");
}

#[test]
fn an_owner_that_does_not_read_does_not_make_a_process_silent() {
    let mut spec = Spec::shell("yes | head -c 100000; echo end");
    spec.life = Some(Life { idle_timeout_ms: Some(50), ..Life::default() });
    spec.window_bytes[1] = 4096;
    let mut owner = Owner::of_sidecar();
    owner.credits = false;
    owner.start(&spec);
    while owner.uncredited[1] < 4096 {
        owner.next();
    }
    // Longer than the limit by far, in which nothing can be written.
    std::thread::sleep(std::time::Duration::from_millis(300));
    owner.credits = true;
    owner.give_back(1, 4096);
    let exited = owner.exited();
    assert_eq!((exited.code, exited.stopped_by, owner.output[1].len()), (Some(0), StoppedBy::Itself, 100_004));
}

#[test]
fn output_is_limited_to_the_byte() {
    let limit = |bytes| Life { output_limit_bytes: Some(bytes), ..Life::default() };
    let mut owner = living(limit(10_000), "yes; exec sleep 1000");
    let exited = owner.exited();
    assert_eq!((exited.stopped_by, owner.output[1].len()), (StoppedBy::OutputLimit, 10_000));
    let mut owner = living(limit(10), "printf 12345; printf 67890 >&2");
    assert_eq!(owner.exited().stopped_by, StoppedBy::Itself);
    let mut owner = living(limit(9), "printf 12345; printf 67890");
    let exited = owner.exited();
    assert_eq!((exited.stopped_by, owner.output[1].as_slice()), (StoppedBy::OutputLimit, &b"123456789"[..]));
}

#[test]
fn a_paused_tree_does_nothing_until_it_is_resumed() {
    for contain in EVERY {
        let script =
            "echo ready; (while :; do echo child; sleep 0.01; done) & while :; do echo leader; sleep 0.01; done";
        let (mut owner, started) = Owner::ready(&Spec::shell(script).contain(contain));
        assert_eq!(owner.ask(&Command::Pause {}), "ok");
        // A shell that waits for its child to execute (D) is as still as that child.
        let frozen = || {
            let stopped = |pid: &i32| proc::status(*pid, "State").starts_with(['T', 'Z', 'D']);
            let events =
                started.cgroup.as_ref().map(|path| std::fs::read_to_string(path.join("cgroup.events")).unwrap());
            match events {
                Some(events) => events.contains("frozen 1"),
                None => stopped(&started.pid) && proc::children(started.pid).iter().all(stopped),
            }
        };
        support::eventually("all of it is frozen", frozen);
        assert_eq!(owner.ask(&Command::Resume {}), "ok");
        support::eventually("it goes on", || !frozen());
        let before = owner.output[1].len();
        while owner.output[1].len() < before + 100 {
            owner.next();
        }
        assert_eq!(owner.ask(&Command::Pause {}), "ok");
        support::eventually("all of it is frozen again", frozen);
        owner.stop(5_000);
        let exited = owner.exited();
        assert_eq!((exited.signal, exited.killed), (Some(15), false), "a stop thaws what it stops");
    }
}
