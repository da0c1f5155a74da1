//! Messages on their way together: one received stretch of bytes and the
//! records found in it.

use std::ops::Range;
use std::sync::{Arc, Weak};

use crossbeam_queue::ArrayQueue;

use super::{Header, Message, Source, Timestamp};
use crate::base::text::{Lent, Pin};
use crate::base::{Chunk, Instant, Text};
use crate::limits::RECYCLED_BYTES_MAX;

/// One message of a batch.
#[derive(Clone, Copy, Debug, Default)]
pub struct Record {
    /// Offset of its first byte: in the received bytes, or in the rewritten
    /// ones if `rewritten`.
    pub start: u32,
    /// Length in bytes.
    pub len: u32,
    /// Index into the batch's sources.
    pub source: u16,
    /// Whether its control characters were escaped, so that its text differs
    /// from what was received.
    pub rewritten: bool,
    /// Where its parts lie.
    pub header: Header,
}

/// Arrays of records and of bytes that wait to be used again: reusing them keeps
/// the allocator, and the kernel's clearing of fresh pages, out of the way of a
/// message.
pub struct Recycler {
    records: ArrayQueue<Vec<Record>>,
    bytes: ArrayQueue<Vec<u8>>,
}

impl Recycler {
    /// Keeps at most `count` arrays of each kind.
    pub fn new(count: usize) -> Recycler {
        Recycler {
            records: ArrayQueue::new(count),
            bytes: ArrayQueue::new(count),
        }
    }

    /// Frees all arrays.
    pub fn clear(&self) {
        while self.records.pop().is_some() {}
        while self.bytes.pop().is_some() {}
    }

    /// An empty array of records.
    pub fn records(&self) -> Vec<Record> {
        self.records.pop().unwrap_or_default()
    }

    /// An empty array of bytes.
    pub fn bytes(&self) -> Vec<u8> {
        self.bytes.pop().unwrap_or_default()
    }
}

/// Whether the sender of messages can be made to wait while a queue is full
/// (`flowControl` of the TCP inputs).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Delay {
    /// It waits from the queue's delay marks on, for as long as it takes.
    #[default]
    Delayable,
    /// It cannot wait (UDP), or shall not: what a full queue has not taken within
    /// `queue.timeoutEnqueue` is discarded.
    NotDelayable,
}

/// What the batches cut from one reception share.
pub struct Body<L: Lent = Chunk> {
    /// The received bytes.
    pub text: Text<L>,
    /// The part of the received bytes that records lie in.
    pub used: Range<usize>,
    /// Texts that were rewritten.
    pub rewritten: Vec<u8>,
    pub records: Vec<Record>,
    pub sources: Vec<Arc<Source>>,
    /// Local time of reception.
    pub received: Timestamp,
    /// Monotonic time of reception.
    pub received_at: Instant,
    pub delay: Delay,
    /// Where the arrays go when the body is dropped.
    pub recycler: Option<Arc<Recycler>>,
}

impl<L: Lent> Drop for Body<L> {
    fn drop(&mut self) {
        if let Some(recycler) = &self.recycler {
            // A full recycler means enough arrays are waiting; this one is freed.
            let mut records = std::mem::take(&mut self.records);
            records.clear();
            let _ = recycler.records.push(records);
            if let Some(mut bytes) = self.text.take_owned()
                && bytes.capacity() <= RECYCLED_BYTES_MAX
            {
                bytes.clear();
                let _ = recycler.bytes.push(bytes);
            }
        }
    }
}

/// A run of records of one body. Cloning and cutting it copies no text.
pub struct Batch<L: Lent = Chunk> {
    body: Arc<Body<L>>,
    /// The records that were picked out of the body's, if not all were.
    picked: Option<Arc<[Record]>>,
    /// Positions in these, or in the body's.
    range: Range<u32>,
    bytes: usize,
    /// Index of the ruleset that decides what is done with the messages.
    ruleset: u32,
}

impl<L: Lent> Clone for Batch<L> {
    fn clone(&self) -> Self {
        Batch {
            body: Arc::clone(&self.body),
            picked: self.picked.clone(),
            range: self.range.clone(),
            bytes: self.bytes,
            ruleset: self.ruleset,
        }
    }
}

