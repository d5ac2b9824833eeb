//! The queue for renders: which page is next.
//!
//! Only so many renders run at once, for the whole server and for each route with a limit of its
//! own. The other pages wait, and demand decides which is next:
//!
//! 1. A page that a visitor waits for, before one that was asked for, before one that was only
//!    prefetched.
//! 2. Among equals, the page that was asked for most often.
//! 3. Among those, the page that has waited longest.
//!
//! Every fourth turn goes to the page that has waited longest, so that no page waits for ever. A
//! page whose route is at its limit is passed over. Pages that nobody waits for leave one of the
//! renders to visitors, in the server and in a route with a limit, if there is more than one.
//!
//! How many pages visitors may wait for is bounded too, and a route with a limit has its share of
//! these places: a crowd of its visitors takes no more. Those who wait for one page take one place.

use std::{
    cmp::Reverse,
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use priority_queue::PriorityQueue;
use tokio::sync::oneshot;

use crate::{address::key::Key, stats::QueueStats};

/// One turn in this many goes by the longest wait, not by demand.
const OLDEST_EVERY: u64 = 4;

/// How many visitors may wait in all, for each place. Beyond that only the first of a page waits.
const VISITORS_PER_PLACE: usize = 10;

/// The last render makes up one part in this many of the average duration.
const WEIGHT_OF_LAST: u32 = 8;

/// The bounds of how long a refused visitor is told to wait.
const LEAST: Duration = Duration::from_secs(1);
const MOST: Duration = Duration::from_secs(60);

/// Decides which page is rendered next. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Scheduler(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    bounds: Bounds,
    state: Mutex<State>,
}

/// How much may run and wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Renders at once.
    pub(crate) renders: usize,
    /// Pages that visitors wait for, those being rendered included.
    pub(crate) places: usize,
    /// Pages that wait to be regenerated, with no visitor waiting for them.
    pub(crate) queue: usize,
}

#[derive(Debug, Default)]
struct State {
    running: Running,
    lanes: HashMap<Arc<str>, Lane>,
    /// Pages waiting, in all lanes.
    waiting: usize,
    /// How many visitors wait for each page that has a place. A page that all of them have left
    /// keeps its place while it is in the queue.
    awaited: HashMap<Key, usize>,
    visitors: usize,
    turns: u64,
    last_ticket: u64,
    is_closed: bool,
    average: Duration,
}

/// How many renders are under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Running {
    all: usize,
    /// Those that nobody waited for when they began.
    background: usize,
}

/// The renders of one route.
#[derive(Debug)]
struct Lane {
    running: Running,
    limit: usize,
    /// How many of its pages visitors wait for.
    awaited: usize,
    queue: PriorityQueue<Key, Place>,
    calls: HashMap<Key, oneshot::Sender<Urgency>>,
}

/// A page's place in the queue; the greatest is next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    urgency: Urgency,
    demand: u32,
    ticket: Reverse<u64>,
}

/// For whom a page is rendered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Urgency {
    /// For a browser that fetched the page before its visitor asked for it. Nobody waits for it.
    Prefetch,
    /// For the next visitor. Nobody waits for it.
    Background,
    /// For somebody who waits for it.
    Waiting,
}

/// Why a page gets no turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Too many wait already. There may be fewer after `retry_after`.
    Busy { retry_after: Duration },
    /// The server is shutting down.
    Closed,
}

/// A page's place in the queue. Dropping it gives the place up.
#[derive(Debug)]
pub(crate) struct Turn {
    scheduler: Scheduler,
    route: Arc<str>,
    key: Key,
    /// Resolves when the page's turn has come; `None` if it need not wait.
    call: Option<oneshot::Receiver<Urgency>>,
    urgency: Urgency,
    has_begun: bool,
}

/// The right to render one page. Dropping it ends the render.
#[derive(Debug)]
pub(crate) struct Permit {
    scheduler: Scheduler,
    route: Arc<str>,
    /// For whom the page is rendered, as of its turn.
    pub(crate) urgency: Urgency,
    began: Instant,
    is_given_up: bool,
}

