//! The listeners of a configuration, opened before any thread runs and before
//! privileges are dropped.

use anyhow::{Context, Result, bail};

use crate::receive::{Inherited, Listener, ListenerOptions};

/// Opens them all; each uses the socket of its address that the service manager
/// handed over, if there is one.
///
/// # Errors
/// A listener that cannot be opened; a socket that was handed over and that no
/// listener has taken.
pub fn open(options: Vec<ListenerOptions>) -> Result<Vec<Listener>> {
    let mut inherited = Inherited::from_service_manager()
        .context("cannot take the sockets that the service manager hands over")?;
    let mut listeners = Vec::new();
    for options in options {
        match Listener::open(options, &mut inherited) {
            Ok(listener) => listeners.push(listener),
            Err(error) if inherited.is_empty() => return Err(error.into()),
            // An address in use may be that of a socket of almost the same one.
            Err(error) => {
                let text = format!("handed over and not taken so far: {inherited}");
                return Err(error).context(text);
            }
        }
    }
    if !inherited.is_empty() {
        bail!(
            "the service manager hands over what no input takes: {inherited}; \
             an input takes the socket that has its address and port"
        );
    }
    Ok(listeners)
}
