//! Splashdam: a log aggregation daemon for Linux on io_uring, configured in
//! rsyslog's language.
//!
//! The folders follow a message on its way, in this order; a folder uses only
//! what stands above it: [`limits`], [`base`], [`ring`], [`message`],
//! [`frame`], [`parse`], [`template`], [`queue`], [`rules`], [`output`],
//! [`action`], [`names`], [`receive`], [`work`], [`config`], [`daemon`]. Beside them
//! stands [`harness`]: the load generator and the verifier.

#![deny(unsafe_code)]

pub mod action;
#[allow(
    unsafe_code,
    reason = "memory, libc and atomics: the home of what needs it"
)]
pub mod base;
pub mod config;
pub mod daemon;
pub mod frame;
pub mod harness;
pub mod limits;
pub mod message;
pub mod names;
pub mod output;
pub mod parse;
pub mod queue;
pub mod receive;
#[allow(unsafe_code, reason = "io_uring shares memory with the kernel")]
pub mod ring;
pub mod rules;
pub mod template;
pub mod work;
