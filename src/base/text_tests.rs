//! Not in `text.rs`: its model (`tests/loom`) includes that file.

use super::text::{Lent, Text};

struct Buffer(Vec<u8>);

impl Lent for Buffer {
    fn bytes(&self) -> &[u8] {
        &self.0
    }
}

#[test]
fn offsets_survive_the_move() {
    let text = Text::lent(Buffer((0..=255).collect()));
    assert_eq!(text.pin().bytes(100, 3), [100, 101, 102]);
    {
        let _pin = text.pin();
        assert_eq!(text.compact(100..200), None, "moved under a reader");
    }
    assert_eq!(text.compact(100..200), Some(100));
    assert_eq!(text.compact(100..200), Some(0), "moved twice");
    assert_eq!(text.pin().bytes(100, 3), [100, 101, 102]);
}

#[test]
#[should_panic]
fn bytes_that_were_not_kept_cannot_be_read() {
    let text = Text::lent(Buffer((0..=255).collect()));
    text.compact(100..200);
    let _ = text.pin().bytes(198, 3);
}
