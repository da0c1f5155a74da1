//! The parameters of a TCP listener and their defaults.

use std::net::{IpAddr, Ipv6Addr};

/// Parameters of one `input(type="imptcp" …)`.
#[derive(Clone, Debug, PartialEq)]
pub struct ListenerOptions {
    /// `port`; 0 lets the kernel choose.
    pub port: u16,
    /// `listenPortFileName`: where the chosen port is written.
    pub port_file: Option<std::path::PathBuf>,
    /// `address`; `::` listens on all addresses, of IPv4 too.
    pub address: IpAddr,
    /// `name`, the `inputname` of its messages.
    pub name: String,
    /// `supportOctetCountedFraming`.
    pub octet_counted_framing: bool,
    /// `socketBacklog`.
    pub backlog: i32,
    /// `keepAlive`.
    pub keep_alive: bool,
}

impl Default for ListenerOptions {
    fn default() -> Self {
        ListenerOptions {
            port: 0,
            port_file: None,
            address: IpAddr::V6(Ipv6Addr::UNSPECIFIED),
            name: "imptcp".to_owned(),
            octet_counted_framing: true,
            backlog: 4096,
            keep_alive: true,
        }
    }
}
