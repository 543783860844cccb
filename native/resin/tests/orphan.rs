//! The end of the owner, or of the sidecar's own will to live, in every state: nothing of the tree stays.

mod support;

use std::net::Shutdown;

use resin::wire::messages::{Command, StoppedBy};
use support::{EVERY, Owner, Spec, eventually, proc};

/// The owner goes; the sidecar has to end in good order and nothing marked may be left.
fn goes(mut owner: Owner, spec: &Spec) {
    owner.stream.shutdown(Shutdown::Both).unwrap();
    assert_eq!(owner.sidecar_code(), Some(0));
    assert_eq!(proc::marked(&spec.mark), proc::NONE);
}

#[test]
fn an_owner_that_says_nothing_and_goes_ends_the_sidecar() {
    goes(Owner::of_sidecar(), &Spec::shell("true"));
}

#[test]
fn an_owner_that_goes_after_hello_ends_the_sidecar() {
    let mut owner = Owner::of_sidecar();
    owner.hello();
    goes(owner, &Spec::shell("true"));
}

#[test]
fn an_owner_that_goes_inside_a_frame_ends_the_sidecar() {
    let mut owner = Owner::of_sidecar();
    std::io::Write::write_all(&mut owner.stream, &[0, 0, 1, 0, 0x93]).unwrap();
    goes(owner, &Spec::shell("true"));
}

#[test]
fn an_owner_that_goes_while_the_process_is_started_leaves_nothing() {
    for _ in 0..20 {
        let spec = Spec::fixture("ignores-sigterm");
        let mut owner = Owner::of_sidecar();
        owner.hello();
        owner.send_start(&spec);
        goes(owner, &spec);
    }
}

#[test]
fn an_owner_that_goes_leaves_nothing_of_any_tree() {
    for contain in EVERY {
        for name in ["never-reads-stdin", "ignores-sigterm", "leaves-descendants", "floods-stdout", "forks-fast"] {
            let spec = Spec::fixture(name).contain(contain);
            let (owner, _) = Owner::ready(&spec);
            goes(owner, &spec);
        }
    }
}

#[test]
fn an_owner_that_goes_during_a_long_stop_shortens_it() {
    let spec = Spec::fixture("ignores-sigterm");
    let (mut owner, _) = Owner::ready(&spec);
    owner.stop(3_600_000);
    goes(owner, &spec);
}

#[test]
fn an_owner_that_goes_while_the_last_output_is_drained_ends_the_sidecar() {
    let spec = Spec::shell("head -c 60000 /dev/zero");
    for _ in 0..10 {
        let (owner, started) = Owner::started(&spec);
        eventually("the process is gone", || !proc::is_running(started.pid));
        goes(owner, &spec);
    }
}

#[test]
fn an_owner_that_only_listens_from_then_on_is_still_told_the_end() {
    let (mut owner, _) = Owner::ready(&Spec::fixture("ignores-sigterm"));
    owner.stream.shutdown(Shutdown::Write).unwrap();
    let exited = owner.exited();
    assert_eq!((exited.signal, exited.killed, exited.stopped_by), (Some(9), true, StoppedBy::OwnerGone));
}

#[test]
fn an_owner_that_neither_says_nor_hears_anything_any_more_keeps_no_sidecar() {
    let mut spec = Spec::fixture("floods-stdout");
    // More than a connection takes: the rest is stuck, pages that are being moved among it.
    spec.window_bytes = [16 << 20; 3];
    let (mut owner, started) = Owner::ready(&spec);
    let asleep = |pid| proc::status(pid, "State").starts_with('S');
    let sidecar = resin::tree::Stat::read(started.pid).unwrap().ppid;
    eventually("nothing more is taken", || asleep(started.pid) && asleep(sidecar));
    owner.stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(owner.sidecar_code(), Some(0));
    assert_eq!(proc::marked(&spec.mark), proc::NONE);
}

#[test]
fn a_process_that_cleans_up_when_its_owner_is_gone_has_the_grace_to_do_so() {
    let file = std::env::temp_dir().join(format!("resin-test-cleanup-{}", std::process::id()));
    // More output than any pipe holds, with nobody there to read it, must not block the clean-up.
    let script = format!(
        "trap 'head -c 300000 /dev/zero; echo done >{}; exit 0' TERM; echo ready; while :; do sleep 0.01; done",
        file.display()
    );
    let mut spec = Spec::shell(&script);
    spec.orphan_grace_ms = 10_000;
    let (owner, _) = Owner::ready(&spec);
    goes(owner, &spec);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "done\n");
    std::fs::remove_file(&file).unwrap();
}

#[test]
fn a_signal_to_the_sidecar_ends_the_tree_and_is_told() {
    for signal in [15, 2, 1, 3] {
        let (mut owner, _) = Owner::ready(&Spec::fixture("never-reads-stdin"));
        let pid = owner.sidecar.as_ref().unwrap().id() as i32;
        resin::kernel::kill(pid, signal).unwrap();
        let exited = owner.exited();
        assert_eq!((exited.signal, exited.stopped_by), (Some(15), StoppedBy::SidecarSignal));
        assert_eq!(owner.sidecar_code(), Some(0));
    }
}

#[test]
fn a_signal_to_an_idle_sidecar_ends_it_with_a_word() {
    let mut owner = Owner::of_sidecar();
    owner.hello();
    owner.wait_for(|_, event| (event.name() == "hello").then_some(()));
    resin::kernel::kill(owner.sidecar.as_ref().unwrap().id() as i32, 15).unwrap();
    assert_eq!(owner.fatal(), (0, "ERR_SIDECAR".to_owned()));
    // Not 0, so that a fork server announces its end.
    assert_eq!(owner.sidecar_code(), Some(1));
}

#[test]
fn the_leader_dies_with_a_killed_sidecar() {
    let (mut owner, started) = Owner::ready(&Spec::fixture("never-reads-stdin"));
    owner.sidecar.as_mut().unwrap().kill().unwrap();
    eventually("the leader is gone", || !proc::is_running(started.pid));
    // Without a fork server the cgroup is the owner's to remove.
    if let Some(cgroup) = started.cgroup {
        eventually("the group is empty", || resin::cgroup::remove_group(&cgroup).is_ok());
        let _ = std::fs::remove_dir(cgroup.parent().unwrap());
    }
}

#[test]
fn writes_in_flight_when_the_process_ends_do_not_matter() {
    let (mut owner, _) = Owner::started(&Spec::shell("exit 5"));
    for _ in 0..100 {
        owner.send(&Command::Write { data: b"more" });
    }
    assert_eq!(owner.exited().code, Some(5));
}
