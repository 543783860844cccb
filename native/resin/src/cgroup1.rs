//! A group of version 1 for a tree, in the hierarchy of one controller: joining it, setting its limits, asking whether its memory ran out.
//! Knows the files of one group; does not know which limits were asked for, or processes.

use std::fs;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use cgroups_rs::MaxValue;
use cgroups_rs::blkio::BlkIoController;
use cgroups_rs::cpu::CpuController;
use cgroups_rs::memory::MemController;
use cgroups_rs::pid::PidController;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;

use crate::cgroup::{kill_group, number_in, remove_group};
use crate::kernel;
use crate::place::Controller;
use crate::wire::start::IoLimit;

/// The group of one tree in one hierarchy.
#[derive(Debug)]
pub struct Cgroup1 {
    controller: Controller,
    directory: PathBuf,
    procs: OwnedFd,
}

impl Cgroup1 {
    /// Takes a directory that was just made; it is removed again where it cannot be used.
    ///
    /// # Errors
    /// What `open(2)` answers.
    pub fn open(controller: Controller, directory: PathBuf) -> Result<Self, Errno> {
        match open(&directory.join("cgroup.procs"), OFlag::O_WRONLY | OFlag::O_CLOEXEC, Mode::empty()) {
            Ok(procs) => Ok(Self { controller, directory, procs }),
            Err(errno) => {
                let _ = fs::remove_dir(&directory);
                Err(errno)
            }
        }
    }

    /// Whose hierarchy it is in.
    pub fn controller(&self) -> Controller {
        self.controller
    }

    /// Its directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// A descriptor that a process writes `0` to, to become a member.
    pub fn procs(&self) -> i32 {
        self.procs.as_raw_fd()
    }

    /// Limits its memory, and its memory and swap together.
    ///
    /// # Errors
    /// What the kernel answers. The second can be ENOENT where the kernel does not count swap.
    pub fn limit_memory(&self, memory_bytes: u64, swap_bytes: u64) -> [Result<(), Errno>; 2] {
        let controller = MemController::new(self.directory.clone(), false);
        let number = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
        let memory = controller.set_limit(number(memory_bytes));
        // The crate makes a missing file instead of saying that there is none; so the kernel is asked first.
        let counts_swap = self.directory.join("memory.memsw.limit_in_bytes").exists();
        let swap = match counts_swap {
            true => outcome(controller.set_memswap_limit(number(memory_bytes.saturating_add(swap_bytes)))),
            false => Err(Errno::ENOENT),
        };
        [outcome(memory), swap]
    }

    /// Limits its time, in microseconds of each `period_us`.
    ///
    /// # Errors
    /// What the kernel answers.
    pub fn limit_cpu(&self, quota_us: u64, period_us: u64) -> Result<(), Errno> {
        let controller = CpuController::new(self.directory.clone(), false);
        outcome(controller.set_cfs_period(period_us))?;
        outcome(controller.set_cfs_quota(quota_us as i64))
    }

    /// Limits how many processes and threads it has.
    ///
    /// # Errors
    /// What the kernel answers.
    pub fn limit_pids(&self, most: u32) -> Result<(), Errno> {
        let controller = PidController::new(self.directory.clone(), false);
        outcome(controller.set_pid_max(MaxValue::Value(i64::from(most))))
    }

    /// Limits what it reads and writes of a device each second.
    ///
    /// # Errors
    /// What the kernel answers.
    pub fn limit_io(&self, (major, minor): (u64, u64), limit: &IoLimit<'_>) -> Result<(), Errno> {
        let controller = BlkIoController::new(self.directory.clone(), false);
        let set = |rate: Option<u64>, set: &dyn Fn(u64) -> cgroups_rs::error::Result<()>| {
            rate.map_or(Ok(()), |rate| outcome(set(rate)))
        };
        set(limit.read_bps, &|rate| controller.throttle_read_bps_for_device(major, minor, rate))?;
        set(limit.write_bps, &|rate| controller.throttle_write_bps_for_device(major, minor, rate))?;
        set(limit.read_iops, &|rate| controller.throttle_read_iops_for_device(major, minor, rate))?;
        set(limit.write_iops, &|rate| controller.throttle_write_iops_for_device(major, minor, rate))
    }

    /// Whether the kernel killed a process of the group because the group had no memory left.
    pub fn ran_out_of_memory(&self) -> bool {
        number_in(&self.directory.join("memory.oom_control"), "oom_kill").is_some_and(|count| count > 0)
    }

    /// A descriptor that becomes readable when the group has no memory left, a moment before the kernel kills a process of it.
    ///
    /// # Errors
    /// What the kernel answers.
    pub fn memory_alarm(&self) -> Result<OwnedFd, Errno> {
        let alarm = kernel::eventfd()?;
        let control =
            open(&self.directory.join("memory.oom_control"), OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())?;
        let order = format!("{} {}", alarm.as_raw_fd(), control.as_raw_fd());
        fs::write(self.directory.join("cgroup.event_control"), order)
            .map_err(|error| error.raw_os_error().map_or(Errno::EIO, Errno::from_raw))?;
        Ok(alarm)
    }

    /// Kills everything in the group, process by process.
    pub fn kill(&self) {
        kill_group(&self.directory);
    }

    /// Removes the group; groups its processes made inside go first.
    ///
    /// # Errors
    /// EBUSY while a process is left in it.
    pub fn remove(&self) -> Result<(), Errno> {
        remove_group(&self.directory)
    }
}

fn outcome(result: cgroups_rs::error::Result<()>) -> Result<(), Errno> {
    result.map_err(|error| {
        let cause = std::error::Error::source(&error).and_then(|cause| cause.downcast_ref::<io::Error>());
        cause.and_then(io::Error::raw_os_error).map_or(Errno::EIO, Errno::from_raw)
    })
}
