//! The table of queues for people, as wide as the terminal.

use super::bar::{Charset, LEGEND, bar};
use super::columns::{Column, GAP, amount, duration, lines, widths};
use crate::daemon::queues::{QueueState, QueueStatus};

const COLUMNS: [Column; 14] = [
    Column("QUEUE", false, 0),
    Column("TYPE", false, 1),
    Column("MESSAGES", true, 0),
    Column("MEMORY", true, 3),
    Column("FILL", false, 8),
    Column("IN HAND", true, 6),
    Column("OLDEST", true, 9),
    Column("IN", true, 0),
    Column("OUT", true, 0),
    Column("DRAINED", true, 4),
    Column("FULL", true, 5),
    Column("WORKERS", true, 2),
    Column("STATE", false, 0),
    Column("DISCARDED", false, 7),
];

/// The column of the bars, which take the room that the others leave.
const FILL: usize = 4;

/// Characters of a bar: at least, at most, and where there is no terminal.
const BAR_MIN: usize = 10;
const BAR_MAX: usize = 40;
const BAR_DEFAULT: usize = 20;

type Cells = [String; COLUMNS.len()];

/// A line for each queue and their number. Where `width` is too little, columns
/// are left out, and named at the end.
pub(super) fn table(queues: &[QueueStatus], width: Option<usize>, charset: Charset) -> String {
    let mut cells: Vec<Cells> = queues.iter().map(cells_of).collect();
    let bar_width = width.map_or(BAR_DEFAULT, |width| {
        let others: usize = widths(&COLUMNS, &cells)
            .iter()
            .enumerate()
            .filter(|(index, _)| *index != FILL)
            .map(|(_, width)| width + GAP.len())
            .sum();
        width.saturating_sub(others).clamp(BAR_MIN, BAR_MAX)
    });
    for (row, queue) in cells.iter_mut().zip(queues) {
        row[FILL] = bar(queue, bar_width, charset);
    }
    let (mut text, left_out) = lines(&COLUMNS, &cells, |_| true, width);
    text.push_str(&format!("{} queues", queues.len()));
    if !left_out.contains(&COLUMNS[FILL].0) {
        text.push_str(&format!("; {LEGEND}"));
    }
    if !left_out.is_empty() {
        text.push_str(&format!(" (too narrow for {})", left_out.join(", ")));
    }
    text.push('\n');
    text
}

fn cells_of(queue: &QueueStatus) -> Cells {
    let account = &queue.account;
    let time = |seconds: Option<f64>| seconds.map_or_else(|| "-".to_owned(), duration);
    [
        account.name.clone(),
        account.kind.clone(),
        format!("{}/{}", account.held, account.size),
        format!(
            "{}/{}",
            amount(account.held_bytes),
            amount(account.memory_bytes_max)
        ),
        String::new(),
        account.in_hand.to_string(),
        time(queue.oldest_seconds),
        format!("{:.1}/s", queue.enqueued_per_second),
        format!("{:.1}/s", queue.handed_over_per_second),
        time(queue.seconds_to_drain),
        time(queue.seconds_to_full),
        format!("{}/{}", queue.workers, queue.workers_max),
        state(queue),
        discarded(queue),
    ]
}

/// What it does, with the time at which its window opens, and the actions that are
/// suspended.
fn state(queue: &QueueStatus) -> String {
    let name = |state: &QueueState| match state {
        QueueState::WaitingForWindow => {
            // RFC 3339: hours and minutes stand from byte 11 on.
            let opens = queue.window_opens.as_deref().unwrap_or_default();
            let opens = opens.get(11..16).unwrap_or("?");
            format!("{} ({opens})", state.name())
        }
        QueueState::Suspended => {
            format!("{} ({})", state.name(), queue.suspended_actions.join(", "))
        }
        _ => state.name().to_owned(),
    };
    let names: Vec<String> = queue.state.iter().map(name).collect();
    names.join(", ")
}