impl<L: Lent> Batch<L> {
    /// All records of `body`, for the ruleset of this index.
    pub fn new(body: Body<L>, ruleset: usize) -> Batch<L> {
        let range = 0..body.records.len() as u32;
        // What lies between the records' texts is held with them: skipped parts
        // of long frames, empty frames, texts before they were escaped.
        let texts: usize = body.records.iter().map(|record| record.len as usize).sum();
        let between = (body.used.len() + body.rewritten.len()).saturating_sub(texts);
        let bytes = body.records.iter().map(charge).sum::<usize>() + between;
        Batch {
            body: Arc::new(body),
            picked: None,
            range,
            bytes,
            ruleset: ruleset as u32,
        }
    }

    /// Number of messages.
    pub fn len(&self) -> usize {
        self.range.len()
    }

    /// Whether it holds no message.
    pub fn is_empty(&self) -> bool {
        self.range.is_empty()
    }

    /// Bytes that the batch is charged with: its texts, its records, and, if it
    /// has the last record of its body, what else the body holds.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Monotonic time of reception.
    pub fn received_at(&self) -> Instant {
        self.body.received_at
    }

    /// Index of the ruleset that decides what is done with the messages.
    pub fn ruleset(&self) -> usize {
        self.ruleset as usize
    }

    /// The same messages for another ruleset: `call`.
    pub fn for_ruleset(mut self, ruleset: usize) -> Batch<L> {
        self.ruleset = ruleset as u32;
        self
    }

    /// Whether the sender of the messages can be made to wait.
    pub fn delay(&self) -> Delay {
        self.body.delay
    }

    /// The messages of these indexes, which rise. They share the text unless
    /// they would hold more than twice their own bytes of it: then they get a
    /// copy, so that a queue that few messages go to never holds all of them.
    pub fn pick(&self, indexes: impl Iterator<Item = usize>) -> Batch<L> {
        let all = self.records();
        let records: Vec<Record> = indexes.map(|index| all[index]).collect();
        if records.len() == all.len() {
            return self.share();
        }
        let texts: usize = records.iter().map(|record| record.len as usize).sum();
        if 2 * texts < self.body.used.len() + self.body.rewritten.len() {
            return self.copy_of(records, texts);
        }
        Batch {
            body: Arc::clone(&self.body),
            range: 0..records.len() as u32,
            bytes: records.iter().map(charge).sum(),
            picked: Some(records.into()),
            ruleset: self.ruleset,
        }
    }

    /// Charges the batch, which goes into a queue anew, with its body too. Where each
    /// message has one of its own that is most of the memory it takes.
    pub fn with_body(mut self) -> Batch<L> {
        self.bytes += BODY_BYTES;
        self
    }

    /// The same messages for one more queue. They share the text unless they are
    /// less than a quarter of what it holds: a batch that was cut small may be all
    /// that goes to that queue.
    pub fn share(&self) -> Batch<L> {
        let texts = self.bytes.saturating_sub(self.len() * size_of::<Record>());
        if 4 * texts >= self.body.used.len() + self.body.rewritten.len() {
            return self.clone();
        }
        let records = self.records().to_vec();
        let texts = records.iter().map(|record| record.len as usize).sum();
        self.copy_of(records, texts)
    }

    /// Records of this batch with a copy of their `texts` bytes.
    fn copy_of(&self, mut records: Vec<Record>, texts: usize) -> Batch<L> {
        let mut bytes = Vec::with_capacity(texts);
        // Theirs only: a body may have thousands of sources.
        let mut sources: Vec<Arc<Source>> = Vec::new();
        let mut last = None;
        let reader = self.reader();
        for record in &mut records {
            if last != Some(record.source) {
                last = Some(record.source);
                sources.push(Arc::clone(&self.body.sources[usize::from(record.source)]));
            }
            record.source = (sources.len() - 1) as u16;
            let text = reader.text(record);
            record.start = bytes.len() as u32;
            record.rewritten = false;
            bytes.extend_from_slice(text);
        }
        let body = &self.body;
        Batch::new(
            Body {
                used: 0..bytes.len(),
                text: Text::owned(bytes, 0),
                rewritten: Vec::new(),
                records,
                sources,
                received: body.received,
                received_at: body.received_at,
                delay: body.delay,
                recycler: body.recycler.clone(),
            },
            self.ruleset(),
        )
    }

