//! How long the browser waits before it connects again.

use std::time::Duration;

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_mins(5);

/// How long to wait after `failures` failures in a row. `random`, from 0 to 1, takes off up to
/// half.
pub(super) fn before_retry(failures: u32, random: f64) -> Duration {
    let doubled = FIRST.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1)));
    doubled.min(LONGEST).mul_f64(1.0 - random / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wait_doubles_up_to_its_limit_and_is_cut_by_up_to_a_half() {
        let seconds = |failures| before_retry(failures, 0.0).as_secs();
        assert_eq!([0, 1, 2, 3, 9, 10, u32::MAX].map(seconds), [1, 1, 2, 4, 256, 300, 300]);
        assert_eq!(before_retry(3, 1.0), Duration::from_secs(2));
    }
}