/// Discards by reason; reasons that did not occur are left out.
fn discarded(queue: &QueueStatus) -> String {
    let account = &queue.account;
    let counts = [
        ("full", account.discarded_full),
        ("severity", account.discarded_mark),
        ("sampling", account.discarded_sampling),
        ("purged", account.discarded_purged),
        ("shutdown", account.discarded_shutdown),
    ];
    let counts = counts.into_iter().filter(|(_, count)| *count > 0);
    let counts: Vec<String> = counts
        .map(|(reason, count)| format!("{reason} {count}"))
        .collect();
    match counts.is_empty() {
        true => "-".to_owned(),
        false => counts.join(", "),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::daemon::statistics::QueueStatistics;

    /// An idle queue with the main queue's defaults.
    pub(in super::super) fn queue(name: &str) -> QueueStatus {
        QueueStatus {
            account: QueueStatistics {
                name: name.to_owned(),
                kind: "FixedArray".to_owned(),
                size: 10_000,
                memory_bytes_max: 256 << 20,
                ..QueueStatistics::default()
            },
            state: vec![QueueState::Idle],
            window_opens: None,
            suspended_actions: Vec::new(),
            light_delay_mark: Some(7000),
            full_delay_mark: Some(9700),
            discard_mark: None,
            discard_severity: None,
            oldest_seconds: None,
            enqueued_per_second: 0.0,
            handed_over_per_second: 0.0,
            seconds_to_drain: None,
            seconds_to_full: None,
            workers: 1,
            workers_max: 1,
        }
    }

    fn queues() -> [QueueStatus; 3] {
        let mut slow = queue("slow");
        slow.account.kind = "LinkedList".to_owned();
        slow.account.held = 7000;
        slow.account.held_bytes = 1_050_000;
        slow.account.in_hand = 512;
        slow.account.discarded_mark = 12;
        slow.account.discarded_purged = 7;
        slow.discard_mark = Some(9800);
        slow.oldest_seconds = Some(75.0);
        slow.enqueued_per_second = 120.5;
        slow.handed_over_per_second = 20.5;
        slow.seconds_to_full = Some(30.0);
        slow.workers = 2;
        slow.workers_max = 4;
        slow.suspended_actions = vec!["out".to_owned()];
        slow.state = vec![QueueState::Suspended, QueueState::PushingBack];
        let mut night = queue("night");
        night.state = vec![QueueState::WaitingForWindow];
        night.window_opens = Some("2026-03-28T22:00:00+01:00".to_owned());
        [queue("main"), slow, night]
    }

    #[test]
    fn the_table_has_a_line_for_each_and_their_number() {
        let expected = [
            "QUEUE  TYPE          MESSAGES       MEMORY  FILL                  IN HAND  OLDEST       IN     OUT  DRAINED   FULL  WORKERS  STATE                           DISCARDED",
            "main   FixedArray     0/10000     0/268.4M  .............l....f.        0       -    0.0/s   0.0/s        -      -      1/1  idle                            -",
            "slow   LinkedList  7000/10000  1.1M/268.4M  #############l...fd.      512   1m15s  120.5/s  20.5/s        -  30.0s      2/4  suspended (out), pushing back   severity 12, purged 7",
            "night  FixedArray     0/10000     0/268.4M  .............l....f.        0       -    0.0/s   0.0/s        -      -      1/1  waiting for its window (22:00)  -",
            "3 queues; l light delay, f full delay, d discard",
            "",
        ];
        assert_eq!(table(&queues(), None, Charset::Ascii), expected.join("\n"));
    }

    #[test]
    fn the_bar_takes_the_room_that_is_left() {
        let bar = |width: usize| {
            let table = table(&queues(), Some(width), Charset::Utf8);
            assert!(
                table
                    .lines()
                    .take(4)
                    .all(|line| line.chars().count() <= width)
            );
            let line = table.lines().nth(1).unwrap_or_default().to_owned();
            let is_bar = |word: &&str| word.contains('░');
            let bar = line.split("  ").find(is_bar).unwrap_or_default();
            (
                bar.chars().count(),
                table.lines().nth(4).unwrap_or_default().to_owned(),
            )
        };
        let (whole, last) = bar(1000);
        assert_eq!((whole, last.contains("narrow")), (BAR_MAX, false));
        let fits = |width: &usize| !bar(*width).1.contains("narrow");
        let enough = (100..1000).find(fits).expect("a width");
        assert_eq!(bar(enough).0, BAR_MIN);
        assert_eq!(bar(enough + 7).0, BAR_MIN + 7);
        let (least, last) = bar(enough - 1);
        assert_eq!(least, BAR_MIN);
        assert!(last.ends_with("(too narrow for TYPE)"), "{last}");
        let (none, last) = bar(80);
        assert_eq!(none, 0, "{last}");
        assert!(!last.contains("light"), "{last}");
    }
}
