//! The bars of the benchmark: what a figure is asked to be, and the check of it.

/// Interleaved pairs a figure is the median of, at least.
pub const PAIRS: usize = 9;
/// A ratio closer to 1 than this is within what two cores shared with the load do by themselves.
const NOISE: f64 = 1.25;

/// The demand on a figure.
#[derive(Clone, Copy)]
pub enum Bar {
    AtLeast(f64),
    AtMost(f64),
    /// The worst of a single run, which may not be higher: a stall, or what one client may cost.
    Never(f64),
    None,
}

impl Bar {
    pub fn text(self) -> String {
        match self {
            Self::AtLeast(bar) => format!(">= {bar}"),
            Self::AtMost(bar) | Self::Never(bar) => format!("<= {bar}"),
            Self::None => String::new(),
        }
    }

    /// Returns true if the values, one a pair, meet it; none where nothing is asked.
    ///
    /// A bar within the noise is missed only if three of four pairs miss it, any other if the median
    /// does; the worst of a single run is one value, and no pair. Too few values, or one that is none, meet nothing.
    pub fn is_met(self, values: &[f64]) -> Option<bool> {
        let needed = if matches!(self, Self::Never(_)) { 1 } else { PAIRS };
        let is_measured = values.len() >= needed && values.iter().all(|value| value.is_finite());
        let [lower, median, upper] = quartiles(values);
        let is_reached = match self {
            Self::AtLeast(bar) => upper >= bar,
            Self::AtMost(bar) if bar < NOISE => lower <= bar,
            Self::AtMost(bar) => median <= bar,
            Self::Never(bar) => values.iter().all(|value| *value <= bar),
            Self::None => return None,
        };
        Some(is_measured && is_reached)
    }
}

/// Lower quartile, median, upper quartile.
pub fn quartiles(values: &[f64]) -> [f64; 3] {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    [1, 2, 3]
        .map(|quarter| values.get((values.len().saturating_sub(1)) * quarter / 4).copied())
        .map(|value| value.unwrap_or(f64::NAN))
}
