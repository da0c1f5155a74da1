//! An action: a driver, its state, and its account.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use super::{ActionOptions, DriverOptions, Resume, State};
use crate::base::{Counter, Instant};
use crate::message::{Reader, Report, Severity};
use crate::output::file::{FileWriter, Progress};
use crate::output::{Completion, Executor};
use crate::rules::Selected;
use crate::template::Template;

/// The account of an action, in messages: `taken = delivered + discarded +
/// held` at any quiet moment.
#[derive(Debug, Default)]
pub struct ActionCounters {
    /// Given to the action by the rules.
    pub taken: Counter,
    /// Committed by its driver.
    pub delivered: Counter,
    /// In hand: taken, and neither delivered nor given up.
    pub held: Counter,
    /// Given up after `action.resumeRetryCount` attempts.
    pub discarded_retries: Counter,
    /// In hand when the time to stop was over.
    pub discarded_shutdown: Counter,
    /// Times it was suspended.
    pub suspended: Counter,
    /// 1 while it is suspended.
    pub is_suspended: Counter,
    /// Bytes rendered.
    pub bytes: Counter,
}

/// An action of a worker.
pub struct Action<F> {
    pub options: ActionOptions,
    pub counters: Arc<ActionCounters>,
    template: Arc<Template>,
    driver: Driver<F>,
    resume: Resume,
    report: Arc<dyn Report>,
    /// Batches that are not committed: (sequence, messages).
    uncommitted: VecDeque<(u64, u64)>,
    /// Messages taken of the batch that has not ended.
    begun: u64,
    /// Whether it has failed since it last committed anything. Said once: the
    /// message goes through the pipeline, perhaps into this very action.
    is_failing: bool,
    /// Messages given up since then.
    given_up: u64,
}

enum Driver<F> {
    File(Box<FileWriter<F>>),
    Discard,
}

impl<F> Action<F> {
    /// Action number `index` of its worker.
    pub fn new(
        index: usize,
        options: ActionOptions,
        template: Arc<Template>,
        counters: Arc<ActionCounters>,
        report: Arc<dyn Report>,
    ) -> Action<F> {
        let driver = match &options.driver {
            DriverOptions::File(file) => {
                Driver::File(Box::new(FileWriter::new(index, file.clone())))
            }
            DriverOptions::Discard => Driver::Discard,
        };
        Action {
            resume: Resume::new(&options),
            options,
            counters,
            template,
            driver,
            report,
            uncommitted: VecDeque::new(),
            begun: 0,
            is_failing: false,
            given_up: 0,
        }
    }

    /// Takes the `selected` messages of `reader` from position `from` on until
    /// the driver is full. Returns the position at which to go on, or `None`
    /// when all were taken.
    pub fn take(
        &mut self,
        now: Instant,
        mut from: usize,
        selected: &Selected,
        reader: &Reader,
    ) -> Option<usize> {
        let mut taken = 0;
        let rest = match &mut self.driver {
            Driver::Discard => {
                while let Some(position) = selected.next(from) {
                    taken += 1;
                    from = position + 1;
                }
                self.counters.delivered.add(taken);
                None
            }
            Driver::File(writer) if !writer.has_room() => Some(from),
            Driver::File(writer) => {
                let template = &self.template;
                let mut rest = None;
                let mut bytes = 0;
                writer.fill(now, |out, full| {
                    let start = out.len();
                    while let Some(position) = selected.next(from) {
                        if out.len() >= full {
                            rest = Some(position);
                            break;
                        }
                        template.render(&reader.message(position), out);
                        taken += 1;
                        from = position + 1;
                    }
                    bytes = out.len() - start;
                });
                self.counters.bytes.add(bytes as u64);
                self.begun += taken;
                self.counters.held.add(taken);
                rest
            }
        };
        self.counters.taken.add(taken);
        rest
    }

    /// Notes that all messages of the batch with this sequence were taken.
    pub fn end_batch(&mut self, sequence: u64) {
        if self.begun > 0
            && let Driver::File(writer) = &mut self.driver
        {
            writer.mark(sequence);
            self.uncommitted.push_back((sequence, self.begun));
            self.begun = 0;
        }
    }

    /// The first batch that the action has not committed.
    pub fn oldest_uncommitted(&self) -> Option<u64> {
        self.uncommitted().next()
    }

    /// All batches that the action has not committed, oldest first.
    pub fn uncommitted(&self) -> impl Iterator<Item = u64> {
        self.uncommitted.iter().map(|&(sequence, _)| sequence)
    }

    /// Starts what is due. Returns when to come again without a completion.
    pub fn poll<X: Executor<File = F>>(
        &mut self,
        executor: &mut X,
        now: Instant,
        is_idle: bool,
    ) -> Option<Instant> {
        let Driver::File(writer) = &mut self.driver else {
            return None;
        };
        if writer.is_busy() {
            return None;
        }
        if let State::Suspended { until } = self.resume.state() {
            if !self.resume.retry(now) {
                return Some(until);
            }
            let progress = writer.resume(executor);
            self.progress(progress, now);
        }
        self.start(executor, now, is_idle)
    }