/// A visitor who waits for a page. Dropping it ends the wait.
#[derive(Debug)]
pub(crate) struct Visitor {
    scheduler: Scheduler,
    route: Arc<str>,
    key: Key,
}

impl Scheduler {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self(Arc::new(Inner { bounds, state: Mutex::default() }))
    }

    /// Counts one more visitor who waits for the page `key` of `route`, which renders at most
    /// `limit` pages at once. The first one for a page takes a place for it.
    ///
    /// # Errors
    ///
    /// Returns [`Refusal::Busy`] if no place is free for the page. If others wait for it already,
    /// it has its place, and more visitors are refused only beyond [`VISITORS_PER_PLACE`].
    pub(crate) fn visitor(
        &self,
        route: &Arc<str>,
        limit: Option<usize>,
        key: &Key,
    ) -> Result<Visitor, Refusal> {
        let bounds = self.0.bounds;
        let mut state = self.state();
        let is_free = if state.awaited.contains_key(key) {
            state.visitors < bounds.places.saturating_mul(VISITORS_PER_PLACE)
        } else {
            state.awaited.len() < bounds.places
                && state.lane(route, limit).awaited < bounds.places_of(limit)
        };
        if !is_free {
            return Err(state.busy(bounds, route));
        }
        state.visitors += 1;
        if let Some(visitors) = state.awaited.get_mut(key) {
            *visitors += 1;
        } else {
            state.awaited.insert(key.clone(), 1);
            state.lane(route, limit).awaited += 1;
        }
        drop(state);
        Ok(Visitor { scheduler: self.clone(), route: Arc::clone(route), key: key.clone() })
    }

    /// Asks for a turn to render the page `key` of `route`, which renders at most `limit` pages at
    /// once. The page has its place in the queue when this returns.
    ///
    /// # Errors
    ///
    /// Returns a [`Refusal`] for a page that nobody waits for if the queue is full or the server is
    /// shutting down.
    pub(crate) fn ask(
        &self,
        route: &Arc<str>,
        limit: Option<usize>,
        key: &Key,
        urgency: Urgency,
    ) -> Result<Turn, Refusal> {
        let bounds = self.0.bounds;
        let mut state = self.state();
        let nobody_waits = urgency != Urgency::Waiting;
        let lane_is_free = state.lane(route, limit).has_room_for(urgency);
        let call = if nobody_waits && state.is_closed {
            return Err(Refusal::Closed);
        } else if state.running.has_room_for(urgency, bounds.renders) && lane_is_free {
            // No page of this lane that is at least as urgent waits: it would have been called.
            state.start(route, urgency);
            None
        } else if nobody_waits && state.waiting >= bounds.queue {
            return Err(state.busy(bounds, route));
        } else {
            Some(state.enqueue(route, key, urgency))
        };
        drop(state);
        let (route, key) = (Arc::clone(route), key.clone());
        Ok(Turn { scheduler: self.clone(), route, key, call, urgency, has_begun: false })
    }

    /// What is rendered now, and what waits.
    pub(crate) fn stats(&self) -> QueueStats {
        let state = self.state();
        QueueStats {
            running_for_visitors: state.running.all - state.running.background,
            running_in_background: state.running.background,
            waiting: state.waiting,
            visitors: state.visitors,
        }
    }

    /// How many pages wait for their turn for somebody, or nobody, of this urgency.
    pub(crate) fn waiting(&self, urgency: Urgency) -> usize {
        let state = self.state();
        let all = state.lanes.values().flat_map(|lane| lane.queue.iter());
        all.filter(|(_, place)| place.urgency == urgency).count()
    }

    /// Whether nothing is rendered any more that nobody waits for.
    pub(crate) fn is_closed(&self) -> bool {
        self.state().is_closed
    }

    /// Whether visitors wait for the page.
    pub(crate) fn is_awaited(&self, key: &Key) -> bool {
        self.state().awaited.get(key).is_some_and(|visitors| *visitors > 0)
    }

    /// How many pages are before this one in the queue, by demand; `None` if it is not in the queue.
    pub(crate) fn waits_behind(&self, route: &Arc<str>, key: &Key) -> Option<usize> {
        let state = self.state();
        let place = state.lanes.get(route)?.queue.get_priority(key)?;
        let all = state.lanes.values().flat_map(|lane| lane.queue.iter());
        Some(all.filter(|(_, other)| *other > place).count())
    }

    /// Counts one more request for the page, if it waits for its turn.
    pub(crate) fn raise(&self, route: &Arc<str>, key: &Key, urgency: Urgency) {
        let mut state = self.state();
        if let Some(lane) = state.lanes.get_mut(route) {
            lane.queue.change_priority_by(key, |place| {
                place.demand = place.demand.saturating_add(1);
                place.urgency = place.urgency.max(urgency);
            });
        }
        // There may be room for a page that somebody waits for.
        state.call(self.0.bounds);
    }

    /// Drops the pages in the queue that nobody waits for, and refuses more of them.
    pub(crate) fn close(&self) {
        let mut state = self.state();
        state.is_closed = true;
        let mut dropped = 0;
        for lane in state.lanes.values_mut() {
            let background = lane.queue.iter().filter(|(_, place)| !place.is_waiting());
            for key in background.map(|(key, _)| key.clone()).collect::<Vec<_>>() {
                lane.queue.remove(&key);
                lane.calls.remove(&key);
                dropped += 1;
            }
        }
        state.waiting -= dropped;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn lane(&mut self, route: &Arc<str>, limit: Option<usize>) -> &mut Lane {
        self.lanes.entry(Arc::clone(route)).or_insert_with(|| Lane {
            running: Running::default(),
            limit: limit.unwrap_or(usize::MAX),
            awaited: 0,
            queue: PriorityQueue::new(),
            calls: HashMap::new(),
        })
    }

    fn enqueue(
        &mut self,
        route: &Arc<str>,
        key: &Key,
        urgency: Urgency,
    ) -> oneshot::Receiver<Urgency> {
        self.last_ticket += 1;
        self.waiting += 1;
        let place = Place { urgency, demand: 1, ticket: Reverse(self.last_ticket) };
        let (call, called) = oneshot::channel();
        let lane = self.lane(route, None);
        lane.queue.push(key.clone(), place);
        lane.calls.insert(key.clone(), call);
        called
    }

    fn start(&mut self, route: &Arc<str>, urgency: Urgency) {
        self.running.add(urgency);
        self.lane(route, None).running.add(urgency);
    }

    fn end(&mut self, route: &Arc<str>, urgency: Urgency, bounds: Bounds) {
        self.running.remove(urgency);
        self.lane(route, None).running.remove(urgency);
        self.call(bounds);
    }

    /// Calls the pages that may be rendered now.
    fn call(&mut self, bounds: Bounds) {
        while self.call_next(bounds) {}
    }

    /// Calls the next page whose route may render; `false` if there is none.
    fn call_next(&mut self, bounds: Bounds) -> bool {
        let by_age = (self.turns + 1).is_multiple_of(OLDEST_EVERY);
        let running = self.running;
        let may_begin = |urgency| running.has_room_for(urgency, bounds.renders);
        let next = self.lanes.iter().filter_map(|(route, lane)| {
            let (key, place) = lane.next(by_age, may_begin)?;
            Some((route, key, *place))
        });
        let next = match by_age {
            true => next.max_by_key(|(.., place)| place.ticket),
            false => next.max_by_key(|(.., place)| *place),
        };
        let Some((route, key, Place { urgency, .. })) = next else { return false };
        let (route, key) = (Arc::clone(route), key.clone());
        self.turns += 1;
        if let Some(call) = self.leave(&route, &key)
            && call.send(urgency).is_ok()
        {
            self.start(&route, urgency);
        }
        true
    }

    fn leave(&mut self, route: &Arc<str>, key: &Key) -> Option<oneshot::Sender<Urgency>> {
        let lane = self.lanes.get_mut(route)?;
        lane.queue.remove(key)?;
        self.waiting -= 1;
        let call = lane.calls.remove(key);
        self.give_up_place(route, key);
        call
    }

    /// Takes the place from a page that nobody waits for and that is not in the queue.
    fn give_up_place(&mut self, route: &Arc<str>, key: &Key) {
        let is_queued = self.lane(route, None).queue.contains(key);
        if !is_queued && self.awaited.get(key) == Some(&0) {
            self.awaited.remove(key);
            self.lane(route, None).awaited -= 1;
        }
    }

    /// A refusal, with an estimate of how long the pages in the queue will take.
    fn busy(&self, bounds: Bounds, route: &Arc<str>) -> Refusal {
        let of_lane = self.lanes.get(route).map_or(0, |lane| lane.queue.len() / lane.limit);
        let rounds = 1 + of_lane.max(self.waiting / bounds.renders);
        let rounds = u32::try_from(rounds).unwrap_or(u32::MAX);
        Refusal::Busy { retry_after: self.average.saturating_mul(rounds).clamp(LEAST, MOST) }
    }
}

