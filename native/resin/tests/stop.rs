//! Signals and stops: who gets what, how long it takes, and that nothing is left.

mod support;

use std::time::{Duration, Instant};

use resin::wire::messages::{Command, StoppedBy, Target};
use support::{EVERY, Owner, Spec, TERM, eventually, proc};

#[test]
fn a_stop_within_its_grace_uses_no_sigkill() {
    let (mut owner, _) = Owner::ready(&Spec::fixture("never-reads-stdin"));
    owner.stop(10_000);
    let exited = owner.exited();
    assert_eq!((exited.signal, exited.killed, exited.stopped_by), (Some(TERM), false, StoppedBy::Owner));
}

#[test]
fn a_stop_without_grace_kills_at_once() {
    let (mut owner, _) = Owner::ready(&Spec::fixture("ignores-sigterm"));
    owner.stop(0);
    let exited = owner.exited();
    assert_eq!((exited.signal, exited.killed, exited.stopped_by), (Some(9), true, StoppedBy::Owner));
}

#[test]
fn who_ignores_the_signal_is_killed_after_the_grace() {
    for contain in EVERY {
        let spec = Spec::fixture("ignores-sigterm").contain(contain);
        let (mut owner, _) = Owner::ready(&spec);
        let begun = Instant::now();
        owner.stop(150);
        let exited = owner.exited();
        assert!(begun.elapsed() >= Duration::from_millis(150), "{:?}", begun.elapsed());
        assert_eq!((exited.signal, exited.killed), (Some(9), true));
        assert_eq!(proc::marked(&spec.mark), proc::NONE);
    }
}

#[test]
fn a_second_stop_brings_the_end_nearer() {
    let (mut owner, _) = Owner::ready(&Spec::fixture("ignores-sigterm"));
    owner.stop(3_600_000);
    owner.stop(50);
    assert_eq!(owner.exited().signal, Some(9));
}

#[test]
fn a_stopped_process_gets_its_stop_signal() {
    let (mut owner, started) = Owner::ready(&Spec::fixture("never-reads-stdin"));
    assert_eq!(owner.signal(19, Target::Leader), "ok");
    eventually("it is stopped", || proc::status(started.pid, "State").starts_with('T'));
    owner.stop(10_000);
    assert_eq!(owner.exited().signal, Some(TERM));
}

#[test]
fn a_stop_with_full_stdin_and_exhausted_stdout_still_works() {
    let mut spec = Spec::fixture("floods-stdout");
    spec.window_bytes = [1 << 20, 4096, 4096];
    let (mut owner, _) = Owner::ready(&spec);
    owner.credits = false;
    owner.send(&Command::Write { data: &vec![b'x'; 1 << 20] });
    owner.stop(10_000);
    let exited = owner.exited();
    assert_eq!((exited.signal, exited.killed), (Some(TERM), false));
}

#[test]
fn a_stop_ends_the_whole_tree_however_it_hides() {
    for contain in EVERY {
        let spec = Spec::fixture("leaves-descendants").contain(contain);
        let (mut owner, _) = Owner::ready(&spec);
        eventually("all are there", || proc::sleepers(&spec.mark) == 5);
        owner.stop(100);
        let exited = owner.exited();
        assert!(exited.killed);
        assert_eq!(exited.stopped_by, StoppedBy::Owner);
        assert_eq!(proc::marked(&spec.mark), proc::NONE);
    }
}

#[test]
fn a_tree_that_outlives_its_leader_is_ended_after_the_orphan_grace() {
    for contain in EVERY {
        let mut spec = Spec::fixture("leaves-descendants").contain(contain);
        spec.orphan_grace_ms = 100;
        let (mut owner, _) = Owner::ready(&spec);
        eventually("all are there", || proc::sleepers(&spec.mark) == 5);
        owner.send(&Command::Write { data: b"go\n" });
        let exited = owner.exited();
        assert_eq!((exited.code, exited.stopped_by, exited.killed), (Some(7), StoppedBy::Itself, true));
        assert_eq!(exited.left_behind, 5);
        assert_eq!(proc::marked(&spec.mark), proc::NONE);
    }
}

