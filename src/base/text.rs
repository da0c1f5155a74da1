//! The bytes of a batch: first where they were received, later, if they have to
//! wait, in memory of their own.

use std::ops::Range;

use super::atomic::{AtomicU32, Ordering, UnsafeCell, spin_loop};

/// Set while the bytes are being moved.
const MOVING: u32 = 1 << 31;

/// A receive buffer that can be given back once its bytes were copied. Several
/// threads may read it at once.
pub trait Lent: Send + Sync {
    /// All bytes of the buffer.
    fn bytes(&self) -> &[u8];
}

/// Bytes that are read through a pin, and that may be moved out of their
/// receive buffer ([`compact`](Text::compact)) by any thread while nobody
/// reads them. Offsets into the text stay what they were.
pub struct Text<L> {
    /// Number of pins, or `MOVING`.
    pins: AtomicU32,
    place: UnsafeCell<Place<L>>,
}

enum Place<L> {
    Lent(L),
    /// A copy of the used range; `start` is that range's first offset.
    Owned {
        bytes: Vec<u8>,
        start: usize,
    },
}

// SAFETY: the place is read under a pin and written under `MOVING` only, which
// exclude each other; a lent buffer may be read by several threads at once
// (`Sync`) and given back from any of them (`Send`).
unsafe impl<L: Lent> Sync for Text<L> {}

/// Leave to read a text; the bytes do not move while it lives.
pub struct Pin<'a, L: Lent> {
    text: &'a Text<L>,
    bytes: *const u8,
    len: usize,
    start: usize,
}

impl<L: Lent> Text<L> {
    /// Bytes in a receive buffer.
    pub fn lent(buffer: L) -> Text<L> {
        Text {
            pins: AtomicU32::new(0),
            place: UnsafeCell::new(Place::Lent(buffer)),
        }
    }

    /// Bytes in memory of their own; `start` is the offset of the first one.
    pub fn owned(bytes: Vec<u8>, start: usize) -> Text<L> {
        Text {
            pins: AtomicU32::new(0),
            place: UnsafeCell::new(Place::Owned { bytes, start }),
        }
    }

    /// Takes the bytes that have memory of their own, and leaves none.
    pub fn take_owned(&mut self) -> Option<Vec<u8>> {
        // SAFETY: `&mut self` means that nobody else looks.
        self.place.with_mut(|place| match unsafe { &mut *place } {
            Place::Owned { bytes, .. } => Some(std::mem::take(bytes)),
            Place::Lent(_) => None,
        })
    }

    /// Keeps the bytes where they are, and readable, while the pin lives. Waits
    /// for a move that is under way (a copy of one buffer at most).
    pub fn pin(&self) -> Pin<'_, L> {
        let mut pins = self.pins.load(Ordering::Relaxed);
        loop {
            if pins == MOVING {
                spin_loop();
                pins = self.pins.load(Ordering::Relaxed);
                continue;
            }
            // Acquire: sees the bytes where the last move put them.
            match self.pins.compare_exchange_weak(
                pins,
                pins + 1,
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => break,
                Err(now) => pins = now,
            }
        }
        // SAFETY: a pin is held, so no move writes the place.
        let (bytes, start) = self.place.with(|place| match unsafe { &*place } {
            Place::Lent(buffer) => (buffer.bytes(), 0),
            Place::Owned { bytes, start } => (&bytes[..], *start),
        });
        let (bytes, len) = (bytes.as_ptr(), bytes.len());
        Pin {
            text: self,
            bytes,
            len,
            start,
        }
    }

    /// Copies `range`, all that is still used, into memory of its own and gives
    /// the receive buffer back. Returns the bytes copied, 0 if the text has
    /// moved already; `None` if somebody reads it now.
    pub fn compact(&self, range: Range<usize>) -> Option<usize> {
        if self
            .pins
            .compare_exchange(0, MOVING, Ordering::Acquire, Ordering::Relaxed)
            .is_err()
        {
            return None;
        }
        // SAFETY: `MOVING` is set and there are no pins: nobody else looks.
        let copied = self.place.with_mut(|place| {
            let place = unsafe { &mut *place };
            let Place::Lent(buffer) = place else { return 0 };
            let bytes = buffer.bytes()[range.clone()].to_vec();
            let copied = bytes.len();
            *place = Place::Owned {
                bytes,
                start: range.start,
            };
            copied
        });
        // Release: the next pin sees the new place.
        self.pins.store(0, Ordering::Release);
        Some(copied)
    }
}

impl<L: Lent> Pin<'_, L> {
    /// Bytes of the text from `start` on, `len` of them.
    #[inline]
    pub fn bytes(&self, start: usize, len: usize) -> &[u8] {
        // SAFETY: the place's bytes stay where they are while the pin lives.
        let bytes = unsafe { std::slice::from_raw_parts(self.bytes, self.len) };
        // Start below the place's first offset wraps, and fails the check too.
        &bytes[start.wrapping_sub(self.start)..][..len]
    }
}

impl<L: Lent> Drop for Pin<'_, L> {
    fn drop(&mut self) {
        // Release: the reads under this pin come before a move that follows.
        self.text.pins.fetch_sub(1, Ordering::Release);
    }
}
