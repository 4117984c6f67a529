//! A projector's **state**, and the one function that changes it.

use serde::{Deserialize, Serialize};

/// What a projector is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Its plugin is being loaded.
    Starting,
    /// It is on its way to the head.
    Replaying,
    /// It has reached the head and follows it.
    Live,
    /// An operator stopped it; it stays at its checkpoint.
    Paused,
    /// A fault stopped it; it stays at its checkpoint.
    Parked,
    /// Nobody runs it: no host is up, or its plugin file is gone.
    Stopped,
}

/// What can happen to a projector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// It was given a thread.
    Started,
    /// Its instance is open and takes events.
    Opened,
    /// Its checkpoint is the head.
    CaughtUp,
    /// It failed for good.
    Faulted,
    /// An operator paused it.
    PauseAsked,
    /// The host is going down, or its plugin file vanished.
    StopAsked,
}

impl State {
    /// The state after a signal. Pure, and total: a late signal from a stopping thread changes nothing.
    pub fn after(self, signal: Signal) -> State {
        match (self, signal) {
            (_, Signal::Started) => State::Starting,
            (_, Signal::PauseAsked) => State::Paused,
            // A fault outlives the host: the next reader of the status must still see it.
            (State::Parked | State::Paused, Signal::StopAsked) => self,
            (_, Signal::StopAsked) => State::Stopped,
            (State::Starting, Signal::Opened) => State::Replaying,
            (State::Starting | State::Replaying, Signal::CaughtUp) => State::Live,
            (State::Starting | State::Replaying | State::Live, Signal::Faulted) => State::Parked,
            (state, Signal::Opened | Signal::CaughtUp | Signal::Faulted) => state,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Signal::*, State::*, *};

    fn after(signals: &[Signal]) -> State {
        signals.iter().fold(Stopped, |state, &signal| state.after(signal))
    }

    #[test]
    fn a_projector_goes_live_and_parks() {
        assert_eq!(after(&[Started, Opened]), Replaying);
        assert_eq!(after(&[Started, Opened, CaughtUp]), Live);
        assert_eq!(after(&[Started, Opened, CaughtUp, Faulted]), Parked);
        assert_eq!(after(&[Started, Faulted, StopAsked]), Parked);
        assert_eq!(after(&[Started, Opened, CaughtUp, StopAsked]), Stopped);
    }

    #[test]
    fn late_signals_change_nothing() {
        assert_eq!(after(&[Started, Opened, PauseAsked, CaughtUp]), Paused);
        assert_eq!(after(&[Started, Opened, PauseAsked, Faulted]), Paused);
        assert_eq!(after(&[Started, Opened, StopAsked, CaughtUp]), Stopped);
        assert_eq!(after(&[Started, Faulted, CaughtUp]), Parked);
    }

    #[test]
    fn a_parked_or_paused_projector_can_be_started_again() {
        assert_eq!(after(&[Started, Faulted, Started, Opened, CaughtUp]), Live);
        assert_eq!(after(&[Started, PauseAsked, Started]), Starting);
    }
}
