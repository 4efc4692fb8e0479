//! The table at the end: medians, a ratio with its quartiles, the bar, and whether it is met.

use crate::bar::{Bar, quartiles};

/// One quantity over all pairs, with the bar it has to meet.
pub struct Row {
    pub what: String,
    /// The measured figures, by name, in a unit; the medians are printed.
    pub figures: Vec<(&'static str, Vec<f64>)>,
    pub unit: &'static str,
    /// One judged value a pair: a ratio, or the figure itself where the bar is absolute.
    pub judged: Vec<f64>,
    pub bar: Bar,
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

    /// Prints it. Whether every bar is met is the answer.
    pub fn print(&self) -> bool {
        println!("{:<44} {:>8} {:>18} {:>9}  {:<7}medians", "", "judged", "quartiles", "bar", "");
        for row in &self.rows {
            row.print();
        }
        for note in &self.notes {
            println!("  {note}");
        }
        self.rows.iter().all(|row| row.bar.is_met(&row.judged) != Some(false))
    }
}

impl Row {
    fn print(&self) {
        let [lower, median, upper] = quartiles(&self.judged);
        let verdict = match self.bar.is_met(&self.judged) {
            Some(true) => "met",
            Some(false) => "missed",
            None => "",
        };
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
            verdict,
            figures.join(", "),
        );
    }
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
