//! Text: readers see the bytes, wherever a move has put them, and the receive
//! buffer is given back once and while nobody reads it.

use loom::sync::Arc;
use loom::sync::atomic::{AtomicU32, Ordering};
use loom::thread;

use crate::base::text::{Lent, Text};
use crate::bounded_model;

const BYTES: [u8; 6] = *b"abcdef";

/// A receive buffer that the next reception overwrites when it is given back.
struct Buffer {
    bytes: Vec<u8>,
    /// Readers that were seen at the moment it was given back, and times that
    /// it was.
    given_back: Arc<AtomicU32>,
}

impl Lent for Buffer {
    fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.bytes.fill(b'?');
        self.given_back.fetch_add(1, Ordering::Relaxed);
    }
}

fn text() -> (Arc<Text<Buffer>>, Arc<AtomicU32>) {
    let given_back = Arc::new(AtomicU32::new(0));
    let buffer = Buffer {
        bytes: BYTES.to_vec(),
        given_back: Arc::clone(&given_back),
    };
    (Arc::new(Text::lent(buffer)), given_back)
}

fn read(text: &Text<Buffer>, given_back: &AtomicU32) {
    let pin = text.pin();
    let before = given_back.load(Ordering::Relaxed);
    assert_eq!(pin.bytes(2, 3), b"cde");
    let after = given_back.load(Ordering::Relaxed);
    assert_eq!(before, after, "given back under a reader");
}

#[test]
fn readers_and_a_move_exclude_each_other() {
    loom::model(|| {
        let (text, given_back) = text();
        let reader = {
            let (text, given_back) = (Arc::clone(&text), Arc::clone(&given_back));
            thread::spawn(move || read(&text, &given_back))
        };
        let copied = text.compact(2..5).unwrap_or(0);
        read(&text, &given_back);
        reader.join().unwrap();
        assert!(copied == 3 || copied == 0);
        assert_eq!(given_back.load(Ordering::Relaxed), u32::from(copied == 3));
    });
}

#[test]
fn two_moves_and_a_reader_move_once() {
    bounded_model(|| {
        let (text, given_back) = text();
        let mover = {
            let text = Arc::clone(&text);
            thread::spawn(move || text.compact(2..5))
        };
        let reader = {
            let (text, given_back) = (Arc::clone(&text), Arc::clone(&given_back));
            thread::spawn(move || read(&text, &given_back))
        };
        let copied = text.compact(2..5).unwrap_or(0) + mover.join().unwrap().unwrap_or(0);
        reader.join().unwrap();
        assert!(copied == 3 || copied == 0, "moved twice");
        assert_eq!(given_back.load(Ordering::Relaxed), u32::from(copied == 3));
        assert_eq!(text.pin().bytes(2, 3), b"cde");
    });
}

#[test]
fn a_text_with_memory_of_its_own_does_not_move() {
    loom::model(|| {
        let text = Arc::new(Text::<Buffer>::owned(BYTES[2..5].to_vec(), 2));
        let given_back = Arc::new(AtomicU32::new(0));
        let mover = {
            let text = Arc::clone(&text);
            thread::spawn(move || assert_eq!(text.compact(2..5).unwrap_or(0), 0))
        };
        read(&text, &given_back);
        mover.join().unwrap();
    });
}

#[test]
fn readers_do_not_exclude_each_other() {
    loom::model(|| {
        let (text, given_back) = text();
        let reader = {
            let (text, given_back) = (Arc::clone(&text), Arc::clone(&given_back));
            thread::spawn(move || read(&text, &given_back))
        };
        read(&text, &given_back);
        reader.join().unwrap();
        assert_eq!(text.compact(2..5), Some(3));
        assert_eq!(text.pin().bytes(2, 3), b"cde");
    });
}
