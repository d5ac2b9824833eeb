//! What single flight promises, as models.

use std::{
    pin::pin,
    task::{Context, Poll, Waker},
};

use loom::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use crate::single_flight::{self, Flight, Role, SingleFlight};

type Flights = SingleFlight<&'static str, u64>;

const KEY: &str = "/";

/// Waits for the result of `flight`, blocking the thread.
pub(crate) fn wait<T: Clone>(flight: Flight<T>) -> Option<T> {
    let waiting = pin!(single_flight::wait(flight));
    match waiting.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => unreachable!("the channel blocks the thread"),
    }
}

/// Three callers, one of whose renders is lost: never do two of them lead at
/// once, and each follower ends.
pub fn one_leads_at_a_time() {
    let flights = Arc::new(Flights::new());
    let rendering = Arc::new(AtomicU64::new(0));
    let call = |is_lost: bool| {
        let (flights, rendering) = (Arc::clone(&flights), Arc::clone(&rendering));
        move || match flights.join(&KEY) {
            Role::Leader(leader, flight) => {
                assert_eq!(rendering.fetch_add(1, Ordering::SeqCst), 0, "somebody else renders");
                rendering.fetch_sub(1, Ordering::SeqCst);
                if is_lost {
                    drop(leader);
                    assert_eq!(wait(flight), None);
                } else {
                    leader.finish(7);
                    assert_eq!(wait(flight), Some(7));
                }
            }
            Role::Follower(flight) => assert!(matches!(wait(flight), None | Some(7))),
        }
    };
    let (first, second, third) = (call(false), call(true), call(false));
    let others = [thread::spawn(first), thread::spawn(second)];
    third();
    for other in others {
        other.join().expect("the caller's assertions hold");
    }
    assert!(matches!(flights.join(&KEY), Role::Leader(..)), "a flight was left behind");
}

/// Who learns of a result and asks again leads a new flight: a result is never
/// handed to somebody who came after it was known.
pub fn flight_is_over_before_its_result_is_known() {
    let flights = Arc::new(Flights::new());
    let Role::Leader(leader, _) = flights.join(&KEY) else { unreachable!("nobody leads yet") };
    let follower = thread::spawn({
        let flights = Arc::clone(&flights);
        move || {
            if let Role::Follower(flight) = flights.join(&KEY) {
                assert_eq!(wait(flight), Some(1));
                assert!(matches!(flights.join(&KEY), Role::Leader(..)), "the old flight goes on");
            }
        }
    });
    leader.finish(1);
    follower.join().expect("the follower's assertions hold");
}

/// A leader that is dropped without a result frees its followers, and one of
/// them leads next; the other follows that one, or leads after it.
pub fn lost_leader_is_succeeded() {
    let flights = Arc::new(Flights::new());
    let Role::Leader(leader, _) = flights.join(&KEY) else { unreachable!("nobody leads yet") };
    let visit = || {
        let flights = Arc::clone(&flights);
        move || {
            // Lost at most once: whoever leads next finishes.
            for _ in 0..2 {
                let result = match flights.join(&KEY) {
                    Role::Leader(leader, _) => {
                        leader.finish(2);
                        Some(2)
                    }
                    Role::Follower(flight) => wait(flight),
                };
                if result.is_some() {
                    return;
                }
            }
            panic!("the lost flight was joined twice");
        }
    };
    let visitors = [thread::spawn(visit()), thread::spawn(visit())];
    drop(leader);
    for visitor in visitors {
        visitor.join().expect("each visitor gets a result");
    }
}
