//! Which failures **may pass** by themselves: the one place that decides it.
//!
//! A full disk is emptied, a lock is let go, files are closed, memory is freed. A fault made of such a cause says
//! [`retry`](super::Detail::retry); whoever meets it tries again later and throws nothing away meanwhile.

use std::fmt;
use std::io;

/// What a store or a file failed with.
pub trait Cause: fmt::Display {
    /// Whether the same thing may go well later, with nothing changed by us.
    fn may_pass(&self) -> bool;
}

impl<C: Cause + ?Sized> Cause for &C {
    fn may_pass(&self) -> bool {
        (**self).may_pass()
    }
}

/// An explanation in words is about something that was found, and that stays as it is.
impl Cause for str {
    fn may_pass(&self) -> bool {
        false
    }
}

impl Cause for String {
    fn may_pass(&self) -> bool {
        false
    }
}

impl Cause for io::Error {
    fn may_pass(&self) -> bool {
        // Too many open files, in this process or in the system, have no kind of their own.
        const TOO_MANY_OPEN_FILES: [i32; 2] = [23, 24];
        // An I/O error of the device: a cable, a network, a disk that is about to be replaced.
        const DEVICE_FAILED: i32 = 5;
        use io::ErrorKind::*;
        let by_kind = matches!(
            self.kind(),
            StorageFull
                | QuotaExceeded
                | FileTooLarge
                | ResourceBusy
                | ExecutableFileBusy
                | WouldBlock
                | Interrupted
                | TimedOut
                | OutOfMemory
                | StaleNetworkFileHandle
        );
        let by_number = |number| cfg!(unix) && (TOO_MANY_OPEN_FILES.contains(&number) || number == DEVICE_FAILED);
        by_kind || self.raw_os_error().is_some_and(by_number)
    }
}

impl Cause for serde_json::Error {
    fn may_pass(&self) -> bool {
        self.io_error_kind().is_some_and(|kind| io::Error::from(kind).may_pass())
    }
}

/// The same for SQLite, by its [primary result code](https://sqlite.org/rescode.html).
pub fn sqlite_code_may_pass(code: i32) -> bool {
    const BUSY: i32 = 5;
    const LOCKED: i32 = 6;
    const OUT_OF_MEMORY: i32 = 7;
    const INPUT_OUTPUT: i32 = 10;
    const FULL: i32 = 13;
    const LOCKING_PROTOCOL: i32 = 15;
    [BUSY, LOCKED, OUT_OF_MEMORY, INPUT_OUTPUT, FULL, LOCKING_PROTOCOL].contains(&(code & 0xff))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Fault;

    #[test]
    fn what_the_system_runs_out_of_for_a_moment_may_pass() {
        for number in [28, 24, 23, 12, 11, 16, 27, 122, 5] {
            let error = io::Error::from_raw_os_error(number);
            assert!(Fault::storage("writing", &error).retry, "{number}: {error}");
        }
        for code in [5, 6, 7, 10, 13, 15, 10 | 8 << 8] {
            assert!(sqlite_code_may_pass(code), "{code}");
        }
    }

    #[test]
    fn what_stays_as_it_is_does_not_pass() {
        for number in [2, 13, 20, 21, 22] {
            let error = io::Error::from_raw_os_error(number);
            assert!(!Fault::storage("reading", &error).retry, "{number}: {error}");
        }
        assert!(!Fault::storage("reading", "it is damaged").retry);
        for code in [1, 8, 11, 14, 26] {
            assert!(!sqlite_code_may_pass(code), "{code}");
        }
    }
}
