//! Parameters of a queue that do not go together, or have no effect: what would
//! happen, and what is used instead.

use super::queue::{QueueSetting, place_of};
use crate::config::diagnostic::Diagnostic;
use crate::queue::{QueueKind, QueueOptions, Window};

/// Where a queue stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Main,
    Ruleset,
    Action,
}

/// Parameters that are about messages that a queue keeps. A Direct queue keeps
/// none; the main one has workers all the same, that take from hand to hand.
const ABOUT_KEEPING: [&str; 11] = [
    "queue.size",
    "queue.highWatermark",
    "queue.lowWatermark",
    "queue.lightDelayMark",
    "queue.fullDelayMark",
    "queue.discardMark",
    "queue.discardSeverity",
    "queue.minDequeueBatchSize",
    "queue.minDequeueBatchSize.timeout",
    "queue.workerThreads",
    "queue.workerThreadMinimumMessages",
];

/// Whether a parameter means nothing for a queue of this type at this place.
pub(super) fn without_effect(place: Place, kind: QueueKind, parameter: &str) -> bool {
    if kind != QueueKind::Direct || parameter == "queue.type" {
        return false;
    }
    place != Place::Main || ABOUT_KEEPING.contains(&parameter)
}

/// What is to be told of a queue, at the places of its parameters.
pub(super) fn review(
    place: Place,
    settings: &[QueueSetting],
    options: &QueueOptions,
) -> Vec<Diagnostic> {
    let mut review = Review {
        settings,
        options,
        found: Vec::new(),
    };
    review.unreachable();
    review.watermarks();
    review.delay_marks();
    review.discarding(place);
    review.batches();
    review.workers();
    review.window();
    review.found
}

struct Review<'a> {
    settings: &'a [QueueSetting],
    options: &'a QueueOptions,
    found: Vec<Diagnostic>,
}