impl Bounds {
    /// How many pages of a route visitors may wait for: as many of all as it may have renders.
    fn places_of(self, limit: Option<usize>) -> usize {
        match limit {
            Some(limit) if limit < self.renders => {
                self.places.saturating_mul(limit).div_ceil(self.renders)
            }
            _ => self.places,
        }
    }
}

impl Running {
    /// Whether one more render may begin where `limit` may run at once.
    fn has_room_for(self, urgency: Urgency, limit: usize) -> bool {
        let is_admitted = match urgency {
            Urgency::Prefetch | Urgency::Background => {
                self.background < limit.saturating_sub(1).max(1)
            }
            Urgency::Waiting => true,
        };
        self.all < limit && is_admitted
    }

    fn add(&mut self, urgency: Urgency) {
        self.all += 1;
        self.background += usize::from(urgency != Urgency::Waiting);
    }

    fn remove(&mut self, urgency: Urgency) {
        self.all -= 1;
        self.background -= usize::from(urgency != Urgency::Waiting);
    }
}

impl Lane {
    fn has_room_for(&self, urgency: Urgency) -> bool {
        self.running.has_room_for(urgency, self.limit)
    }

    /// The page that is next in this lane, among those that may begin.
    fn next(&self, by_age: bool, may_begin: impl Fn(Urgency) -> bool) -> Option<(&Key, &Place)> {
        let may_begin =
            |place: &Place| may_begin(place.urgency) && self.has_room_for(place.urgency);
        if by_age {
            let pages = self.queue.iter().filter(|(_, place)| may_begin(place));
            pages.max_by_key(|(_, place)| place.ticket)
        } else {
            // If the first is not urgent enough, no other is.
            self.queue.peek().filter(|(_, place)| may_begin(place))
        }
    }
}

