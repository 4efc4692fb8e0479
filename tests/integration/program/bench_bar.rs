//! The bars of the bench, met and missed: the rule is the bench's own, which can't test itself.

#[expect(unreachable_pub, reason = "in the bench it is used by other modules")]
#[path = "../../../benches/parlor/bar.rs"]
mod bar;

use bar::{Bar, PAIRS, quartiles};

/// Nine pairs in no order, of which two are at each end: too few to be a quartile.
fn narrow(lower: f64, median: f64, upper: f64) -> Vec<f64> {
    vec![median, upper, lower, median, median, lower, upper, median, median]
}

/// Nine pairs in no order, of which three are at each end.
fn spread(lower: f64, median: f64, upper: f64) -> Vec<f64> {
    vec![upper, median, lower, upper, lower, median, lower, upper, median]
}

#[test]
fn quartiles_are_of_the_sorted_values() {
    let shown = |values: &[f64]| format!("{:?}", quartiles(values));
    assert_eq!(shown(&spread(1.0, 2.0, 3.0)), "[1.0, 2.0, 3.0]");
    assert_eq!(shown(&narrow(1.0, 2.0, 3.0)), "[2.0, 2.0, 2.0]");
    assert_eq!(shown(&[]), "[NaN, NaN, NaN]");
}

#[test]
fn a_bar_within_the_noise_is_missed_only_by_three_pairs_of_four() {
    let bar = Bar::AtMost(1.0);
    assert_eq!(bar.is_met(&spread(1.0, 1.2, 1.4)), Some(true));
    assert_eq!(bar.is_met(&spread(1.01, 1.2, 1.4)), Some(false));
    assert_eq!(bar.is_met(&narrow(0.5, 1.01, 1.4)), Some(false));
}

#[test]
fn where_more_is_better_the_other_quartile_counts() {
    let bar = Bar::AtLeast(0.7);
    assert_eq!(bar.is_met(&spread(0.5, 0.6, 0.7)), Some(true));
    assert_eq!(bar.is_met(&spread(0.5, 0.6, 0.69)), Some(false));
    assert_eq!(bar.is_met(&narrow(0.5, 0.69, 0.9)), Some(false));
}

#[test]
fn any_other_bar_is_missed_by_the_median() {
    for bar in [1.25, 13.0] {
        assert_eq!(Bar::AtMost(bar).is_met(&spread(0.5, bar, 2.0 * bar)), Some(true));
        assert_eq!(Bar::AtMost(bar).is_met(&spread(0.5, bar + 0.01, 2.0 * bar)), Some(false));
    }
}

#[test]
fn the_worst_of_a_run_is_one_value_and_may_not_be_higher() {
    let bar = Bar::Never(1.0);
    assert_eq!(bar.is_met(&[1.0]), Some(true));
    assert_eq!(bar.is_met(&[0.5, 0.5, 1.01]), Some(false), "none of several may");
    assert_eq!(bar.is_met(&[]), Some(false));
    assert_eq!(bar.is_met(&[f64::NAN]), Some(false));
    assert_eq!(bar.text(), "<= 1");
}

#[test]
fn what_was_not_measured_meets_nothing() {
    for bar in [Bar::AtMost(1.0), Bar::AtMost(13.0), Bar::AtLeast(0.0)] {
        assert_eq!(bar.is_met(&[0.5; PAIRS]), Some(true), "{}", bar.text());
        assert_eq!(bar.is_met(&[0.5; PAIRS - 1]), Some(false), "{}", bar.text());
        assert_eq!(bar.is_met(&[]), Some(false), "{}", bar.text());
        for none in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(bar.is_met(&spread(0.5, 0.5, none)), Some(false), "{}", bar.text());
        }
    }
    assert_eq!(Bar::None.is_met(&[]), None);
}
