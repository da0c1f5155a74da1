//! The parameters of a listener and their defaults.

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use super::{AccessOptions, KeepAliveOptions, RateLimitOptions, UdpOptions, UnixOptions};
use crate::frame::{Delimiters, FramerOptions, OversizeMode};
use crate::message::Delay;

/// Parameters of one `input(type="imptcp" …)`, `input(type="imtcp" …)` or
/// `input(type="imudp" …)`.
#[derive(Clone, Debug, PartialEq)]
pub struct ListenerOptions {
    /// `port`; 0 lets the kernel choose.
    pub port: u16,
    /// `listenPortFileName`: where the chosen port is written.
    pub port_file: Option<std::path::PathBuf>,
    /// `address`; `::` listens on all addresses, of IPv4 too.
    pub address: IpAddr,
    /// `path` and what goes with it: a unix socket instead of port and address.
    pub unix: UnixOptions,
    /// What an imudp listener has: it receives datagrams, and has no connections.
    pub udp: Option<UdpOptions>,
    /// `allow`, `deny` and `$AllowedSender`.
    pub access: AccessOptions,
    /// `proxyProtocol`: whether each connection begins with a proxy's header.
    pub proxy_protocol: bool,
    /// `compression.mode="stream:always"`: whether connections are zlib streams.
    pub is_compressed: bool,
    /// `ratelimit.interval`, `ratelimit.burst`.
    pub rate_limit: RateLimitOptions,
    /// `name`, the `inputname` of its messages.
    pub name: String,
    /// `supportOctetCountedFraming`.
    pub octet_counted_framing: bool,
    /// What else than a line feed ends a frame.
    pub delimiters: Delimiters,
    /// `maxFrameSize`, in bytes; [`FramerOptions`]'s if not set.
    pub frame_bytes_max: Option<usize>,
    /// `discardTruncatedMsg`: a message that is too long is never split.
    pub discards_truncated: bool,
    /// `socketBacklog`.
    pub backlog: i32,
    /// `maxSessions`: connections at a time.
    pub max_sessions: Option<u32>,
    /// `keepAlive…` and `tcp_user_timeout`.
    pub keep_alive: KeepAliveOptions,
    /// `idleTimeout`: a connection on which nothing came for so long is closed.
    pub idle_timeout: Option<Duration>,
    /// `notifyOnConnectionOpen`.
    pub notify_on_open: bool,
    /// `notifyOnConnectionClose`.
    pub notify_on_close: bool,
    /// `preserveCase`: whether the names of senders keep their capitals.
    pub preserve_case: bool,
    /// `ruleset`, as an index: what is done with its messages.
    pub ruleset: usize,
    /// `flowControl`: whether senders wait while the queue is full.
    pub delay: Delay,
    /// Where the configuration makes the listener: file and line.
    pub place: String,
}

impl Default for ListenerOptions {
    fn default() -> Self {
        ListenerOptions {
            port: 0,
            port_file: None,
            address: IpAddr::V6(Ipv6Addr::UNSPECIFIED),
            unix: UnixOptions::default(),
            udp: None,
            access: AccessOptions::default(),
            proxy_protocol: false,
            is_compressed: false,
            rate_limit: RateLimitOptions::default(),
            name: "imptcp".to_owned(),
            octet_counted_framing: true,
            delimiters: Delimiters::default(),
            frame_bytes_max: None,
            discards_truncated: false,
            backlog: 4096,
            max_sessions: None,
            keep_alive: KeepAliveOptions::default(),
            idle_timeout: None,
            notify_on_open: false,
            notify_on_close: false,
            preserve_case: true,
            ruleset: 0,
            delay: Delay::Delayable,
            place: String::new(),
        }
    }
}

impl ListenerOptions {
    /// The defaults of `input(type="imtcp")`, as rsyslog has them where they
    /// differ.
    pub fn imtcp() -> ListenerOptions {
        ListenerOptions {
            name: "imtcp".to_owned(),
            max_sessions: Some(200),
            ..ListenerOptions::default()
        }
    }

    /// The defaults of `input(type="imudp")`.
    pub fn imudp() -> ListenerOptions {
        ListenerOptions {
            name: "imudp".to_owned(),
            udp: Some(UdpOptions::default()),
            delay: Delay::NotDelayable,
            ..ListenerOptions::default()
        }
    }

    /// How its connections are framed; `base` has what holds for all listeners.
    pub fn framer(&self, base: &FramerOptions) -> FramerOptions {
        let oversize = match base.oversize {
            OversizeMode::Split if self.discards_truncated => OversizeMode::Truncate,
            mode => mode,
        };
        FramerOptions {
            octet_counted: self.octet_counted_framing,
            frame_bytes_max: self.frame_bytes_max.unwrap_or(base.frame_bytes_max),
            delimiters: self.delimiters.clone(),
            oversize,
            ..base.clone()
        }
    }
}