    /// Starts a write if one is due, also behind what was resumed: where the
    /// file could not be opened there was nothing to continue, and nobody would
    /// come again. Returns when to come again without a completion.
    fn start<X: Executor<File = F>>(
        &mut self,
        executor: &mut X,
        now: Instant,
        is_idle: bool,
    ) -> Option<Instant> {
        let Driver::File(writer) = &mut self.driver else {
            return None;
        };
        if let State::Suspended { until } = self.resume.state() {
            return Some(until);
        }
        let due = writer.due(is_idle)?;
        if due > now {
            return Some(due);
        }
        let progress = writer.start(executor, now);
        self.progress(progress, now);
        match self.resume.state() {
            State::Suspended { until } => Some(until),
            _ => None,
        }
    }

    /// Takes a completion of this action.
    pub fn complete<X: Executor<File = F>>(
        &mut self,
        executor: &mut X,
        completion: Completion,
        now: Instant,
    ) {
        if let Driver::File(writer) = &mut self.driver {
            let progress = writer.complete(executor, completion);
            self.progress(progress, now);
        }
    }

    /// Whether an operation is under way.
    pub fn is_busy(&self) -> bool {
        matches!(&self.driver, Driver::File(writer) if writer.is_busy())
    }

    /// Reopens files: SIGHUP.
    pub fn reopen(&mut self) {
        if let Driver::File(writer) = &mut self.driver {
            writer.reopen();
        }
    }

    /// Gives up what is in hand, at the end of the time to stop. Not while an
    /// operation is under way.
    pub fn abandon(&mut self) {
        let given_up = self.forget();
        self.counters.discarded_shutdown.add(given_up);
    }

    /// Tells, at the end, what a failure that is not over has cost.
    pub fn end(&mut self) {
        if self.given_up > 0 {
            let text = format!(
                "action '{}' gave up {} messages: {} could not be written",
                self.options.name,
                self.given_up,
                self.target()
            );
            self.report.report(Severity::ERROR, text);
        }
    }

    fn forget(&mut self) -> u64 {
        if let Driver::File(writer) = &mut self.driver {
            writer.forget();
        }
        let batches: u64 = self.uncommitted.drain(..).map(|(_, count)| count).sum();
        let given_up = batches + std::mem::take(&mut self.begun);
        self.counters.held.subtract(given_up);
        given_up
    }

    fn progress(&mut self, progress: Progress, now: Instant) {
        match progress {
            Progress::Committed(None) => {}
            Progress::Committed(Some(sequence)) => {
                self.commit(sequence);
                self.resume.succeeded();
                if std::mem::take(&mut self.is_failing) {
                    self.resumed();
                }
            }
            Progress::Failed(error) => {
                // A write may fail behind whole batches.
                if let Driver::File(writer) = &mut self.driver
                    && let Some(sequence) = writer.take_committed()
                {
                    self.commit(sequence);
                }
                self.failed(&error, now);
            }
        }
    }

    /// Notes that all batches up to and with this sequence are in the file.
    fn commit(&mut self, sequence: u64) {
        while let Some(&(first, count)) = self.uncommitted.front()
            && first <= sequence
        {
            self.counters.delivered.add(count);
            self.counters.held.subtract(count);
            self.uncommitted.pop_front();
        }
    }

    fn resumed(&mut self) {
        self.counters.is_suspended.subtract(1);
        let mut text = format!("action '{}' resumed", self.options.name);
        match std::mem::take(&mut self.given_up) {
            0 => {}
            given_up => text.push_str(&format!("; {given_up} messages were given up")),
        }
        self.report.report(Severity::NOTICE, text);
    }

    fn failed(&mut self, error: &io::Error, now: Instant) {
        if !std::mem::replace(&mut self.is_failing, true) {
            self.counters.suspended.add(1);
            self.counters.is_suspended.add(1);
            let consequence = match self.options.resume_retry_count {
                None => "its messages are kept until it resumes".to_owned(),
                Some(count) => {
                    format!("messages that cannot be written in {count} more tries are given up")
                }
            };
            let text = format!(
                "action '{}' suspended: {}: {error}; {consequence}",
                self.options.name,
                self.target()
            );
            self.report.report(Severity::ERROR, text);
        }
        if self.resume.failed(now) {
            let given_up = self.forget();
            self.counters.discarded_retries.add(given_up);
            self.given_up += given_up;
            self.resume.succeeded();
        }
    }

    fn target(&self) -> String {
        match &self.driver {
            Driver::File(writer) => writer.options().path.display().to_string(),
            Driver::Discard => "nothing".to_owned(),
        }
    }
}
