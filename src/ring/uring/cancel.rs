//! Cancellation by user data (io_uring_prep_cancel64(3)).

use io_uring::{opcode, squeue};

pub fn entry(user_data: u64) -> squeue::Entry {
    opcode::AsyncCancel::new(user_data).build()
}
