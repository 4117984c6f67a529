//! A **process group**: a program with all that it starts, which can be stopped together.

use std::io;
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long a program that has closed its output may take to be gone before it is looked for again.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// A running program. It is stopped when this is dropped.
pub struct ProcessGroup(Mutex<Child>);

impl ProcessGroup {
    /// Starts the program in a group of its own, without input.
    pub fn start(command: &mut Command) -> io::Result<(ProcessGroup, ChildStdout, ChildStderr)> {
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(command, 0);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let (Some(out), Some(err)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(io::Error::other("its output cannot be read"));
        };
        Ok((ProcessGroup(Mutex::new(child)), out, err))
    }

    /// Waits for the program's end. To be called once its output has ended.
    pub fn wait(&self) -> io::Result<ExitStatus> {
        loop {
            // Not held while waiting, so that it can be stopped meanwhile.
            if let Some(status) = self.lock().try_wait()? {
                return Ok(status);
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// Stops the program and all that it started, at once. Nothing happens when it has ended.
    pub fn stop(&self) {
        let mut child = self.lock();
        // As long as the program was not waited for, its number is not given to another.
        if let Ok(None) = child.try_wait() {
            kill_group(&mut child);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Child> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        self.stop();
    }
}

#[cfg(unix)]
fn kill_group(child: &mut Child) {
    if let Ok(group) = i32::try_from(child.id()) {
        // SAFETY: the call takes two numbers; a group that is gone already is an error that changes nothing.
        unsafe { libc::kill(-group, libc::SIGKILL) };
    }
}

#[cfg(not(unix))]
fn kill_group(child: &mut Child) {
    let _ = child.kill();
}

#[cfg(all(test, unix))]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn what_a_program_started_is_stopped_with_it() {
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 600 & echo started; wait"]);
        let (group, mut out, _err) = ProcessGroup::start(&mut command).unwrap();
        let mut started = [0; 8];
        out.read_exact(&mut started).unwrap();
        group.stop();
        // The output ends only once nobody holds it any more, the sleeping program included.
        let mut rest = String::new();
        out.read_to_string(&mut rest).unwrap();
        assert!(!group.wait().unwrap().success());
        group.stop();
    }
}
