//! The suites for stores and for ledgers: what is right passes, and each bug is caught.

mod broken_ledger;
mod broken_store;

use std::collections::BTreeSet;

use broken_store::{Backing, Bug};
use leptos_isr::{
    store::DiskStore,
    testing::{
        BrokenGuarantee, broken_guarantees, broken_ledger_guarantees, ledger_conformance,
        store_conformance,
    },
};

#[tokio::test(flavor = "multi_thread")]
async fn store_on_the_disk_keeps_its_guarantees() {
    let folder = tempfile::tempdir().unwrap();
    store_conformance(async |build| DiskStore::open(folder.path(), build).unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ledger_on_the_disk_keeps_its_guarantees() {
    let folder = tempfile::tempdir().unwrap();
    ledger_conformance(async || DiskStore::open(folder.path(), "build").unwrap()).await;
}

/// What the suite says of a store with `bug`.
async fn broken(bug: Bug) -> Vec<BrokenGuarantee> {
    let backing = Backing::default();
    broken_guarantees(async |build| backing.open(build, bug)).await
}

fn names(broken: &[BrokenGuarantee]) -> BTreeSet<&str> {
    broken.iter().map(|broken| broken.check).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn right_store_passes() {
    assert_eq!(broken(Bug::None).await, []);
}

#[tokio::test(flavor = "multi_thread")]
#[should_panic(expected = "\n  pages_survive_reopening: in a store opened after the first was \
                          dropped, `get(/kept)` is none")]
async fn failure_names_the_check_and_what_the_store_did() {
    let backing = Backing::default();
    store_conformance(async |build| backing.open(build, Bug::ForgetsPagesAtTheEnd)).await;
}

/// Each bug with the checks that are there for it; others may fail as well.
const CAUGHT: &[(Bug, &[&str])] = &[
    (Bug::LosesEmptyPages, &["page_is_read_as_it_was_written", "contains_agrees_with_get"]),
    (Bug::CutsLargePages, &["page_is_read_as_it_was_written"]),
    (Bug::TakesPagesForText, &["page_is_read_as_it_was_written"]),
    (Bug::KeepsTheFirstPage, &["later_page_takes_the_place"]),
    (Bug::KeepsTheTailOfTheOldPage, &["later_page_takes_the_place"]),
    (Bug::FailsForAbsentPages, &["absent_page_is_none"]),
    (Bug::AnswersThe404PageForAbsentOnes, &["absent_page_is_none"]),
    (Bug::RemovesNothing, &["removed_page_is_gone_and_no_other", "contains_agrees_with_get"]),
    (Bug::RemovesAllBelow, &["removed_page_is_gone_and_no_other"]),
    (Bug::RemovesInAllBuilds, &["builds_are_apart"]),
    (Bug::ContainsEverything, &["contains_agrees_with_get"]),
    (Bug::ContainsWhatWasRemoved, &["contains_agrees_with_get"]),
    (Bug::ContainsNoEmptyPage, &["contains_agrees_with_get"]),
    (
        Bug::WritesInPlace,
        &[
            "concurrent_puts_leave_one_whole_page",
            "reader_never_sees_a_torn_page",
            "cancelled_put_leaves_a_whole_page",
        ],
    ),
    (
        Bug::RemovesBeforeItWrites,
        &["reader_never_sees_a_torn_page", "cancelled_put_leaves_a_whole_page"],
    ),
    (Bug::ReusesPlacesOfDroppedPages, &["dropped_page_is_none_and_no_other"]),
    (Bug::ListsPagesOfAllBuilds, &["each_page_is_listed_once"]),
    (Bug::ListsRemovedPages, &["each_page_is_listed_once"]),
    (Bug::ListsOldPages, &["each_page_is_listed_once"]),
    (Bug::ListsPagesTwice, &["each_page_is_listed_once"]),
    (Bug::ListsNoEmptyPage, &["each_page_is_listed_once"]),
    (Bug::ListsValues, &["each_page_is_listed_once"]),
    (Bug::ListsPagesHalfRead, &["each_page_is_listed_once", "listed_page_is_whole"]),
    (Bug::ForgetsPagesAtTheEnd, &["pages_survive_reopening"]),
    (Bug::WritesWhenDropped, &["pages_survive_reopening"]),
    (Bug::FoldsCase, &["keys_that_look_alike_are_apart", "removed_page_is_gone_and_no_other"]),
    (Bug::DecodesKeys, &["keys_that_look_alike_are_apart"]),
    (Bug::TrimsSlashes, &["keys_that_look_alike_are_apart"]),
    (Bug::DropsTheQuery, &["keys_that_look_alike_are_apart"]),
    (Bug::CutsKeys, &["keys_that_look_alike_are_apart"]),
    (Bug::TakesKeysForFileNames, &["keys_that_look_alike_are_apart"]),
    (Bug::DropsOtherLetters, &["keys_that_look_alike_are_apart"]),
    (Bug::SharesPagesAmongBuilds, &["builds_are_apart"]),
    (Bug::TakesBuildsForPrefixes, &["builds_are_apart"]),
    (Bug::KeepsTheFirstValue, &["value_is_read_as_it_was_written"]),
    (Bug::LosesEmptyValues, &["value_is_read_as_it_was_written"]),
    (Bug::FoldsCaseOfNames, &["names_that_look_alike_are_apart"]),
    (Bug::KeepsValuesWithPages, &["values_and_pages_are_apart"]),
    (Bug::SharesValuesAmongBuilds, &["values_of_builds_are_apart"]),
    (Bug::DropsValuesForSpace, &["values_survive_reopening_and_many_pages"]),
    (Bug::ForgetsValuesAtTheEnd, &["values_survive_reopening_and_many_pages"]),
    (Bug::RemovesItself, &["removing_old_builds_keeps_this_one"]),
];

#[tokio::test(flavor = "multi_thread")]
async fn each_bug_is_caught_by_the_check_for_it() {
    for (bug, expected) in CAUGHT {
        let broken = broken(*bug).await;
        for check in *expected {
            assert!(names(&broken).contains(check), "{bug:?} passes {check}: {broken:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_check_is_there_for_a_bug_and_a_store_that_fails_breaks_all() {
    let known: BTreeSet<_> = CAUGHT.iter().flat_map(|(_, checks)| *checks).copied().collect();
    for (bug, says) in
        [(Bug::FailsAlways, "the store is down"), (Bug::Panics, "panicked: the store panics")]
    {
        let broken = broken(bug).await;
        assert_eq!(names(&broken), known, "{bug:?}");
        assert!(broken.iter().all(|broken| broken.problem == says), "{broken:?}");
    }
}

/// What the suite says of a ledger with `bug`.
async fn broken_ledger(bug: broken_ledger::Bug) -> Vec<BrokenGuarantee> {
    let backing = broken_ledger::Backing::default();
    broken_ledger_guarantees(async || backing.open(bug)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn right_ledger_passes() {
    assert_eq!(broken_ledger(broken_ledger::Bug::None).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_bug_of_a_ledger_is_caught_and_one_that_fails_breaks_all() {
    use broken_ledger::Bug;
    let caught = [
        (Bug::Prepends, "records_are_read_in_their_order"),
        (Bug::Sorts, "records_are_read_in_their_order"),
        (Bug::KeepsEqualRecordsOnce, "records_are_read_in_their_order"),
        (Bug::Trims, "records_are_read_in_their_order"),
        (Bug::CutsLongRecords, "records_are_read_in_their_order"),
        (Bug::GivesOnePositionTwice, "records_are_read_in_their_order"),
        (Bug::SaysAnotherPosition, "records_are_read_in_their_order"),
        (Bug::CountsFromOne, "positions_are_times"),
        (Bug::WritesWhenDropped, "records_survive_reopening"),
        (Bug::HearsOnlyItsOwn, "records_are_heard_by_all"),
        (Bug::HearsTheLastOnceMore, "records_are_heard_by_all"),
        (Bug::HearsByNumber, "records_are_heard_by_all"),
        (Bug::LosesRecordsAppendedAtOnce, "concurrent_records_are_all_kept"),
        (Bug::AppendsInPlace, "cancelled_record_harms_no_other"),
        (Bug::AppendsInsteadOfReplacing, "records_are_replaced_as_one_or_not_at_all"),
        (Bug::SaysItReplaced, "records_are_replaced_as_one_or_not_at_all"),
        (Bug::ReplacesAndDeniesIt, "records_are_replaced_as_one_or_not_at_all"),
        (Bug::WritesOldRecordsAfterReplacing, "record_after_replacing_is_kept"),
        (Bug::StartsAnewAfterReplacing, "record_after_replacing_is_kept"),
        (Bug::IsSilentAboutLosses, "lost_records_are_noticed"),
        (Bug::KnowsOnlyItsOwnPositions, "lost_records_are_noticed"),
        (Bug::LeasesToAll, "lease_has_one_holder"),
        (Bug::KeepsLeases, "lease_has_one_holder"),
        (Bug::GivesTheVersionAskedFor, "lease_that_passes_on_has_a_higher_version"),
        (Bug::ReplacesWhatItHasNotHeard, "replacing_loses_no_record_of_others"),
    ];
    for (bug, check) in caught {
        let broken = broken_ledger(bug).await;
        assert!(names(&broken).contains(check), "{bug:?} passes {check}: {broken:?}");
    }
    let known: BTreeSet<_> = caught.iter().map(|(_, check)| *check).collect();
    for (bug, says) in
        [(Bug::FailsAlways, "the ledger is down"), (Bug::Panics, "panicked: the ledger panics")]
    {
        let broken = broken_ledger(bug).await;
        assert_eq!(names(&broken), known, "{bug:?}");
        assert!(broken.iter().all(|broken| broken.problem == says), "{broken:?}");
    }
}
