//! A tree in a PID namespace: what it sees, how it ends, and that nothing is left of it whoever is killed.

mod support;

use std::os::unix::process::CommandExt;
use std::process::Command as Program;

use resin::wire::messages::{Command, Containment, Event, FirstProcess, StoppedBy, Target};
use resin::wire::start::{Contain, ResourceLimits, Step, StopSpec};
use serde_bytes::Bytes;
use support::{Owner, RESIN, Server, Spec, TERM, eventually, proc, skip};

fn contained(script: &str) -> Spec {
    Spec::shell(script).contain(Contain::Pidns)
}

/// What `started` says of a namespace.
struct Held {
    pid: i32,
    first: Option<FirstProcess>,
    missing: Option<String>,
}

impl Held {
    fn first_pid(&self) -> i32 {
        self.first.expect("a PID namespace").pid as i32
    }
}

fn start(owner: &mut Owner, spec: &Spec) -> Held {
    owner.hello();
    owner.send_start(spec);
    owner.wait_for(|_, event| match event {
        Event::Started { pid, containment, pidns, pidns_missing, .. } => {
            assert_eq!(*containment == Containment::Pidns, pidns.is_some());
            Some(Held { pid: *pid as i32, first: *pidns, missing: pidns_missing.map(str::to_owned) })
        }
        Event::StartFailed { message, .. } => panic!("{message}"),
        _ => None,
    })
}

fn output(owner: &mut Owner) -> String {
    owner.exited();
    String::from_utf8(std::mem::take(&mut owner.output[1])).unwrap()
}

#[test]
fn the_tree_sees_itself_alone_under_small_pids() {
    let mut owner = Owner::of_sidecar();
    start(&mut owner, &contained("echo $$; sleep 1000 & set -- /proc/[0-9]*; echo $#; readlink /proc/self"));
    let text = output(&mut owner);
    let numbers: Vec<i32> = text.lines().map(|line| line.parse().unwrap()).collect();
    // The first process, the shell, its child, and for a moment `readlink`.
    assert!(matches!(numbers[..], [own, 3, other] if own < 10 && other < 10), "{numbers:?}");
}

#[test]
fn its_pids_outside_are_those_that_are_told_and_it_ends_with_its_first_process() {
    let mut owner = Owner::of_sidecar();
    let held = start(&mut owner, &contained("sleep 1000 & echo ready; wait"));
    owner.wait_for_output(1, b"ready\n");
    assert_eq!(proc::name(held.pid), "sh");
    assert_eq!(proc::name(held.first_pid()), "resin-init");
    let stat = resin::tree::Stat::read(held.first_pid()).unwrap();
    assert_eq!(Some(stat.start_time), held.first.map(|first| first.start_time));
    proc::kill(held.first_pid());
    let exited = owner.exited();
    assert_eq!((exited.signal, exited.stopped_by, exited.killed), (Some(9), StoppedBy::Itself, false));
}

#[test]
fn every_end_is_told_as_without_a_namespace() {
    for (script, code, signal) in
        [("exit 3", Some(3), None), ("kill -TERM $$", None, Some(15)), ("kill -SEGV $$", None, Some(11))]
    {
        let tell = |contain| {
            let mut owner = Owner::of_sidecar();
            owner.start(&Spec::shell(script).contain(contain));
            let exited = owner.exited();
            assert!(exited.max_rss_bytes > 0 && exited.wall_us > 0);
            (exited.code, exited.signal, exited.core, exited.stopped_by, exited.killed, exited.left_behind)
        };
        let told = tell(Contain::Pidns);
        assert_eq!((told.0, told.1), (code, signal));
        assert_eq!(told, tell(Contain::Tree));
    }
}

