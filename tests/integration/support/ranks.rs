//! A rank test: two kinds of answers that are to take the same time.

use std::time::Duration;

/// The deviation that one in a hundred draws from one distribution exceeds.
const AT_ONE_PERCENT: f64 = 2.576;

/// The times of two kinds of answers.
pub type Times = [Vec<Duration>; 2];

/// Takes the times of two kinds of answers, asked in an order drawn at random, until they can't be told apart.
///
/// One in a hundred tests of equal times says that they differ: only what three in a row say, and the same way, counts,
/// which by chance happens once in some four million runs.
pub async fn expect_alike(mut times: impl AsyncFnMut() -> Times) {
    expect_all_alike(&["the answers"], async |_| vec![times().await]).await;
}

/// The same of several pairs of kinds: `times` takes those of the pairs that are asked for, by their numbers.
pub async fn expect_all_alike(pairs: &[impl AsRef<str>], mut times: impl AsyncFnMut(&[usize]) -> Vec<Times>) {
    let mut deviations = vec![Vec::new(); pairs.len()];
    let mut differ: Vec<_> = (0..pairs.len()).collect();
    for _ in 0..3 {
        let taken = times(&differ).await;
        for (pair, times) in differ.iter().zip(&taken) {
            deviations[*pair].push(rank_deviation(times));
        }
        differ.retain(|pair| deviations[*pair].last().is_some_and(|deviation| deviation.abs() >= AT_ONE_PERCENT));
        if differ.is_empty() {
            return;
        }
    }
    for pair in differ {
        let (name, deviations) = (pairs[pair].as_ref(), &deviations[pair]);
        let is_one_way = deviations.iter().all(|it| *it > 0.0) || deviations.iter().all(|it| *it < 0.0);
        assert!(!is_one_way, "the times of {name} differ: {deviations:?}");
    }
}

/// The deviation of the rank sum of the first from what it would be if both were drawn from one distribution
/// (Mann and Whitney), in standard deviations; equal times share their ranks.
fn rank_deviation([first, second]: &Times) -> f64 {
    let mut all: Vec<_> =
        first.iter().map(|time| (*time, true)).chain(second.iter().map(|time| (*time, false))).collect();
    all.sort_unstable();
    let (n, m) = (count(first.len()), count(second.len()));
    let (mut rank_sum, mut ties, mut before) = (0.0, 0.0, 0.0);
    for equal in all.chunk_by(|one, other| one.0 == other.0) {
        let size = count(equal.len());
        let rank = f64::midpoint(before + 1.0, before + size);
        rank_sum += rank * count(equal.iter().filter(|(_, is_first)| *is_first).count());
        ties += size.powi(3) - size;
        before += size;
    }
    let u = rank_sum - n * (n + 1.0) / 2.0;
    let variance = n * m / 12.0 * ((n + m + 1.0) - ties / ((n + m) * (n + m - 1.0)));
    (u - n * m / 2.0) / variance.sqrt()
}

fn count(count: usize) -> f64 {
    f64::from(u32::try_from(count).expect("a small count"))
}

#[cfg(test)]
mod tests {
    use rand::Rng as _;

    use super::*;
    use crate::support::seeded;

    #[test]
    fn the_rank_test_tells_what_differs_from_what_does_not() {
        let mut rng = seeded();
        let mut drawn = |shift: u64| -> Vec<Duration> {
            (0..500).map(|_| Duration::from_micros(20_000 + rng.random_range(0..2_000) + shift)).collect()
        };
        let same: Vec<_> = (0..3).map(|_| rank_deviation(&[drawn(0), drawn(0)]).abs()).collect();
        assert!(same.iter().any(|deviation| *deviation < AT_ONE_PERCENT), "{same:?}");
        // A fifth of what the times vary by is some ten deviations, so that no draw misses it.
        assert!(rank_deviation(&[drawn(0), drawn(400)]) < -AT_ONE_PERCENT);
        assert!(rank_deviation(&[drawn(400), drawn(0)]) > AT_ONE_PERCENT);
    }
}
