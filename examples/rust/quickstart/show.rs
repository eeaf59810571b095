//! What a person gets to see.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::sync::atomic::{AtomicUsize, Ordering};

static STEPS: AtomicUsize = AtomicUsize::new(1);

/// Begins a step.
pub(crate) fn step(name: &str, what: &str) {
    let number = STEPS.fetch_add(1, Ordering::Relaxed);
    println!("\n{number:>2}  {name:<10}{what}");
}

/// A line of a step.
pub(crate) fn line(text: &str) {
    println!("    {:<10}{text}", "");
}

/// Rows of equal columns.
pub(crate) fn table<const N: usize>(rows: &[[String; N]]) {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    for row in rows {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect::<Vec<_>>();
        line(cells.join("  ").trim_end());
    }
}
