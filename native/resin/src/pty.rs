//! The terminal of a process: making one, its size, what a person would press to end the input.
//! Knows pseudo-terminals and their settings; does not know the process, its session or who writes.
#![allow(unsafe_code)]

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use libc::c_int;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;

use crate::wire::start::Pty;

/// A terminal before its process has it.
#[derive(Debug)]
pub struct Terminal {
    /// Our side, nonblocking: what is written to it is pressed, what is read from it is shown.
    pub master: OwnedFd,
    /// The process's side.
    pub slave: OwnedFd,
}

impl Terminal {
    /// Makes one with this size and these settings.
    ///
    /// # Errors
    /// What the kernel answers: ENOENT without a mounted devpts, ENOSPC when there are as many terminals as the system allows.
    pub fn make(pty: &Pty) -> Result<Self, Errno> {
        let flags = OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK;
        let master = open("/dev/ptmx", flags, Mode::empty())?;
        let unlock: c_int = 0;
        let peer_flags = libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC;
        // SAFETY: the first call reads an int, the second takes flags as a number; its answer is a new descriptor that nobody else owns.
        let slave = unsafe {
            Errno::result(libc::ioctl(master.as_raw_fd(), libc::TIOCSPTLCK, &raw const unlock))?;
            OwnedFd::from_raw_fd(Errno::result(libc::ioctl(master.as_raw_fd(), libc::TIOCGPTPEER, peer_flags))?)
        };
        let mut settings = settings_of(&slave)?;
        settings.c_iflag |= libc::IUTF8;
        if pty.raw {
            // SAFETY: the struct is live and whole.
            unsafe { libc::cfmakeraw(&raw mut settings) };
        }
        if pty.echo {
            settings.c_lflag |= libc::ECHO;
        } else {
            settings.c_lflag &= !(libc::ECHO | libc::ECHONL);
        }
        // SAFETY: the pointer is to a live, whole struct.
        Errno::result(unsafe { libc::tcsetattr(slave.as_raw_fd(), libc::TCSANOW, &raw const settings) })?;
        resize(&master, pty.rows, pty.cols)?;
        Ok(Self { master, slave })
    }
}

/// Sets the size of a terminal; the kernel tells its foreground processes with SIGWINCH.
///
/// # Errors
/// What `ioctl(2)` answers.
pub fn resize(master: &OwnedFd, rows: u16, cols: u16) -> Result<(), Errno> {
    let size = libc::winsize { ws_row: rows, ws_col: cols, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the pointer is to a live struct of the kind the call reads.
    Errno::result(unsafe { libc::ioctl(master.as_raw_fd(), libc::TIOCSWINSZ, &raw const size) }).map(drop)
}

/// What a person would press to say that there is no more input: the end-of-file character (^D unless it was changed), and twice where a line
/// has begun, since the first then only hands over that line. A program that reads the keys themselves gets it as the key.
pub fn end_of_input(master: &OwnedFd, last: Option<u8>) -> Vec<u8> {
    let Ok(settings) = settings_of(master) else { return Vec::new() };
    let key = settings.c_cc[libc::VEOF];
    let by_lines = settings.c_lflag & libc::ICANON != 0;
    let begun = last.is_some_and(|byte| byte != b'\n' && byte != b'\r' && byte != key);
    if by_lines && begun { vec![key, key] } else { vec![key] }
}

fn settings_of(terminal: &OwnedFd) -> Result<libc::termios, Errno> {
    // SAFETY: a termios is integers, for which zero is a value; the call fills it.
    unsafe {
        let mut settings = std::mem::zeroed();
        Errno::result(libc::tcgetattr(terminal.as_raw_fd(), &raw mut settings))?;
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_has_the_size_and_the_settings_it_was_made_with() {
        for (echo, raw) in [(true, false), (false, false), (false, true)] {
            let terminal = Terminal::make(&Pty { rows: 7, cols: 300, echo, raw }).unwrap();
            let settings = settings_of(&terminal.slave).unwrap();
            assert_eq!(settings.c_lflag & libc::ECHO != 0, echo);
            assert_eq!(settings.c_lflag & libc::ICANON == 0, raw);
            let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
            // SAFETY: the call fills a live struct.
            unsafe { libc::ioctl(terminal.slave.as_raw_fd(), libc::TIOCGWINSZ, &raw mut size) };
            assert_eq!((size.ws_row, size.ws_col), (7, 300));
        }
    }

    #[test]
    fn the_end_of_input_is_pressed_twice_inside_a_line() {
        let lines = Terminal::make(&Pty { rows: 1, cols: 1, echo: false, raw: false }).unwrap();
        let raw = Terminal::make(&Pty { rows: 1, cols: 1, echo: false, raw: true }).unwrap();
        for (last, keys) in [(None, 1), (Some(b'\n'), 1), (Some(b'\r'), 1), (Some(4), 1), (Some(b'x'), 2)] {
            assert_eq!(end_of_input(&lines.master, last), vec![4; keys]);
            assert_eq!(end_of_input(&raw.master, last), [4]);
        }
    }
}
