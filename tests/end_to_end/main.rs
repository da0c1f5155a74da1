//! The daemon as its user meets it: the built program, its command line, its
//! sockets, signals and files. rsyslogd, where it stands beside it, is the
//! distribution's. They run as root on Linux; what they need beside the Rust
//! toolchain is installed by `tests/run`.
//!
//! The account of every daemon that is stopped in order is checked
//! ([`support::Daemon::stop`]), whatever the test was about. Nothing here
//! depends on how fast anything is.

mod admission;
mod bare_metal;
mod command_line;
mod compressed;
mod connection_table;
mod connections;
#[path = "../corpus/corpus.rs"]
mod corpus;
mod differential;
mod exactly_once;
mod failing_action;
mod file_creation;
mod file_integrity;
mod flow_control;
mod framing;
mod framing_parameters;
mod full_disk;
mod half_open;
mod hostile;
mod imtcp;
mod imudp;
mod names;
mod queue_configuration;
mod queue_parameters;
mod queues_seen;
mod rest;
mod rulesets;
mod selectors;
mod signals;
mod support;
