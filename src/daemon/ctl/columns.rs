//! Tables as wide as the terminal, and numbers as an operator reads them.

use std::fmt::Write;

/// Between two columns.
pub(super) const GAP: &str = "  ";

/// A column: its head, whether it is of numbers, which stand to the right, and
/// its turn to be left out where the terminal is too narrow (0: never).
pub(super) struct Column(pub &'static str, pub bool, pub u8);

/// The heads and a line for each of the rows. Where `width` is too little,
/// columns are left out: their heads. Those that are not there are not missed.
pub(super) fn lines<const N: usize>(
    columns: &[Column; N],
    rows: &[[String; N]],
    is_there: impl Fn(usize) -> bool,
    width: Option<usize>,
) -> (String, Vec<&'static str>) {
    let widths = widths(columns, rows);
    let shown = shown(columns, &widths, &is_there, width.unwrap_or(usize::MAX));
    let mut text = String::new();
    let heads = columns
        .each_ref()
        .map(|Column(head, ..)| (*head).to_owned());
    for row in [&heads].into_iter().chain(rows) {
        let mut line = String::new();
        for (index, Column(_, is_number, _)) in columns.iter().enumerate() {
            let (cell, width) = (&row[index], widths[index]);
            // Writing to a string cannot fail.
            let _ = match (shown[index], is_number) {
                (false, _) => Ok(()),
                (true, true) => write!(line, "{cell:>width$}{GAP}"),
                (true, false) => write!(line, "{cell:<width$}{GAP}"),
            };
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    let left_out = (0..N).filter(|column| is_there(*column) && !shown[*column]);
    (text, left_out.map(|column| columns[column].0).collect())
}

/// Characters that each column needs.
pub(super) fn widths<const N: usize>(columns: &[Column; N], rows: &[[String; N]]) -> [usize; N] {
    std::array::from_fn(|column| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([columns[column].0.len()]).max().unwrap_or(0)
    })
}

/// Which columns fit: the more needed ones first, then what there is room for.
fn shown<const N: usize>(
    columns: &[Column; N],
    widths: &[usize; N],
    is_there: impl Fn(usize) -> bool,
    width: usize,
) -> [bool; N] {
    let mut turns: [usize; N] = std::array::from_fn(|index| index);
    // Those that are never left out, then those with the last turns.
    turns.sort_by_key(|index| std::cmp::Reverse(columns[*index].2.wrapping_sub(1)));
    let mut room = width.saturating_add(GAP.len());
    let mut shown = [false; N];
    for index in turns.into_iter().filter(|index| is_there(*index)) {
        let needed = widths[index] + GAP.len();
        shown[index] = needed <= room || columns[index].2 == 0;
        if shown[index] {
            room = room.saturating_sub(needed);
        }
    }
    shown
}

/// Bytes as an operator reads them.
pub(super) fn amount(bytes: u64) -> String {
    let mut value = bytes as f64;
    if bytes < 10_000 {
        return bytes.to_string();
    }
    for unit in ["k", "M", "G"] {
        value /= 1000.0;
        // What would be rounded up to 1000.0 has the next unit.
        if value < 999.95 {
            return format!("{value:.1}{unit}");
        }
    }
    format!("{:.1}T", value / 1000.0)
}

/// Seconds as an operator reads them.
pub(super) fn duration(seconds: f64) -> String {
    match seconds {
        ..60.0 => format!("{seconds:.1}s"),
        ..3600.0 => format!(
            "{}m{:02}s",
            (seconds / 60.0) as u64,
            (seconds % 60.0) as u64
        ),
        ..86_400.0 => format!(
            "{}h{:02}m",
            (seconds / 3600.0) as u64,
            (seconds % 3600.0 / 60.0) as u64
        ),
        _ => format!(
            "{}d{:02}h",
            (seconds / 86_400.0) as u64,
            (seconds % 86_400.0 / 3600.0) as u64
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_short() {
        for (bytes, text) in [
            (0, "0"),
            (9999, "9999"),
            (10_000, "10.0k"),
            (999_940, "999.9k"),
            (999_960, "1.0M"),
            (1_500_000_000, "1.5G"),
            (2_500_000_000_000, "2.5T"),
        ] {
            assert_eq!(amount(bytes), text);
        }
    }
}
