//! Single flight: one render per key at a time. A leader renders, followers wait for its result.
//!
//! 1. The first caller for a key becomes its leader and gets the duty to finish the flight
//!    ([`Leader`]).
//! 2. Whoever comes while the flight is under way becomes a follower.
//! 3. The leader finishes: the flight is over first, then its result is published. So nobody who
//!    knows the result can join the flight that it came from.
//! 4. The next caller leads a new flight.
//!
//! If the leader is dropped before it finishes, the flight is over too. Its followers get no
//! result, and each of them may try to lead the next one.
//!
//! Each flight counts who asked for it ([`Demand`]). The leader learns this when its flight is
//! over, and decides by it whether another flight must follow.

use std::{collections::HashMap, hash::Hash};

use crate::sync::{Arc, Mutex, MutexGuard, PoisonError, watch};

/// The renders in flight, by key.
#[derive(Debug)]
pub(crate) struct SingleFlight<K, T> {
    flights: Arc<Mutex<HashMap<K, InFlight<T>>>>,
}

#[derive(Debug)]
struct InFlight<T> {
    flight: Flight<T>,
    demand: Demand,
}

/// Who asked for a flight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Demand {
    /// Whether anybody joined it after it had begun.
    pub(crate) was_joined: bool,
    /// Whether anybody waits for its result.
    pub(crate) is_awaited: bool,
}

/// The result of a flight, once there is one.
pub(crate) type Flight<T> = watch::Receiver<Option<T>>;

/// The part that a caller has in the flight of its key.
pub(crate) enum Role<K: Eq + Hash, T> {
    /// No flight is under way: the caller renders, and reports through the guard.
    Leader(Leader<K, T>, Flight<T>),
    /// A flight is under way already.
    Follower(Flight<T>),
}

/// The duty to finish a flight.
///
/// Dropping it without a result ends the flight too: followers see that, and may lead. This happens
/// only if the leading task itself is cancelled or panics. A panic in the page's code is a failed
/// render, which is a result.
#[derive(Debug)]
pub(crate) struct Leader<K: Eq + Hash, T> {
    key: K,
    result: watch::Sender<Option<T>>,
    flights: Arc<Mutex<HashMap<K, InFlight<T>>>>,
}

impl<K: Clone + Eq + Hash, T: Clone> SingleFlight<K, T> {
    pub(crate) fn new() -> Self {
        Self { flights: Arc::default() }
    }

    /// Whether a flight of `key` is under way.
    pub(crate) fn is_under_way(&self, key: &K) -> bool {
        lock(&self.flights).contains_key(key)
    }

    /// Joins the flight of `key`, or starts it, to wait for the result.
    pub(crate) fn join(&self, key: &K) -> Role<K, T> {
        self.join_for(key, true)
    }

    /// Joins the flight of `key`, or starts it; `is_waiting` says whether the caller waits for the
    /// result.
    pub(crate) fn join_for(&self, key: &K, is_waiting: bool) -> Role<K, T> {
        let mut flights = lock(&self.flights);
        if let Some(in_flight) = flights.get_mut(key) {
            in_flight.demand.was_joined = true;
            in_flight.demand.is_awaited |= is_waiting;
            return Role::Follower(in_flight.flight.clone());
        }
        let (result, flight) = watch::channel(None);
        let demand = Demand { was_joined: false, is_awaited: is_waiting };
        flights.insert(key.clone(), InFlight { flight: flight.clone(), demand });
        let leader = Leader { key: key.clone(), result, flights: Arc::clone(&self.flights) };
        Role::Leader(leader, flight)
    }
}

impl<K: Eq + Hash, T> Leader<K, T> {
    /// Ends the flight with `result`, and returns who asked for it.
    ///
    /// The flight is over before anyone learns the result: whoever comes now starts a new one.
    pub(crate) fn finish(self, result: T) -> Demand {
        let in_flight = lock(&self.flights).remove(&self.key);
        self.result.send_replace(Some(result));
        in_flight.map_or_else(Demand::default, |in_flight| in_flight.demand)
    }
}

impl<K: Eq + Hash, T> Drop for Leader<K, T> {
    fn drop(&mut self) {
        let mut flights = lock(&self.flights);
        // If `finish` has ended our flight, another flight of the key may be under way.
        let is_ours = flights
            .get(&self.key)
            .is_some_and(|other| other.flight.same_channel(&self.result.subscribe()));
        if is_ours {
            flights.remove(&self.key);
        }
    }
}

/// Waits for the result; `None` if the leader ended without one.
pub(crate) async fn wait<T: Clone>(mut flight: Flight<T>) -> Option<T> {
    flight.wait_for(Option::is_some).await.ok().and_then(|result| result.clone())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[cfg(not(isr_loom))]
mod tests {
    use super::*;

    fn lead(flights: &SingleFlight<&'static str, u32>) -> Leader<&'static str, u32> {
        match flights.join_for(&"k", false) {
            Role::Leader(leader, _) => leader,
            Role::Follower(_) => panic!("nobody leads yet"),
        }
    }

    fn follow(flights: &SingleFlight<&'static str, u32>) -> Flight<u32> {
        match flights.join(&"k") {
            Role::Leader(..) => panic!("somebody leads already"),
            Role::Follower(flight) => flight,
        }
    }

    #[tokio::test]
    async fn followers_get_the_leaders_result() {
        let flights = SingleFlight::new();
        let leader = lead(&flights);
        let (a, b) = (follow(&flights), follow(&flights));
        assert_eq!(leader.finish(7), Demand { was_joined: true, is_awaited: true });
        assert_eq!((wait(a).await, wait(b).await), (Some(7), Some(7)));
        assert_eq!(lead(&flights).finish(8), Demand::default());
    }

    #[tokio::test]
    async fn lost_leader_frees_its_followers_and_the_next_may_lead() {
        let flights = SingleFlight::new();
        let leader = lead(&flights);
        let follower = follow(&flights);
        drop(leader);
        assert_eq!(wait(follower).await, None);
        lead(&flights);
    }

    #[tokio::test]
    async fn other_keys_do_not_wait() {
        let flights = SingleFlight::<_, u32>::new();
        let _leader = lead(&flights);
        assert!(matches!(flights.join(&"other"), Role::Leader(..)));
    }
}