    /// Cuts off and returns the first `count` messages, at most all.
    pub fn split_front(&mut self, count: usize) -> Batch<L> {
        let count = count.min(self.len());
        let middle = self.range.start + count as u32;
        let front_range = self.range.start..middle;
        let bytes = if middle == self.range.end {
            self.bytes
        } else {
            self.records()[..count].iter().map(charge).sum()
        };
        self.range.start = middle;
        self.bytes -= bytes;
        Batch {
            body: Arc::clone(&self.body),
            picked: self.picked.clone(),
            range: front_range,
            bytes,
            ruleset: self.ruleset,
        }
    }

    /// Joins `next`, which was cut off behind this batch, again.
    pub fn append(&mut self, next: Batch<L>) {
        assert!(Arc::ptr_eq(&self.body, &next.body) && self.range.end == next.range.start);
        self.range.end = next.range.end;
        self.bytes += next.bytes;
    }

    /// Number of leading messages that are charged with at most `bytes`.
    pub fn messages_within(&self, bytes: usize) -> usize {
        if self.bytes <= bytes {
            return self.len();
        }
        let mut left = bytes;
        let fitting = self
            .records()
            .iter()
            .take_while(|record| {
                let fits = charge(record) <= left;
                left = left.saturating_sub(charge(record));
                fits
            })
            .count();
        // The last one comes with what else the body holds, and that does not fit.
        fitting.min(self.len() - 1)
    }

    /// A handle by which the text can be compacted while the batch lives.
    pub fn downgrade(&self) -> Weak<Body<L>> {
        Arc::downgrade(&self.body)
    }

    /// Leave to read the messages.
    pub fn reader(&self) -> Reader<'_, L> {
        Reader {
            pin: self.body.text.pin(),
            body: &self.body,
            records: self.records(),
        }
    }

    /// The parsed headers of the messages, which can be read without the text.
    pub fn headers(&self) -> impl Iterator<Item = &Header> {
        self.records().iter().map(|record| &record.header)
    }

    fn records(&self) -> &[Record] {
        let all = self.picked.as_deref().unwrap_or(&self.body.records);
        &all[self.range.start as usize..self.range.end as usize]
    }
}

/// What a body takes beside its records and texts, in bytes, with the batch, the
/// least that an array of records is allocated with, and what the allocator needs:
/// 640 were measured for each message of 35 bytes in a body of its own.
const BODY_BYTES: usize = size_of::<Body>() + size_of::<Batch>() + 4 * size_of::<Record>() + 160;

/// What a record costs its queue, in bytes.
fn charge(record: &Record) -> usize {
    record.len as usize + size_of::<Record>()
}

/// The messages of a batch, readable while this lives.
pub struct Reader<'a, L: Lent = Chunk> {
    pin: Pin<'a, L>,
    body: &'a Body<L>,
    records: &'a [Record],
}