#[test]
fn who_is_left_when_the_leader_ends_may_still_end_by_itself() {
    let mut owner = Owner::of_sidecar();
    let late = "(trap '' TERM; echo ready; while kill -0 $$ 2>/dev/null; do sleep 0.01; done; echo late)";
    let mut spec = contained(&format!("{late} & read _; exit 5"));
    spec.orphan_grace_ms = 60_000;
    start(&mut owner, &spec);
    owner.wait_for_output(1, b"ready\n");
    owner.send(&Command::CloseStdin {});
    let exited = owner.exited();
    assert_eq!((exited.code, exited.killed), (Some(5), false));
    assert_eq!(owner.output[1], b"ready\nlate\n");
    assert!(exited.left_behind >= 1);
}

#[test]
fn who_has_lost_its_parent_is_reaped_inside() {
    let mut owner = Owner::of_sidecar();
    let held = start(&mut owner, &contained("for i in 1 2 3 4 5; do (true &); done; echo ready; cat"));
    owner.wait_for_output(1, b"ready\n");
    eventually("nobody is left", || proc::children(held.first_pid()).is_empty());
    assert!(proc::is_running(held.first_pid()));
}

#[test]
fn a_step_may_run_a_command_in_it_although_the_leader_has_ended() {
    let folder = std::env::temp_dir().join(support::mark().replace('=', "-"));
    std::fs::create_dir(&folder).unwrap();
    let mut spec = contained("(trap '' TERM; echo ready; exec sleep 1000) & read _");
    spec.orphan_grace_ms = 60_000;
    spec.cwd = Some(folder.to_str().unwrap().into());
    let words: [&'static [u8]; 3] = [b"sh", b"-c", b"echo $$ >step"];
    let step = Step {
        delay_ms: 60_000,
        stdin: None,
        close_stdin: None,
        command: Some(words.map(Bytes::new).to_vec()),
        signal: None,
        target: None,
    };
    spec.stop = StopSpec { steps: Some(vec![step]), ..support::stop(TERM, 60_000) };
    let mut owner = Owner::of_sidecar();
    let held = start(&mut owner, &spec);
    owner.wait_for_output(1, b"ready\n");
    owner.send(&Command::CloseStdin {});
    eventually("the leader has ended", || !proc::is_running(held.pid));
    owner.ask(&Command::Stop(Box::new(StopSpec { planned: Some(true), ..support::stop(TERM, 60_000) })));
    let said = || std::fs::read_to_string(folder.join("step")).unwrap_or_default();
    eventually("the command has run", || said().ends_with('\n'));
    assert!(said().trim().parse::<i32>().unwrap() < 20);
    owner.stop(0);
    assert_eq!(owner.exited().code, Some(1));
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn the_stop_signal_reaches_the_leader_that_set_no_handler() {
    let mut owner = Owner::of_sidecar();
    start(&mut owner, &contained("exec sleep 1000"));
    owner.stop(60_000);
    let exited = owner.exited();
    assert_eq!((exited.signal, exited.killed), (Some(TERM), false));
}

#[test]
fn its_leader_and_its_group_get_signals_by_the_pids_outside() {
    for target in [Target::Leader, Target::Group, Target::Tree] {
        let mut owner = Owner::of_sidecar();
        start(&mut owner, &contained("trap 'exit 9' USR1; echo ready; while :; do sleep 0.01; done"));
        owner.wait_for_output(1, b"ready\n");
        assert_eq!(owner.signal(10, target), "ok");
        assert_eq!(owner.exited().code, Some(9));
    }
}

#[test]
fn the_first_process_is_not_counted() {
    let mut owner = Owner::of_sidecar();
    start(&mut owner, &contained("echo ready; read _"));
    owner.wait_for_output(1, b"ready\n");
    let stats = owner.send(&Command::Stats {});
    let processes = owner.wait_for(|id, event| match event {
        Event::Stats { processes, .. } if id == stats => Some(*processes),
        _ => None,
    });
    assert_eq!(processes, 1);
}

#[test]
fn nothing_is_left_when_owner_sidecar_and_server_are_killed_at_once() {
    for name in ["never-reads-stdin", "ignores-sigterm", "leaves-descendants", "forks-fast"] {
        let mut server = Server::new();
        let spec = Spec::fixture(name).contain(Contain::Pidns);
        let mut owner = server.connect();
        let held = start(&mut owner, &spec);
        owner.wait_for_output(1, b"ready\n");
        let sidecar = resin::tree::Stat::read(held.pid).unwrap().ppid;
        server.process.kill().unwrap();
        proc::kill(sidecar);
        drop(owner);
        server.process.wait().unwrap();
        eventually("nothing is left", || proc::marked(&spec.mark).is_empty());
        // Its first process may still wait for somebody to reap the leader, who is nobody's business here.
        eventually("it has nobody", || proc::children(held.first_pid()).is_empty());
    }
}

#[test]
fn limits_hold_as_well_where_they_are_asked_for() {
    let mut owner = Owner::of_sidecar();
    let mut spec = contained("echo ready; read _");
    spec.limits = Some(ResourceLimits { pids: Some(50), ..ResourceLimits::default() });
    owner.hello();
    owner.send_start(&spec);
    let (containment, applied) = owner.wait_for(|_, event| match event {
        Event::Started { containment, limits_applied, .. } => Some((*containment, limits_applied.as_ref()?.len())),
        _ => None,
    });
    assert_eq!(containment, Containment::Pidns);
    if applied == 0 {
        skip("no controller of pids here");
    }
}

#[test]
fn without_root_one_stays_who_one_is() {
    if !nix::unistd::geteuid().is_root() {
        return skip("needs root to become somebody else");
    }
    let mut owner = Owner::of_sidecar_as(65534);
    let mut spec = contained("id -u; id -g; echo $$; echo $PPID; pwd");
    spec.cwd = Some(b"/tmp".to_vec());
    if let Some(why) = start(&mut owner, &spec).missing {
        return skip(&why);
    }
    let text = output(&mut owner);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!((&lines[..2], &lines[3..]), (&["65534", "65534"][..], &["0", "/tmp"][..]), "{text}");
    assert!(lines[2].parse::<i32>().unwrap() < 10);
}

/// A sidecar whose kernel makes no PID namespace: inside of a user namespace that allows none.
fn without_namespaces() -> Option<Owner> {
    let script = format!("echo 0 >/proc/sys/user/max_pid_namespaces && exec {RESIN} sidecar");
    if !Program::new("unshare").args(["-Ur", "true"]).status().is_ok_and(|status| status.success()) {
        skip("no user namespace can be made here");
        return None;
    }
    Some(Owner::of_program(Program::new("unshare").args(["-Ur", "sh", "-c", &script]).process_group(0)))
}

#[test]
fn where_none_can_be_made_the_tree_is_held_without_and_that_is_told() {
    let Some(mut owner) = without_namespaces() else { return };
    let held = start(&mut owner, &contained("exit 3"));
    assert_eq!(held.missing.unwrap(), "the kernel makes none: No space left on device (ENOSPC)");
    assert_eq!(owner.exited().code, Some(3));
}

#[test]
fn where_none_can_be_made_a_start_that_requires_one_fails_with_a_sentence() {
    let Some(mut owner) = without_namespaces() else { return };
    owner.hello();
    let mut spec = contained("exit 3");
    spec.required = true;
    owner.send_start(&spec);
    let (stage, code, message) = owner.wait_for(|_, event| match event {
        Event::StartFailed { stage, code, message, .. } => {
            Some(((*stage).to_owned(), (*code).to_owned(), (*message).to_owned()))
        }
        _ => None,
    });
    assert_eq!((stage.as_str(), code.as_str()), ("pidns", "ENOSPC"));
    assert_eq!(message, "cannot hold sh by a PID namespace: the kernel makes none: No space left on device (ENOSPC)");
}
