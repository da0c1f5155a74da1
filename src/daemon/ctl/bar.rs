//! A bar that shows how full a queue is, with its marks on it.

use crate::daemon::queues::QueueStatus;

/// What a bar is drawn with: the filled part and the free one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Charset {
    Ascii,
    Utf8,
}

/// What the letters on a bar mean.
pub(super) const LEGEND: &str = "l light delay, f full delay, d discard";

impl Charset {
    /// That of the locale (locale(7)): the first of these variables that says
    /// something.
    pub fn of_locale() -> Charset {
        let variables = ["LC_ALL", "LC_CTYPE", "LANG"].map(std::env::var_os);
        let mut set = variables
            .into_iter()
            .flatten()
            .filter(|text| !text.is_empty());
        let locale = set.next().unwrap_or_default();
        Charset::of(&locale.to_string_lossy())
    }

    fn of(locale: &str) -> Charset {
        let locale = locale.to_ascii_lowercase();
        match locale.contains("utf-8") || locale.contains("utf8") {
            true => Charset::Utf8,
            false => Charset::Ascii,
        }
    }

    fn cells(self) -> (char, char) {
        match self {
            Charset::Ascii => ('#', '.'),
            Charset::Utf8 => ('█', '░'),
        }
    }
}

/// A bar of `width` characters: filled by messages or by memory, whichever is
/// nearer to its bound. It is empty only where nothing is held, and full only
/// where nothing more fits. Each mark stands at the place up to which the bar is
/// filled when it is reached, or left of one that stands there.
pub(super) fn bar(queue: &QueueStatus, width: usize, charset: Charset) -> String {
    let account = &queue.account;
    let filled = cells(account.held, account.size, width);
    let filled = filled.max(cells(account.held_bytes, account.memory_bytes_max, width));
    let (full, free) = charset.cells();
    let mut bar: Vec<char> = (0..width)
        .map(|cell| if cell < filled { full } else { free })
        .collect();
    let mut marks: Vec<(u64, char)> = [
        (queue.light_delay_mark, 'l'),
        (queue.full_delay_mark, 'f'),
        (queue.discard_mark, 'd'),
    ]
    .into_iter()
    .filter_map(|(mark, letter)| Some((mark?, letter)))
    .collect();
    // The highest first: the others make room for it.
    marks.sort_by_key(|(mark, _)| std::cmp::Reverse(*mark));
    let mut behind = width;
    for (mark, letter) in marks {
        let cell = cells(mark, account.size, width).min(behind);
        if let Some(cell) = cell.checked_sub(1) {
            bar[cell] = letter;
            behind = cell;
        }
    }
    bar.into_iter().collect()
}

/// The cells of `width` that `count` of `max` fills.
fn cells(count: u64, max: u64, width: usize) -> usize {
    if count == 0 || width == 0 {
        return 0;
    }
    if count >= max {
        return width;
    }
    let cells = u128::from(count) * width as u128 / u128::from(max);
    (cells as usize).clamp(1, width.max(2) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemon::ctl::queue_table::tests::queue;

    fn bars(width: usize, held: [u64; 6]) -> Vec<String> {
        let mut queue = queue("main");
        let bars = held.map(|held| {
            queue.account.held = held;
            bar(&queue, width, Charset::Ascii)
        });
        bars.into()
    }

    #[test]
    fn a_bar_is_filled_to_its_marks() {
        assert_eq!(
            bars(20, [0, 1, 7000, 9700, 9999, 10_000]),
            [
                ".............l....f.",
                "#............l....f.",
                "#############l....f.",
                "#############l####f.",
                "#############l####f.",
                "#############l####f#",
            ]
        );
        assert_eq!(bars(1, [0, 1, 2, 3, 4, 10_000])[..2], ["f", "f"]);
        assert_eq!(bars(0, [0, 1, 2, 3, 4, 5])[5], "");
    }

    #[test]
    fn a_bar_shows_all_marks_and_the_scarcer_bound() {
        let mut queue = queue("main");
        queue.discard_mark = Some(9800);
        assert_eq!(bar(&queue, 20, Charset::Utf8), "░░░░░░░░░░░░░l░░░fd░");
        queue.account.held = 100;
        queue.account.held_bytes = queue.account.memory_bytes_max / 2;
        assert_eq!(bar(&queue, 20, Charset::Utf8), "██████████░░░l░░░fd░");
        queue.light_delay_mark = None;
        queue.full_delay_mark = None;
        queue.discard_mark = Some(1);
        assert_eq!(bar(&queue, 20, Charset::Ascii), "d#########..........");
    }

    #[test]
    fn a_locale_says_which_characters_there_are() {
        assert_eq!(Charset::of("de_DE.UTF-8"), Charset::Utf8);
        assert_eq!(Charset::of("C.utf8"), Charset::Utf8);
        assert_eq!(Charset::of("POSIX"), Charset::Ascii);
        assert_eq!(Charset::of(""), Charset::Ascii);
    }
}
