//! Replicas that share a Redis, with faults, compared with what editors and visitors may expect.
//!
//! A run is decided by its seed: what happens when, and how long each command, render and fault takes.
//! It has one thread, and its time passes only when everybody waits. After it all faults end, and what
//! was answered must hold everywhere.
//!
//! Real are the engines, with all that they do behind a request and a purge: `Order`, `PurgeLog`,
//! `Guarded`, `Tiers`, `NearStore`, flights and leases. Mirrored is what only moves bytes: the scripts
//! of the Redis ([`redis`]), its client ([`link`]), and the disk, with its copy of the purges ([`disk`]).
//! The engines' clocks differ by minutes, and so does the Redis's.
//!
//! What must hold:
//!
//! 1. A process that has answered a purge as kept, or heard of it, serves nothing as fresh that is of
//!    before it, and nothing at all if the purge is hard.
//! 2. Once all faults have ended, no process does, whatever the Redis has lost. Excepted are purges
//!    that everybody has forgotten who had heard of them. The same two seconds after a loss, if
//!    everybody reaches the Redis.
//! 3. In the Redis no page takes the place of one whose lease was given later; pages that a process
//!    serves do not go back, nor does the last purge that it has applied.
//! 4. In the end each page becomes fresh everywhere after a few visits. For each loss a process purges
//!    everything once at most.
//! 5. Without faults a page that expires or is purged is rendered once for all.
//!
//! CONTRIBUTING says how to run many seeds, and how to see one of them.

mod dice;
mod disk;
mod link;
mod process;
mod redis;
mod simulation;
mod weather;
mod world;

use std::{ops::Range, time::Duration};

use self::{dice::Dice, simulation::Simulation, weather::Weather};

/// A rule of the protocol that does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Broken {
    /// A page takes the place of a newer one.
    PutOverNewer,
    /// The version of a page is the time of its process.
    VersionByOwnClock,
    /// The version that a process is given with a lease is not that of its page.
    VersionUnused,
    /// A lease is given to everybody who asks.
    LeaseForAll,
    /// A purge may have a position below what its process has seen.
    PositionBelowSeen,
    /// The Redis does not remember which positions it gave.
    LossUnnoticed,
    /// The positions of a log that is gone stay.
    PositionsOfAnotherLog,
    /// A purge reaches what began after it.
    PurgeCountsAgain,
    /// A purge reaches nothing in other processes.
    PurgesUnheard,
    /// A lost history does not become a purge of everything.
    NoBarrier,
    /// A lost history loses hard purges.
    HardNotResent,
    /// What a render has seen is noted at its end.
    SeenTooLate,
}

impl Broken {
    /// Each, with the weather in which it soon shows.
    const ALL: [(Self, Weather); 12] = [
        (Self::PutOverNewer, Weather::Stops),
        (Self::VersionByOwnClock, Weather::Stops),
        (Self::VersionUnused, Weather::Stops),
        (Self::LeaseForAll, Weather::Calm),
        (Self::PositionBelowSeen, Weather::Losses),
        (Self::LossUnnoticed, Weather::Losses),
        (Self::PositionsOfAnotherLog, Weather::Forgetful),
        (Self::PurgeCountsAgain, Weather::Calm),
        (Self::PurgesUnheard, Weather::Calm),
        (Self::NoBarrier, Weather::Forgetful),
        (Self::HardNotResent, Weather::Losses),
        (Self::SeenTooLate, Weather::Stops),
    ];
}

/// What a run came to.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    fault: Option<String>,
    trace: Option<Vec<String>>,
    renders: Vec<usize>,
    elapsed: Duration,
}

/// Runs a simulation, with a broken rule if one is given.
fn run(seed: u64, broken: Option<(Broken, Weather)>, is_traced: bool) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut dice = Dice::new(seed);
        let weather = Weather::ALL[dice.index(Weather::ALL.len())];
        let weather = broken.map_or(weather, |(_, weather)| weather);
        let broken = broken.map(|(broken, _)| broken);
        let mut run = Simulation::start(dice, weather, broken, is_traced).await;
        if weather == Weather::Calm {
            run.calm().await;
        } else {
            run.storm(weather).await;
            run.calm_down().await;
        }
        let mut state = run.world.state();
        Outcome {
            fault: state.fault.take(),
            trace: state.trace.take(),
            renders: state.renders.clone(),
            elapsed: run.world.began.elapsed(),
        }
    })
}

/// The seeds to run, as `ISR_SEEDS` says.
fn seeds() -> Range<u64> {
    let Ok(seeds) = std::env::var("ISR_SEEDS") else { return 0..100 };
    let ends = seeds.split_once("..").expect("`ISR_SEEDS` is as 0..10000");
    ends.0.parse().unwrap()..ends.1.parse().unwrap()
}

/// The first of these seeds with a fault, and what it is.
fn first_fault(mut seeds: Range<u64>, broken: Option<(Broken, Weather)>) -> Option<(u64, String)> {
    seeds.find_map(|seed| Some((seed, run(seed, broken, false).fault?)))
}

#[test]
fn replicas_keep_what_they_promise_whatever_fails() {
    if let Some((seed, fault)) = first_fault(seeds(), None) {
        run(seed, None, true).trace.iter().flatten().for_each(|line| println!("{line}"));
        panic!("seed {seed}: {fault}; what came before is above");
    }
}

#[test]
fn each_rule_that_does_not_hold_is_noticed() {
    for broken in Broken::ALL {
        let found = first_fault(0..300, Some(broken));
        println!("{broken:?}: {found:?}");
        assert!(found.is_some(), "nobody notices {broken:?}");
    }
}

#[test]
fn seed_decides_what_happens() {
    for seed in 0..10 {
        let outcome = || {
            let mut outcome = run(seed, None, true);
            // Visitors who wait for the same page go on in any order.
            outcome.trace.iter_mut().for_each(|trace| trace.sort_unstable());
            outcome
        };
        assert_eq!(outcome(), outcome(), "seed {seed}");
    }
}
