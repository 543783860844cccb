//! The fork server: sidecars for its owner alone, and nothing left behind by one that was killed.

mod support;

use std::io::BufRead;
use std::path::PathBuf;
use std::process::{Command as Program, Stdio as Handle};

use resin::wire::messages::{Command, Event};
use support::{EVERY, Owner, RESIN, Server, Spec, cgroups_of, connect, eventually, proc, skip};

fn ready(server: &Server, spec: &Spec) -> (Owner, support::Started) {
    let mut owner = server.connect();
    let started = owner.start(spec);
    owner.wait_for_output(1, b"ready\n");
    (owner, started)
}

#[test]
fn each_connection_is_a_sidecar_of_its_own() {
    let mut server = Server::new();
    let mut owners: Vec<Owner> = (0..20).map(|_| server.connect()).collect();
    for (number, owner) in owners.iter_mut().enumerate() {
        owner.start(&Spec::shell(&format!("exit {number}")));
    }
    for (number, owner) in owners.iter_mut().enumerate() {
        assert_eq!(owner.exited().code, Some(number as u8));
    }
    drop(owners);
    assert_eq!(server.end(), Some(0));
}

#[test]
fn the_server_is_a_small_session_leader_without_foreign_descriptors() {
    let server = Server::new();
    let descriptors = std::fs::read_dir(format!("/proc/{}/fd", server.pid())).unwrap();
    assert!(descriptors.count() <= 8);
    assert_eq!(proc::status(server.pid(), "Threads"), "1");
    assert_eq!(server.name.len(), 107);
}

#[test]
fn a_sidecar_keeps_nothing_of_the_server_open() {
    let server = Server::new();
    let (_owner, started) = ready(&server, &Spec::fixture("never-reads-stdin"));
    let sidecar = resin::tree::Stat::read(started.pid).unwrap().ppid;
    let links: Vec<String> = std::fs::read_dir(format!("/proc/{sidecar}/fd"))
        .unwrap()
        .flatten()
        // What its stderr is, is not the server's doing.
        .filter(|entry| entry.file_name() != "2")
        .filter_map(|entry| Some(std::fs::read_link(entry.path()).ok()?.to_string_lossy().into_owned()))
        .collect();
    let sockets = links.iter().filter(|link| link.starts_with("socket:")).count();
    assert_eq!(sockets, 1, "{links:?}");
    assert!(links.len() <= 11, "{links:?}");
}

#[test]
fn a_killed_sidecar_leaves_nothing() {
    for contain in EVERY {
        for name in ["never-reads-stdin", "ignores-sigterm", "leaves-descendants", "forks-fast"] {
            let mut server = Server::new();
            let spec = Spec::fixture(name).contain(contain);
            let (mut owner, started) = ready(&server, &spec);
            let sidecar = resin::tree::Stat::read(started.pid).unwrap().ppid;
            proc::kill(sidecar);
            while owner.next().is_some() {}
            let mut line = String::new();
            server.announcements.read_line(&mut line).unwrap();
            assert_eq!(line, format!("{{\"swept\":{sidecar}}}\n"));
            assert_eq!(proc::marked(&spec.mark), proc::NONE);
            assert!(started.cgroup.is_none_or(|cgroup| !cgroup.exists()));
            // The server goes on serving.
            let mut again = server.connect();
            again.start(&Spec::shell("exit 4"));
            assert_eq!(again.exited().code, Some(4));
            drop((owner, again));
            assert_eq!(server.end(), Some(0));
        }
    }
}

#[test]
fn the_trees_of_other_sidecars_are_not_touched_when_one_is_killed() {
    let server = Server::new();
    let other = Spec::fixture("leaves-descendants");
    let (mut others_owner, _) = ready(&server, &other);
    eventually("all are there", || proc::marked(&other.mark).len() >= 6);
    let before = proc::marked(&other.mark);
    let spec = Spec::fixture("leaves-descendants");
    let (_owner, started) = ready(&server, &spec);
    proc::kill(resin::tree::Stat::read(started.pid).unwrap().ppid);
    eventually("nothing is left", || proc::marked(&spec.mark).is_empty());
    assert_eq!(proc::marked(&other.mark), before);
    assert_eq!(others_owner.ask(&Command::Stats {}), "stats");
}

#[test]
fn sidecars_outlive_a_killed_server_and_clean_up_behind_it() {
    let mut server = Server::new();
    let spec = Spec::fixture("leaves-descendants");
    let (mut owner, started) = ready(&server, &spec);
    server.process.kill().unwrap();
    server.process.wait().unwrap();
    assert!(proc::is_running(started.pid));
    owner.stop(0);
    assert_eq!(owner.exited().signal, Some(9));
    assert_eq!(proc::marked(&spec.mark), proc::NONE);
    eventually("its directory is gone", || cgroups_of(server.pid()).is_empty());
}

#[test]
fn after_a_killed_server_a_killed_sidecars_group_ends_the_tree() {
    let mut server = Server::new();
    let spec = Spec::fixture("leaves-descendants");
    let (_owner, started) = ready(&server, &spec);
    let Some(cgroup) = started.cgroup else { return skip("no cgroup2 can be made here") };
    eventually("all are there", || proc::sleepers(&spec.mark) == 5);
    let sidecar = resin::tree::Stat::read(started.pid).unwrap().ppid;
    server.process.kill().unwrap();
    server.process.wait().unwrap();
    proc::kill(sidecar);
    eventually("the leader is gone", || !proc::is_running(started.pid));
    resin::cgroup::kill_group(&cgroup);
    eventually("nothing is left", || proc::marked(&spec.mark).is_empty());
    eventually("the group can be removed", || resin::cgroup::remove_group(&cgroup).is_ok());
    let _ = std::fs::remove_dir(cgroup.parent().unwrap());
}