impl Review<'_> {
    fn is_set(&self, parameter: &str) -> bool {
        place_of(self.settings, parameter).is_some()
    }

    /// A warning at the parameter, if it is set.
    fn warn(&mut self, parameter: &str, message: String, hint: impl Into<String>) {
        if let Some(span) = place_of(self.settings, parameter) {
            let message = format!("`{parameter}` {message}");
            self.found
                .push(Diagnostic::warning(span, message).hint(hint));
        }
    }

    /// Numbers of messages that the queue never holds.
    fn unreachable(&mut self) {
        let options = self.options;
        let minimum = options.worker_thread_minimum_messages;
        let marks = [
            (
                "highWatermark",
                options.high_watermark,
                options.high_watermark(),
                "90 % of the size",
            ),
            (
                "lowWatermark",
                options.low_watermark,
                options.low_watermark(),
                "70 % of the size or below the high watermark",
            ),
            (
                "lightDelayMark",
                options.light_delay_mark,
                options.light_delay_mark(),
                "70 % of the size or the full delay mark; write 0 for none",
            ),
            (
                "fullDelayMark",
                options.full_delay_mark,
                options.full_delay_mark(),
                "97 % of the size",
            ),
            (
                "discardMark",
                options.discard_mark,
                options.discard_mark(),
                "98 % of the size",
            ),
            (
                "workerThreadMinimumMessages",
                minimum,
                options.worker_thread_minimum_messages(),
                "the size divided by the workers",
            ),
        ];
        for (name, mark, in_force, share) in marks {
            if let Some(mark) = mark.filter(|mark| *mark > options.size) {
                let size = options.size;
                let message =
                    format!("{mark} is above queue.size {size}: it would never be reached");
                let hint = format!("{in_force} is used, {share}");
                self.warn(&format!("queue.{name}"), message, hint);
            }
        }
    }

    fn watermarks(&mut self) {
        let options = self.options;
        let (high, low) = (options.high_watermark(), options.low_watermark());
        let written = options.low_watermark.filter(|low| *low <= options.size);
        if let Some(written) = written.filter(|written| *written >= high) {
            let message = format!(
                "{written} is not below the high watermark {high}: a disk would be left as soon as it is used"
            );
            self.warn("queue.lowWatermark", message, format!("{low} is used"));
        }
        for name in ["queue.highWatermark", "queue.lowWatermark"] {
            let message =
                "has no effect: it says when messages go to disk, and this queue is in memory only";
            let hint = "queue.size bounds the queue; queue.filename is not built yet";
            self.warn(name, message.to_owned(), hint);
        }
    }

    fn delay_marks(&mut self) {
        let options = self.options;
        let (light, full) = (options.light_delay_mark(), options.full_delay_mark());
        if options.full_delay_mark == Some(0) {
            let message = "0 would stop every message that can wait, for ever, as in rsyslog";
            let hint = format!("{full} is used, 97 % of the size");
            self.warn("queue.fullDelayMark", message.to_owned(), hint);
        }
        if self.is_set("queue.highWatermark") && full < options.high_watermark() {
            let high = options.high_watermark();
            let message = format!(
                "{full} is below queue.highWatermark {high}: senders that can wait would stop before the queue goes to disk"
            );
            let hint = "set it above queue.highWatermark; it is used as it is, as in rsyslog";
            self.warn("queue.fullDelayMark", message, hint);
        }
        let written = options
            .light_delay_mark
            .filter(|mark| *mark <= options.size);
        if let Some(written) = written.filter(|written| *written > full) {
            let message = format!(
                "{written} is above the full delay mark {full}: inputs would go on where workers that call the ruleset wait"
            );
            let hint = format!("{light} is used; write 0 for no light delay mark");
            self.warn("queue.lightDelayMark", message, hint);
        }
    }

    fn discarding(&mut self, place: Place) {
        let options = self.options;
        if options.discard_severity.is_none() {
            let message = "has no effect without queue.discardSeverity: nothing is discarded";
            let hint = "write for example queue.discardSeverity=\"info\"";
            return self.warn("queue.discardMark", message.to_owned(), hint);
        }
        let (name, stop) = match place {
            Place::Main | Place::Ruleset => ("light", options.light_delay_mark()),
            Place::Action => ("full", options.full_delay_mark()),
        };
        let mark = options.discard_mark();
        if mark > stop {
            let message = format!(
                "has an effect from the discard mark {mark} on only: senders that can wait (TCP) stop at the {name} delay mark {stop} and reach it never"
            );
            let hint = format!("set queue.discardMark to {stop} or less to discard their messages");
            self.warn("queue.discardSeverity", message, hint);
        }
    }

    fn batches(&mut self) {
        let options = self.options;
        let written = options.dequeue_batch_size_min;
        let (batch, size) = (options.dequeue_batch_size, options.size);
        if written > batch.min(size) {
            let (name, max) = match batch <= size {
                true => ("queue.dequeueBatchSize", batch),
                false => ("queue.size", size),
            };
            let message = format!(
                "{written} is above {name} {max}: a worker would wait for what never comes"
            );
            self.warn(
                "queue.minDequeueBatchSize",
                message,
                format!("{max} is used"),
            );
        }
        if written == 0 {
            let message = "has no effect without queue.minDequeueBatchSize: no worker waits";
            let hint = "write for example queue.minDequeueBatchSize=\"100\"";
            self.warn(
                "queue.minDequeueBatchSize.timeout",
                message.to_owned(),
                hint,
            );
        }
    }

    fn workers(&mut self) {
        let (workers, size) = (self.options.worker_threads, self.options.size);
        if workers > size {
            let message =
                format!("{workers} is above queue.size {size}: so many would never have work");
            self.warn("queue.workerThreads", message, format!("{size} is used"));
        }
        if workers > 1 {
            return;
        }
        for name in [
            "queue.workerThreadMinimumMessages",
            "queue.timeoutWorkerThreadShutdown",
        ] {
            let message = "has no effect with one worker, which never ends";
            let hint = "write for example queue.workerThreads=\"4\"";
            self.warn(name, message.to_owned(), hint);
        }
    }

    fn window(&mut self) {
        let Some(Window { begin, end }) = self.options.window else {
            return;
        };
        if end == Window::NEVER {
            let message = "has no effect without queue.dequeueTimeEnd: messages are always taken";
            let hint = "write for example queue.dequeueTimeEnd=\"6\"";
            self.warn("queue.dequeueTimeBegin", message.to_owned(), hint);
        } else if begin == end {
            let message =
                format!("is queue.dequeueTimeBegin, {begin}: rsyslog would never take a message");
            let hint = "messages are always taken";
            self.warn("queue.dequeueTimeEnd", message, hint);
        }
    }
}

#[cfg(test)]
#[path = "queue_review_tests.rs"]
mod tests;
