//! `splashdam ctl`, and what it shows.

use serde_json::Value;

use super::{Scratch, splashdam};

/// Runs `splashdam ctl`. Returns whether it succeeded, and what it said.
pub fn ctl(scratch: &Scratch, arguments: &[&str]) -> (bool, String) {
    let mut command = splashdam(scratch.path());
    command
        .args(["ctl", "--socket", "ctl.sock"])
        .args(arguments);
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

/// The table of connections.
pub fn connections(scratch: &Scratch, arguments: &[&str]) -> Vec<Value> {
    let (is_ok, said) = ctl(scratch, &[&["connections", "--json"], arguments].concat());
    assert!(is_ok, "{said}");
    let table: Value = serde_json::from_str(&said).unwrap();
    table.as_array().expect("an array").clone()
}