impl<L: Lent> Reader<'_, L> {
    /// Number of messages.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Message `index`, counted from 0 in the batch.
    #[inline(always)]
    pub fn message(&self, index: usize) -> Message<'_> {
        let record = &self.records[index];
        Message {
            text: self.text(record),
            header: &record.header,
            source: &self.body.sources[usize::from(record.source)],
            received: &self.body.received,
        }
    }

    #[inline(always)]
    fn text(&self, record: &Record) -> &[u8] {
        let (start, len) = (record.start as usize, record.len as usize);
        if record.rewritten {
            &self.body.rewritten[start..start + len]
        } else {
            self.pin.bytes(start, len)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(texts: &[&str]) -> Batch {
        let mut bytes = Vec::new();
        let mut records = Vec::new();
        for text in texts {
            records.push(Record {
                start: bytes.len() as u32,
                len: text.len() as u32,
                ..Record::default()
            });
            bytes.extend_from_slice(text.as_bytes());
        }
        let body = Body {
            used: 0..bytes.len(),
            text: Text::owned(bytes, 0),
            rewritten: Vec::new(),
            records,
            sources: vec![Arc::default()],
            received: Timestamp::default(),
            received_at: Instant::default(),
            delay: Delay::Delayable,
            recycler: None,
        };
        Batch::new(body, 0)
    }

    fn texts(batch: &Batch) -> Vec<String> {
        let reader = batch.reader();
        (0..reader.len())
            .map(|index| String::from_utf8_lossy(reader.message(index).text).into_owned())
            .collect()
    }

    #[test]
    fn the_parts_of_a_split_are_the_whole() {
        let mut rest = batch(&["one", "two", "three", "four"]);
        let (len, bytes) = (rest.len(), rest.bytes());
        let front = rest.split_front(3);
        assert_eq!(texts(&front), ["one", "two", "three"]);
        assert_eq!(texts(&rest), ["four"]);
        assert_eq!(front.len() + rest.len(), len);
        assert_eq!(front.bytes() + rest.bytes(), bytes);
        let all = rest.split_front(9);
        assert_eq!((all.len(), rest.len(), rest.bytes()), (1, 0, 0));
    }

    #[test]
    fn picked_messages_share_the_text_or_have_a_copy_of_little_of_it() {
        let whole = batch(&["one", "two", "three", "four", "five", "six"]);
        let most = whole.pick([0, 2, 3, 5].into_iter());
        assert_eq!(texts(&most), ["one", "three", "four", "six"]);
        assert!(Arc::ptr_eq(&most.body, &whole.body));
        let mut few = whole.pick([1, 4].into_iter());
        assert!(!Arc::ptr_eq(&few.body, &whole.body));
        assert_eq!(few.bytes(), 7 + 2 * size_of::<Record>());
        let front = few.split_front(1);
        assert_eq!(
            (texts(&front), texts(&few)),
            (vec!["two".to_owned()], vec!["five".to_owned()])
        );
        let again = most.pick([1, 2, 3].into_iter());
        assert_eq!(texts(&again), ["three", "four", "six"]);
        let all = whole.clone().for_ruleset(3).pick(0..6);
        assert_eq!((all.len(), all.ruleset()), (6, 3));
    }

    #[test]
    fn a_small_part_of_a_batch_does_not_hold_the_whole_text() {
        let mut rest = batch(&["one", "two", "three", "four", "five", "six"]);
        let part = rest.split_front(1).for_ruleset(2);
        for shared in [part.share(), part.pick([0].into_iter())] {
            assert!(!Arc::ptr_eq(&shared.body, &part.body));
            assert_eq!((texts(&shared), shared.ruleset()), (texts(&part), 2));
        }
        let part = rest.split_front(2);
        assert!(Arc::ptr_eq(&part.share().body, &part.body));
    }

    #[test]
    fn a_body_is_charged_to_the_last_part() {
        let plain = batch(&["one", "two"]);
        let mut charged = plain.clone().with_body();
        assert!(charged.bytes() - plain.bytes() >= size_of::<Body>());
        assert_eq!(charged.split_front(1).bytes(), 3 + size_of::<Record>());
        assert_eq!(charged.bytes(), 3 + size_of::<Record>() + BODY_BYTES);
    }

    #[test]
    fn a_copy_of_few_messages_has_their_sources_only() {
        let mut whole = batch(&["one", "two", "three", "four", "five", "six"]);
        let body = Arc::get_mut(&mut whole.body).expect("the only one");
        body.sources.clear();
        for (index, record) in body.records.iter_mut().enumerate() {
            record.source = index as u16 / 2;
        }
        for port in 0..3 {
            let source = Source {
                port,
                ..Source::default()
            };
            body.sources.push(Arc::new(source));
        }
        let few = whole.pick([1, 5].into_iter());
        let reader = few.reader();
        let seen = [0, 1].map(|index| reader.message(index).source.port);
        assert_eq!((seen, few.body.sources.len()), ([0, 2], 2));
    }

    #[test]
    fn messages_are_counted_by_what_they_are_charged_with() {
        let whole = batch(&["one", "two", "three"]);
        let record = size_of::<Record>();
        assert_eq!(whole.messages_within(usize::MAX), 3);
        assert_eq!(whole.messages_within(2 * record + 6), 2);
        assert_eq!(whole.messages_within(2 * record + 5), 1);
        assert_eq!(whole.messages_within(0), 0);
    }
}
