//! What may happen in a run.

/// What a run has of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weather {
    /// No faults.
    Calm,
    Mixed,
    /// The Redis loses something again and again, and everybody reaches it.
    Forgetful,
    /// The same, and not everybody does.
    Losses,
    /// Processes are stopped for longer than a lease.
    Stops,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Event {
    Visit,
    Publish,
    Line,
    Stop,
    KillOrStart,
    Loss,
    Down,
}

impl Weather {
    pub(super) const ALL: [Self; 5] =
        [Self::Calm, Self::Mixed, Self::Forgetful, Self::Losses, Self::Stops];

    /// What happens next, by a number below 100.
    pub(super) fn event(self, number: u64) -> Event {
        use Event::{Down, KillOrStart, Line, Loss, Publish, Stop, Visit};
        let shares: &[(u64, Event)] = match self {
            Self::Calm | Self::Mixed => {
                &[(20, Publish), (30, Line), (35, Stop), (41, KillOrStart), (49, Loss), (55, Down)]
            }
            Self::Forgetful => &[(30, Publish), (60, Loss)],
            Self::Losses => &[(25, Publish), (45, Line), (50, KillOrStart), (70, Loss)],
            Self::Stops => &[(20, Publish), (35, Stop)],
        };
        shares.iter().find(|(below, _)| number < *below).map_or(Visit, |(_, event)| *event)
    }
}