impl Place {
    fn is_waiting(self) -> bool {
        self.urgency == Urgency::Waiting
    }
}

impl Turn {
    /// Waits until the page may be rendered.
    ///
    /// # Errors
    ///
    /// Returns [`Refusal::Closed`] if the server shuts down first.
    pub(crate) async fn begin(mut self) -> Result<Permit, Refusal> {
        if let Some(call) = &mut self.call {
            self.urgency = call.await.map_err(|_| Refusal::Closed)?;
        }
        let (scheduler, route) = (self.scheduler.clone(), Arc::clone(&self.route));
        self.has_begun = true;
        let began = Instant::now();
        Ok(Permit { scheduler, route, urgency: self.urgency, began, is_given_up: false })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if self.has_begun {
            return;
        }
        let mut state = self.scheduler.state();
        state.leave(&self.route, &self.key);
        // The page's turn had come, but it will not be rendered.
        let urgency = match &mut self.call {
            Some(call) => call.try_recv().ok(),
            None => Some(self.urgency),
        };
        if let Some(urgency) = urgency {
            state.end(&self.route, urgency, self.scheduler.0.bounds);
        }
    }
}

impl Permit {
    /// Ends without a render.
    pub(crate) fn give_up(mut self) {
        self.is_given_up = true;
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut state = self.scheduler.state();
        if !self.is_given_up {
            let last = self.began.elapsed();
            state.average = (state.average * (WEIGHT_OF_LAST - 1) + last) / WEIGHT_OF_LAST;
        }
        state.end(&self.route, self.urgency, self.scheduler.0.bounds);
    }
}

