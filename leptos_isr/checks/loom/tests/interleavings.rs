//! Runs each model under every interleaving of its threads.

use leptos_isr_loom::{flights, purge, stamps};

/// `preemptions` bounds how often a thread is interrupted where it could go on;
/// loom's authors find that few bugs need more than two or three.
fn explore(preemptions: impl Into<Option<usize>>, model: fn()) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = preemptions.into();
    builder.check(model);
}

#[test]
fn one_leads_at_a_time() {
    explore(3, flights::one_leads_at_a_time);
}

#[test]
fn flight_is_over_before_its_result_is_known() {
    explore(None, flights::flight_is_over_before_its_result_is_known);
}

#[test]
fn lost_leader_is_succeeded() {
    explore(3, flights::lost_leader_is_succeeded);
}

#[test]
fn stamps_are_unique_and_grow() {
    explore(3, stamps::stamps_are_unique_and_grow);
}

#[test]
fn observed_stamps_are_exceeded() {
    explore(None, stamps::observed_stamps_are_exceeded);
}

#[test]
fn purge_wins_over_a_render_that_began_before_it() {
    explore(None, purge::purge_wins_over_a_render_that_began_before_it);
}

#[test]
fn visitor_after_a_purge_waits_for_a_later_render() {
    explore(3, purge::visitor_after_a_purge_waits_for_a_later_render);
}

#[test]
fn purge_during_a_flight_is_followed_by_another() {
    explore(3, purge::purge_during_a_flight_is_followed_by_another);
}
