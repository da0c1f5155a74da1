//! Who sent a message, and by which input it came.

/// The sender of messages: one value per connection, or per sender of datagrams,
/// shared by its messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// `fromhost`: the sender's name, or its address where there is none.
    pub host: Box<str>,
    /// `fromhost-ip`: the sender's address.
    pub address: Box<str>,
    /// The sender's port; 0 where it says nothing (UDP).
    pub port: u16,
    /// `inputname`: the listener's `name`, `imptcp` unless set.
    pub input: Box<str>,
}