impl Drop for Visitor {
    fn drop(&mut self) {
        let mut state = self.scheduler.state();
        state.visitors -= 1;
        if let Some(visitors) = state.awaited.get_mut(&self.key) {
            *visitors -= 1;
        }
        state.give_up_place(&self.route, &self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::path::CanonicalPath;
    use futures::{FutureExt, future::BoxFuture};

    const NO_LIMIT: Bounds = Bounds { renders: 1, places: 10, queue: 10 };

    fn key(name: &str) -> Key {
        Key::new(&CanonicalPath::parse(&format!("/{name}")).unwrap(), None, &[]).unwrap()
    }

    fn route(name: &str) -> Arc<str> {
        name.into()
    }

    /// A turn that may have to wait.
    struct Asked(Result<BoxFuture<'static, Result<Permit, Refusal>>, Refusal>);

    impl Asked {
        fn now(self) -> Result<Permit, Refusal> {
            self.0?.now_or_never().expect("it need not wait")
        }

        fn queued(self) -> BeginFuture {
            let mut begin = self.0.unwrap();
            assert!((&mut begin).now_or_never().is_none(), "it must wait");
            begin
        }
    }

    type BeginFuture = BoxFuture<'static, Result<Permit, Refusal>>;

    fn ask(
        scheduler: &Scheduler,
        name: &'static str,
        limit: Option<usize>,
        urgency: Urgency,
    ) -> Asked {
        let route = route(name.split('-').next().unwrap());
        let turn = scheduler.ask(&route, limit, &key(name), urgency);
        Asked(turn.map(|turn| turn.begin().boxed()))
    }

    fn queue(
        scheduler: &Scheduler,
        name: &'static str,
        urgency: Urgency,
    ) -> (&'static str, BeginFuture) {
        (name, ask(scheduler, name, None, urgency).queued())
    }

    /// Ends one render after the other, and returns the order in which the pages were called.
    fn order(first: Permit, mut waiting: Vec<(&'static str, BeginFuture)>) -> Vec<&'static str> {
        let mut order = Vec::new();
        drop(first);
        while !waiting.is_empty() {
            let called = waiting.iter_mut().enumerate().find_map(|(i, (name, turn))| {
                turn.now_or_never().map(|permit| (i, *name, permit.unwrap()))
            });
            let (i, name, permit) = called.expect("somebody is called");
            drop(waiting.remove(i));
            order.push(name);
            drop(permit);
        }
        order
    }

    #[test]
    fn demand_decides_and_every_fourth_turn_goes_to_the_longest_wait() {
        let scheduler = Scheduler::new(NO_LIMIT);
        let first = ask(&scheduler, "a-0", None, Urgency::Background).now().unwrap();
        let mut waiting = Vec::new();
        for name in ["a-old", "a-1", "a-2", "b-wanted", "a-3"] {
            waiting.push(queue(&scheduler, name, Urgency::Background));
        }
        for _ in 0..3 {
            scheduler.raise(&route("b"), &key("b-wanted"), Urgency::Background);
        }
        scheduler.raise(&route("a"), &key("a-3"), Urgency::Background);
        scheduler.raise(&route("a"), &key("a-2"), Urgency::Waiting);
        waiting.push(queue(&scheduler, "b-visitor", Urgency::Waiting));
        let order = order(first, waiting);
        // a-2 was asked for twice and has a visitor; b-visitor has one too.
        assert_eq!(order, ["a-2", "b-visitor", "b-wanted", "a-old", "a-3", "a-1"]);
        let state = scheduler.state();
        assert_eq!((state.running, state.waiting), (Running::default(), 0));
    }

    #[test]
    fn page_that_was_only_prefetched_is_last_until_somebody_asks_for_it() {
        let scheduler = Scheduler::new(NO_LIMIT);
        let first = ask(&scheduler, "a-0", None, Urgency::Background).now().unwrap();
        let mut waiting = Vec::new();
        for name in ["b-prefetched", "b-asked-later"] {
            waiting.push(queue(&scheduler, name, Urgency::Prefetch));
            scheduler.raise(&route("b"), &key(name), Urgency::Prefetch);
        }
        waiting.push(queue(&scheduler, "a-1", Urgency::Background));
        scheduler.raise(&route("b"), &key("b-asked-later"), Urgency::Background);
        assert_eq!(order(first, waiting), ["b-asked-later", "a-1", "b-prefetched"]);
    }

    #[test]
    fn longest_wait_is_taken_although_others_are_wanted_more() {
        let scheduler = Scheduler::new(NO_LIMIT);
        let first = ask(&scheduler, "a-0", None, Urgency::Background).now().unwrap();
        let mut waiting = vec![queue(&scheduler, "a-old", Urgency::Background)];
        for name in ["a-1", "a-2", "a-3", "a-4", "a-5"] {
            waiting.push(queue(&scheduler, name, Urgency::Waiting));
        }
        assert_eq!(order(first, waiting), ["a-1", "a-2", "a-3", "a-old", "a-4", "a-5"]);
    }

    #[test]
    fn full_route_does_not_hold_up_another() {
        let scheduler = Scheduler::new(Bounds { renders: 3, ..NO_LIMIT });
        let one = Some(1);
        let first = ask(&scheduler, "a-0", one, Urgency::Waiting).now().unwrap();
        let mut second = ask(&scheduler, "a-1", one, Urgency::Waiting).queued();
        let other = ask(&scheduler, "b-0", None, Urgency::Background).now().unwrap();
        let third = ask(&scheduler, "b-1", None, Urgency::Background).now().unwrap();
        drop(other);
        assert!((&mut second).now_or_never().is_none(), "the route is still full");
        drop(first);
        let second = second.now_or_never().expect("it is its turn").unwrap();
        drop((second, third));
        assert_eq!(scheduler.state().running, Running::default());
    }

    #[test]
    fn queue_is_bounded_but_not_for_those_who_wait() {
        let scheduler = Scheduler::new(Bounds { queue: 1, ..NO_LIMIT });
        let _first = ask(&scheduler, "a-0", None, Urgency::Background).now().unwrap();
        let _second = queue(&scheduler, "a-1", Urgency::Background);
        let refused = ask(&scheduler, "a-2", None, Urgency::Background).now().unwrap_err();
        assert_eq!(refused, Refusal::Busy { retry_after: LEAST });
        let _third = queue(&scheduler, "a-3", Urgency::Waiting);
    }

    fn visit(
        scheduler: &Scheduler,
        name: &'static str,
        limit: Option<usize>,
    ) -> Result<Visitor, Refusal> {
        scheduler.visitor(&route(name.split('-').next().unwrap()), limit, &key(name))
    }

    #[test]
    fn pages_that_visitors_wait_for_are_bounded() {
        let scheduler = Scheduler::new(Bounds { places: 2, ..NO_LIMIT });
        let first = [visit(&scheduler, "a-1", None), visit(&scheduler, "a-1", None)];
        let _second = visit(&scheduler, "a-2", None).unwrap();
        let busy = Refusal::Busy { retry_after: LEAST };
        assert_eq!(visit(&scheduler, "b-1", None).unwrap_err(), busy);
        let [first, follower] = first;
        drop(first);
        assert_eq!(visit(&scheduler, "b-1", None).unwrap_err(), busy, "one still waits for it");
        drop(follower);
        visit(&scheduler, "b-1", None).unwrap();
        assert_eq!(scheduler.state().visitors, 1);
    }

    #[test]
    fn page_that_its_visitors_left_keeps_its_place_while_it_is_in_the_queue() {
        let scheduler = Scheduler::new(Bounds { places: 1, ..NO_LIMIT });
        let first = ask(&scheduler, "a-0", None, Urgency::Background).now().unwrap();
        let visitor = visit(&scheduler, "a-1", None).unwrap();
        let (_, turn) = queue(&scheduler, "a-1", Urgency::Waiting);
        drop(visitor);
        assert!(visit(&scheduler, "a-2", None).is_err(), "the queue would grow without a bound");
        drop(visit(&scheduler, "a-1", None).unwrap());
        drop(first);
        let _permit = turn.now_or_never().expect("it is its turn").unwrap();
        visit(&scheduler, "a-2", None).unwrap();
        assert_eq!(scheduler.state().lane(&route("a"), None).awaited, 0);
    }

    #[test]
    fn crowd_that_waits_for_one_page_is_bounded_and_refuses_no_other_page() {
        let scheduler = Scheduler::new(Bounds { places: 2, ..NO_LIMIT });
        let crowd: Vec<_> = (0..30).filter_map(|_| visit(&scheduler, "a-1", None).ok()).collect();
        assert_eq!(crowd.len(), 2 * VISITORS_PER_PLACE);
        visit(&scheduler, "a-2", None).unwrap();
    }

    #[test]
    fn route_with_a_limit_has_its_share_of_the_places() {
        let bounds = Bounds { renders: 8, places: 20, ..NO_LIMIT };
        let of_limits = [Some(1), Some(2), Some(8), Some(9), None];
        assert_eq!(of_limits.map(|limit| bounds.places_of(limit)), [3, 5, 20, 20, 20]);
        let scheduler = Scheduler::new(bounds);
        let one = Some(1);
        let slow = ["a-1", "a-2", "a-3", "a-4"].map(|name| visit(&scheduler, name, one));
        assert_eq!(slow.each_ref().map(Result::is_ok), [true, true, true, false]);
        assert!((0..17).map(|_| visit(&scheduler, "b-1", None)).all(|visitor| visitor.is_ok()));
        drop(slow);
        visit(&scheduler, "a-4", one).unwrap();
    }

    #[test]
    fn pages_that_nobody_waits_for_leave_a_render_to_visitors() {
        for (renders, limit) in [(3, None), (9, Some(3))] {
            let scheduler = Scheduler::new(Bounds { renders, ..NO_LIMIT });
            let ask = |name, urgency| ask(&scheduler, name, limit, urgency);
            let first = ask("a-1", Urgency::Background).now().unwrap();
            let _second = ask("a-2", Urgency::Background).now().unwrap();
            let mut third = ask("a-3", Urgency::Background).queued();
            let visitor = ask("a-4", Urgency::Waiting).now().unwrap();
            drop(visitor);
            assert!((&mut third).now_or_never().is_none(), "a visitor's place is free");
            scheduler.raise(&route("a"), &key("a-3"), Urgency::Waiting);
            let third = third.now_or_never().expect("somebody waits for it").unwrap();
            let mut fourth = ask("a-5", Urgency::Background).queued();
            drop(third);
            assert!((&mut fourth).now_or_never().is_none());
            drop(first);
            drop(fourth.now_or_never().expect("it is its turn").unwrap());
        }
    }

    #[test]
    fn who_leaves_gives_up_the_place_and_the_turn() {
        let scheduler = Scheduler::new(NO_LIMIT);
        let first = ask(&scheduler, "a-0", None, Urgency::Background).now().unwrap();
        let (_, gone) = queue(&scheduler, "a-1", Urgency::Waiting);
        let (_, called) = queue(&scheduler, "a-2", Urgency::Waiting);
        let (_, last) = queue(&scheduler, "a-3", Urgency::Waiting);
        drop(gone);
        drop(first);
        drop(called);
        drop(last.now_or_never().expect("it is its turn").unwrap());
        let state = scheduler.state();
        assert_eq!((state.running, state.waiting), (Running::default(), 0));
    }

    #[test]
    fn closing_drops_what_nobody_waits_for() {
        let scheduler = Scheduler::new(NO_LIMIT);
        let first = ask(&scheduler, "a-0", None, Urgency::Background).now().unwrap();
        let (_, background) = queue(&scheduler, "a-1", Urgency::Background);
        let (_, visitor) = queue(&scheduler, "a-2", Urgency::Waiting);
        scheduler.close();
        assert_eq!(background.now_or_never().unwrap().unwrap_err(), Refusal::Closed);
        drop(first);
        let permit = visitor.now_or_never().expect("it is its turn").unwrap();
        drop(permit);
        let late = ask(&scheduler, "a-3", None, Urgency::Background).now();
        assert_eq!(late.unwrap_err(), Refusal::Closed, "also where there is room");
    }
}
