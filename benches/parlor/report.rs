//! The table at the end: medians, a ratio with its quartiles, the bar, and whether it is met.

/// What one quantity came to over all pairs, and what is asked of it.
pub struct Row {
    pub what: String,
    /// What was measured, by name, in a unit; the medians are printed.
    pub figures: Vec<(&'static str, Vec<f64>)>,
    pub unit: &'static str,
    /// One judged value a pair: a ratio, or the figure itself where the bar is absolute.
    pub judged: Vec<f64>,
    pub bar: Bar,
}

#[derive(Clone, Copy)]
pub enum Bar {
    AtLeast(f64),
    AtMost(f64),
    None,
}

#[derive(Default)]
pub struct Report {
    rows: Vec<Row>,
    notes: Vec<String>,
}

impl Report {
    pub fn add(&mut self, row: Row) {
        self.rows.push(row);
    }

    pub fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    pub fn print(&self) {
        println!("{:<44} {:>8} {:>18} {:>9}  {:<7}medians", "", "judged", "quartiles", "bar", "");
        for row in &self.rows {
            row.print();
        }
        for note in &self.notes {
            println!("  {note}");
        }
    }
}

impl Row {
    fn print(&self) {
        let [lower, median, upper] = quartiles(&self.judged);
        let figures: Vec<String> = self
            .figures
            .iter()
            .map(|(name, values)| format!("{name} {}{}", short(quartiles(values)[1]), self.unit))
            .collect();
        println!(
            "{:<44} {:>8} {:>18} {:>9}  {:<7}{}",
            self.what,
            short(median),
            format!("{} .. {}", short(lower), short(upper)),
            self.bar.text(),
            self.bar.verdict([lower, median, upper]),
            figures.join(", "),
        );
    }
}

impl Bar {
    fn text(self) -> String {
        match self {
            Self::AtLeast(bar) => format!(">= {bar}"),
            Self::AtMost(bar) => format!("<= {bar}"),
            Self::None => String::new(),
        }
    }

    /// A bar is missed only if three of four pairs miss it: two cores shared with the load are noisy.
    fn verdict(self, [lower, _, upper]: [f64; 3]) -> &'static str {
        match self {
            Self::AtLeast(bar) if upper < bar => "missed",
            Self::AtMost(bar) if lower > bar => "missed",
            Self::None => "",
            _ => "pass",
        }
    }
}

/// Lower quartile, median, upper quartile.
fn quartiles(values: &[f64]) -> [f64; 3] {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    [1, 2, 3]
        .map(|quarter| values.get((values.len().saturating_sub(1)) * quarter / 4).copied())
        .map(|value| value.unwrap_or(f64::NAN))
}

/// Three digits, or all of a large number.
fn short(value: f64) -> String {
    let decimals = match value.abs() {
        value if value >= 100.0 => 0,
        value if value >= 10.0 => 1,
        _ => 2,
    };
    format!("{value:.decimals$}")
}
