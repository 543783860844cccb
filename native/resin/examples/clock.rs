//! A program for the restart benchmark: appends its pid and the monotonic clock's nanoseconds to the file it is given, then waits for its end.
//!
//! Its first line is the program's first: it is linked statically (see bench/restart.ts) and does without Rust's runtime, since what it takes to load
//! and to begin a larger program is no supervisor's, and the same under all of them.

#![no_main]
#![allow(unsafe_code)]

use std::ffi::{CStr, OsStr, c_char, c_int};
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;

use nix::time::{ClockId, clock_gettime};

/// What the C library calls.
///
/// # Safety
/// `argv` has `argc` texts that end with NUL and live as long as the program.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn main(argc: c_int, argv: *const *const c_char) -> c_int {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("the monotonic clock");
    assert!(argc > 1, "usage: clock FILE");
    // SAFETY: there is one, which lives as long as the program.
    let path = unsafe { CStr::from_ptr(*argv.add(1)) };
    let line = format!("{} {}\n", std::process::id(), now.tv_sec() as i128 * 1_000_000_000 + now.tv_nsec() as i128);
    let mut file = OpenOptions::new()
        .append(true)
        .create(true)
        .open(OsStr::from_bytes(path.to_bytes()))
        .expect("a file to append to");
    file.write_all(line.as_bytes()).expect("one line");
    loop {
        nix::unistd::pause();
    }
}