#[test]
fn the_end_of_the_life_line_is_the_end_once_the_last_tree_is_gone() {
    let mut server = Server::new();
    let spec = Spec::fixture("never-reads-stdin");
    let (mut owner, started) = ready(&server, &spec);
    drop(server.process.stdin.take());
    eventually("the door is closed", || connect(&server.name).is_err());
    assert!(proc::is_running(started.pid));
    assert!(server.process.try_wait().unwrap().is_none());
    owner.stop(0);
    owner.exited();
    assert_eq!(server.process.wait().unwrap().code(), Some(0));
    assert_eq!(cgroups_of(server.pid()), Vec::<PathBuf>::new());
}

#[test]
fn a_signal_to_the_server_closes_its_door_and_leaves_its_trees() {
    let mut server = Server::new();
    let (mut owner, started) = ready(&server, &Spec::fixture("never-reads-stdin"));
    resin::kernel::kill(server.pid(), 15).unwrap();
    eventually("the door is closed", || connect(&server.name).is_err());
    assert!(proc::is_running(started.pid));
    owner.stop(0);
    owner.exited();
    assert_eq!(server.process.wait().unwrap().code(), Some(0));
}

#[test]
fn the_end_of_an_owner_ends_its_tree_and_the_server() {
    // An owner of its own process: a shell that holds the life line and is killed.
    let mut shell = Program::new("sh");
    shell
        .arg("-c")
        .arg(format!("exec 3<&0; sleep 1000 | {RESIN} fork-server"))
        .stdin(Handle::null())
        .stdout(Handle::piped());
    let mut shell = shell.spawn().unwrap();
    let mut line = String::new();
    let mut announcements = std::io::BufReader::new(shell.stdout.take().unwrap());
    announcements.read_line(&mut line).unwrap();
    let announced: serde_json::Value = serde_json::from_str(&line).unwrap();
    let (pid, name) = (announced["pid"].as_i64().unwrap() as i32, announced["socket"].as_str().unwrap());
    // Its parent is the shell, not this process: a stranger is turned away without a word.
    let mut stranger = Owner::on(connect(name).unwrap());
    stranger.hello();
    assert!(stranger.next().is_none());
    assert_eq!(proc::children(pid), proc::NONE);
    for child in proc::children(shell.id() as i32).into_iter().filter(|child| *child != pid) {
        proc::kill(child);
    }
    shell.kill().unwrap();
    shell.wait().unwrap();
    eventually("the server has ended", || !proc::is_running(pid));
}

#[test]
fn a_sidecar_that_is_never_spoken_to_is_only_that() {
    let mut server = Server::new();
    let silent: Vec<Owner> = (0..5).map(|_| server.connect()).collect();
    eventually("they are there", || proc::children(server.pid()).len() == 5);
    drop(silent);
    eventually("they are gone", || proc::children(server.pid()).is_empty());
    assert_eq!(server.end(), Some(0));
}

#[test]
fn groups_of_a_server_and_a_sidecar_killed_together_are_swept_by_the_next() {
    let mut server = Server::new();
    let (_owner, started) = ready(&server, &Spec::fixture("never-reads-stdin"));
    let Some(cgroup) = started.cgroup else { return skip("no cgroup2 can be made here") };
    let sidecar = resin::tree::Stat::read(started.pid).unwrap().ppid;
    // From here on nobody of its own can remove it. Any other server may, those of other tests too.
    assert!(cgroup.exists());
    server.process.kill().unwrap();
    server.process.wait().unwrap();
    proc::kill(sidecar);
    eventually("the leader is gone", || !proc::is_running(started.pid));
    eventually("the next one sweeps", || {
        // A group stays busy for a moment after its last process.
        drop(Server::new());
        cgroups_of(server.pid()).is_empty()
    });
}

#[test]
fn a_directory_is_not_swept_as_long_as_a_sidecar_of_it_lives() {
    let mut server = Server::new();
    let mut owner = server.connect();
    if owner.start(&Spec::shell("exit 0")).cgroup.is_none() {
        return skip("no cgroup2 can be made here");
    }
    owner.life_ended();
    server.process.kill().unwrap();
    server.process.wait().unwrap();
    drop(Server::new());
    assert_eq!(cgroups_of(server.pid()).len(), 1);
    owner.send_start(&Spec::shell("exit 4"));
    assert_eq!(owner.exited().code, Some(4));
    eventually("its last sidecar has taken it away", || cgroups_of(server.pid()).is_empty());
}

#[test]
fn hello_names_the_sidecar_not_the_server() {
    let server = Server::new();
    let mut owner = server.connect();
    let hello = owner.hello();
    let pid = owner.wait_for(|id, event| match event {
        Event::Hello { sidecar_pid, .. } if id == hello => Some(*sidecar_pid as i32),
        _ => None,
    });
    assert_eq!(proc::children(server.pid()), [pid]);
}
