//! A program for the restart benchmark: appends its pid and the monotonic clock's nanoseconds to the file it is given, then waits for its end.

use std::fs::OpenOptions;
use std::io::Write;
use std::time::Duration;

fn main() {
    let now = nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC).expect("the monotonic clock");
    let path = std::env::args_os().nth(1).expect("usage: clock FILE");
    let line = format!("{} {}\n", std::process::id(), now.tv_sec() as i128 * 1_000_000_000 + now.tv_nsec() as i128);
    let mut file = OpenOptions::new().append(true).create(true).open(path).expect("a file to append to");
    file.write_all(line.as_bytes()).expect("one line");
    loop {
        std::thread::sleep(Duration::from_secs(3600));
    }
}
