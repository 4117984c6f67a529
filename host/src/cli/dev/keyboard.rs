//! The **keyboard**: single keys, read as they are pressed. Only where a person sits at a terminal.

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// Build and replay again.
    Again,
    /// Run the tests.
    Tests,
    /// Show all differences.
    Differences,
    /// Show the warnings, or hide them.
    Warnings,
    /// End.
    Quit,
    /// Anything else.
    Other,
}

impl Key {
    fn of(byte: u8) -> Key {
        match byte.to_ascii_lowercase() {
            b'r' => Key::Again,
            b't' => Key::Tests,
            b'd' => Key::Differences,
            b'w' => Key::Warnings,
            b'q' => Key::Quit,
            _ => Key::Other,
        }
    }
}

#[cfg(unix)]
pub(super) use unix::Keyboard;

#[cfg(unix)]
mod unix {
    use std::io::{IsTerminal, Read, stdin};
    use std::thread;

    use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

    use super::Key;

    /// A terminal that hands on each key at once and does not show it. As it was before when this is dropped.
    pub(in super::super) struct Keyboard {
        before: Termios,
    }

    impl Keyboard {
        /// None where stdin is no terminal. `pressed` is called on another thread.
        pub fn open(mut pressed: impl FnMut(Key) + Send + 'static) -> Option<Keyboard> {
            if !stdin().is_terminal() {
                return None;
            }
            let before = tcgetattr(stdin()).ok()?;
            let mut single = before.clone();
            // Ctrl-c goes on being a signal, and a new line goes on beginning at the left.
            single.local_modes &= !(LocalModes::ICANON | LocalModes::ECHO);
            tcsetattr(stdin(), OptionalActions::Now, &single).ok()?;
            // It waits in `read` and ends with the process.
            let reading = thread::Builder::new().name("keyboard".into()).spawn(move || {
                let mut byte = [0];
                while stdin().read(&mut byte).is_ok_and(|read| read == 1) {
                    pressed(Key::of(byte[0]));
                }
            });
            let keyboard = Keyboard { before };
            reading.is_ok().then_some(keyboard)
        }
    }

    impl Drop for Keyboard {
        fn drop(&mut self) {
            // Nothing else can be done when the terminal is gone.
            let _ = tcsetattr(stdin(), OptionalActions::Now, &self.before);
        }
    }
}

/// Elsewhere there are no single keys.
#[cfg(not(unix))]
pub(super) struct Keyboard;

#[cfg(not(unix))]
impl Keyboard {
    /// None.
    pub fn open(_pressed: impl FnMut(Key) + Send + 'static) -> Option<Keyboard> {
        None
    }
}
