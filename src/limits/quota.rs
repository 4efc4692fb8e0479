//! Quotas: how much may be done in a time, and how much of it in one instant.

use std::{fmt, str::FromStr, time::Duration};

/// The longest period, in which a bucket that was empty is full again.
const LONGEST: Duration = Duration::from_hours(24);
/// The most that may be done in a period or in one instant.
const MOST: u32 = 1_000_000;

/// A quota: `rate` in each `period`, of which `burst` may come in the same instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    rate: u32,
    period: Duration,
    burst: u32,
}

impl Quota {
    /// A quota of `rate` in each `period`, and `burst` at once. All are at least 1, and the period is at most a day.
    #[must_use]
    pub const fn new(rate: u32, period: Duration, burst: u32) -> Self {
        Self { rate, period, burst }
    }

    /// The number that may come in the same instant.
    #[must_use]
    pub const fn burst(&self) -> u32 {
        self.burst
    }

    /// The same with another burst.
    #[must_use]
    pub const fn with_burst(&self, burst: u32) -> Self {
        Self { burst, ..*self }
    }

    /// As many times as much.
    #[must_use]
    pub const fn times(&self, factor: u32) -> Self {
        Self { rate: self.rate.saturating_mul(factor), burst: self.burst.saturating_mul(factor), ..*self }
    }

    /// The nanoseconds in which one more may be done.
    #[must_use]
    pub(super) fn interval(&self) -> u64 {
        let nanos = self.period.as_nanos() / u128::from(self.rate);
        u64::try_from(nanos).unwrap_or(u64::MAX).max(1)
    }

    /// The nanoseconds in which an empty bucket is full again.
    #[must_use]
    pub(super) fn depth(&self) -> u64 {
        self.interval().saturating_mul(self.burst.into())
    }

    /// The seconds in which an empty bucket is full again, rounded up.
    #[must_use]
    pub fn window(&self) -> u64 {
        self.depth().div_ceil(1_000_000_000)
    }
}

/// The periods that have a name.
const PERIODS: [(&str, u64); 4] = [("s", 1), ("min", 60), ("h", 3_600), ("d", 86_400)];

impl FromStr for Quota {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = || {
            format!(
                "has to be RATE/PERIOD or RATE/PERIOD:BURST, as 60/min:20, each from 1 to {MOST} and the period at most a day"
            )
        };
        let (rate, rest) = text.trim().split_once('/').ok_or_else(refuse)?;
        let (period, burst) = rest.split_once(':').map_or((rest, None), |(period, burst)| (period, Some(burst)));
        let number = |text: &str| text.parse().ok().filter(|number| (1..=MOST).contains(number)).ok_or_else(refuse);
        let rate = number(rate)?;
        let burst = burst.map_or(Ok(rate), number)?;
        let named = PERIODS.iter().find(|(name, _)| *name == period).map(|(_, seconds)| Duration::from_secs(*seconds));
        let period = named.map_or_else(|| humantime::parse_duration(period).map_err(|_| refuse()), Ok)?;
        if period < Duration::from_millis(1) || period > LONGEST {
            return Err(refuse());
        }
        Ok(Self { rate, period, burst })
    }
}

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/", self.rate)?;
        let named = PERIODS.iter().find(|(_, seconds)| Duration::from_secs(*seconds) == self.period);
        match named {
            Some((name, _)) => f.write_str(name)?,
            None => write!(f, "{}", humantime::format_duration(self.period))?,
        }
        if self.burst == self.rate { Ok(()) } else { write!(f, ":{}", self.burst) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_is_read_and_written_the_same() {
        for (text, rate, seconds, burst) in
            [("60/min:20", 60, 60, 20), ("120/min", 120, 60, 120), ("5/h:20", 5, 3_600, 20), ("1/10s:3", 1, 10, 3)]
        {
            let quota: Quota = text.parse().unwrap();
            assert_eq!(quota, Quota::new(rate, Duration::from_secs(seconds), burst));
            assert_eq!(quota.to_string(), text);
        }
        assert_eq!("60/60s".parse::<Quota>().unwrap().to_string(), "60/min");
    }

    #[test]
    fn what_is_no_quota_is_refused_with_the_form() {
        for bad in [
            "",
            "60",
            "60/",
            "/min",
            "0/min",
            "60/min:0",
            "60/min:",
            "-1/min",
            "60/fortnight",
            "60/0s",
            "60/2d",
            "1e3/s",
        ] {
            let refused = bad.parse::<Quota>().unwrap_err();
            assert!(refused.contains("60/min:20"), "{bad}: {refused}");
        }
    }

    #[test]
    fn an_empty_bucket_fills_in_its_window() {
        let quota: Quota = "60/min:20".parse().unwrap();
        assert_eq!((quota.interval(), quota.window()), (1_000_000_000, 20));
        assert_eq!(quota.times(10).window(), 20);
        assert_eq!("600/min:1000".parse::<Quota>().unwrap().window(), 100);
    }
}