#[test]
fn a_tree_that_forks_faster_than_it_can_be_read_is_ended() {
    for contain in EVERY {
        let spec = Spec::fixture("forks-fast").contain(contain);
        let (mut owner, _) = Owner::ready(&spec);
        owner.stop(20);
        assert!(owner.exited().killed);
        assert_eq!(proc::marked(&spec.mark), proc::NONE);
    }
}

#[test]
fn a_signal_goes_to_the_leader_the_group_or_the_tree() {
    let script = "trap 'echo leader' USR1; (trap 'echo member' USR1; echo ready; while :; do sleep 0.01; done) & \
        setsid sh -c 'trap \"echo stranger\" USR1; echo ready; while :; do sleep 0.01; done' & while :; do sleep 0.01; done";
    let reached = |target: Target, expected: &[&str], not: &[&str]| {
        let (mut owner, _) = Owner::started(&Spec::shell(script));
        owner.wait_for_output(1, b"ready\nready\n");
        // The `sleep`s of the loops die of it, whoever is meant; the shells go on.
        assert_eq!(owner.signal(10, target), "ok");
        let said = |owner: &Owner, name: &str| String::from_utf8_lossy(&owner.output[1]).contains(name);
        while !expected.iter().all(|name| said(&owner, name)) {
            owner.next().unwrap();
        }
        assert!(not.iter().all(|name| !said(&owner, name)), "{}", String::from_utf8_lossy(&owner.output[1]));
    };
    reached(Target::Leader, &["leader"], &["member", "stranger"]);
    reached(Target::Group, &["leader", "member"], &["stranger"]);
    reached(Target::Tree, &["leader", "member", "stranger"], &[]);
}

#[test]
fn an_impossible_signal_is_einval_and_one_to_nobody_is_esrch() {
    let mut spec = Spec::fixture("leaves-descendants");
    spec.orphan_grace_ms = 3_600_000;
    spec.stop = support::stop(23, 3_600_000);
    let (mut owner, started) = Owner::ready(&spec);
    assert_eq!(owner.signal(65, Target::Leader), "EINVAL");
    assert_eq!(owner.signal(65, Target::Tree), "EINVAL");
    assert_eq!(owner.ask(&Command::Stop(Box::new(support::stop(0, 1)))), "EINVAL");
    owner.send(&Command::Write { data: b"go\n" });
    eventually("the leader is gone", || resin::tree::Stat::read(started.pid).is_none());
    assert_eq!(owner.signal(TERM, Target::Leader), "ESRCH");
    assert_eq!(owner.signal(0, Target::Group), "ok");
    assert_eq!(owner.signal(0, Target::Tree), "ok");
    owner.stop(0);
    assert_eq!(owner.exited().code, Some(7));
}

#[test]
fn stats_sum_up_the_living_tree() {
    let (mut owner, _) = Owner::ready(&Spec::shell("sleep 1000 & sleep 1000 & echo ready; wait"));
    let request = owner.send(&Command::Stats {});
    let (processes, rss_bytes) = owner.wait_for(|id, event| match event {
        resin::wire::messages::Event::Stats { processes, rss_bytes, .. } if id == request => {
            Some((*processes, *rss_bytes))
        }
        _ => None,
    });
    assert_eq!(processes, 3);
    assert!(rss_bytes > 100_000 && rss_bytes < 100_000_000, "{rss_bytes}");
}

#[test]
fn use_of_resources_is_that_of_the_whole_tree() {
    let (mut owner, _) =
        Owner::started(&Spec::shell("sh -c 'i=0; while [ $i -lt 30000 ]; do i=$((i+1)); done'; exit 0"));
    let exited = owner.exited();
    assert!(exited.wall_us > 1_000 && exited.user_us + exited.system_us > 1_000, "{exited:?}");
    assert!(exited.max_rss_bytes > 100_000, "{exited:?}");
}

#[test]
fn no_cgroup_is_left() {
    let (mut owner, started) = Owner::ready(&Spec::fixture("never-reads-stdin"));
    let pid = owner.sidecar.as_ref().unwrap().id() as i32;
    owner.stop(0);
    owner.exited();
    assert_eq!(owner.sidecar_code(), Some(0));
    assert!(started.cgroup.is_none_or(|cgroup| !cgroup.exists()));
    assert_eq!(support::cgroups_of(pid), Vec::<std::path::PathBuf>::new());
}
