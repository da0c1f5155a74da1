//! `module(load="imptcp")` and `input(type="imptcp")`.

use std::time::Duration;

use super::Table;
use super::row::{Root, Row, Take};
use crate::limits::FRAME_BYTES_MAX;
use crate::receive::{ListenerOptions, PROBES_MAX, SECONDS_MAX};

type ModuleRow = Row<ImptcpModule>;
type ListenerRow = Row<ListenerOptions>;

/// Parameters of the module imptcp.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImptcpModule {
    /// `threads`; one per core that is given to input if not set.
    pub reactors: Option<usize>,
    /// `maxSessionsTotal`.
    pub sessions_max: Option<u32>,
}

/// A value of which 0 says the same as none.
fn set_above_0(value: i64) -> Option<u32> {
    u32::try_from(value).ok().filter(|value| *value > 0)
}

/// `module(load="imptcp")`.
pub static MODULE: Table<ImptcpModule> = Table {
    object: "module(load=\"imptcp\")",
    rows: &[
        ModuleRow::new("load", Take::ByObject("word"), "The module's name.").legacy(&["ModLoad"]),
        ModuleRow::new(
            "threads",
            Take::Whole(1, 1024, |module, count| {
                module.reactors = usize::try_from(count).ok();
            }),
            "Threads that receive; one per core that is given to input if not set.",
        )
        .legacy(&["InputPTCPServerHelperThreads"]),
        ModuleRow::new(
            "maxSessionsTotal",
            Take::Whole(0, i32::MAX as i64, |module, connections| {
                module.sessions_max = set_above_0(connections);
            }),
            "Connections of all listeners together at a time; more are refused at once. 0 or not set: any number. Splashdam's own.",
        )
        .unit("connections"),
        ModuleRow::new(
            "processOnPoller",
            Take::NoEffect,
            "Whether the thread that polls works on what it finds; there is no such thread.",
        ),
    ],
    rsyslog: &[],
};

/// `input(type="imptcp")`.
pub static LISTENER: Table<ListenerOptions> = Table {
    object: "input(type=\"imptcp\")",
    rows: &[
        ListenerRow::new("type", Take::ByObject("word"), "The input's module."),
        ListenerRow::new(
            "port",
            Take::Whole(0, 65535, |listener, port| {
                listener.port = u16::try_from(port).unwrap_or_default();
            }),
            "Port; 0 lets the kernel choose. The directive makes the listener, with what stands before it.",
        )
        .legacy(&["InputPTCPServerRun"]),
        ListenerRow::new(
            "address",
            Take::Address(|listener, address| listener.address = address),
            "Address to listen on; all of the host's if not set.",
        )
        .legacy(&["InputPTCPServerListenIP"])
        .default("receive::ListenerOptions"),
        ListenerRow::new(
            "name",
            Take::Text(|listener, text| listener.name = text.value.clone()),
            "The `inputname` of its messages.",
        )
        .legacy(&["InputPTCPServerInputName"])
        .default("receive::ListenerOptions"),
        ListenerRow::new(
            "listenPortFileName",
            Take::Path(|listener, path| listener.port_file = Some(path)),
            "File into which the port is written; for port 0.",
        ),
        ListenerRow::new(
            "supportOctetCountedFraming",
            Take::Binary(|listener, on| listener.octet_counted_framing = on),
            "Whether frames may begin with their length (RFC 6587 section 3.4.1).",
        )
        .legacy(&["InputPTCPServerSupportOctetCountedFraming"])
        .default("receive::ListenerOptions"),
        ListenerRow::new(
            "maxFrameSize",
            Take::Whole(1, FRAME_BYTES_MAX as i64, |listener, bytes| {
                listener.frame_bytes_max = usize::try_from(bytes).ok();
            }),
            "Largest octet count; a frame with a larger one is text that ends with a delimiter.",
        )
        .unit("bytes")
        .default("frame::FramerOptions"),
        ListenerRow::new(
            "addtlFrameDelimiter",
            Take::Whole(-1, 255, |listener, byte| {
                listener.delimiters.additional = u8::try_from(byte).ok();
            }),
            "A byte that ends a frame as a line feed does; -1: none.",
        )
        .legacy(&["InputPTCPServerAddtlFrameDelimiter"])
        .default("frame::Delimiters"),
        ListenerRow::new(
            "multiLine",
            Take::Binary(|listener, on| listener.delimiters.is_multi_line = on),
            "Whether a delimiter ends a frame only where `<` follows it.",
        )
        .default("frame::Delimiters"),
        ListenerRow::new(
            "framing.delimiter.regex",
            Take::LineStart(|listener, start| listener.delimiters.line_start = Some(start)),
            "A message begins with a line that this matches, and there only.",
        )
        .default("frame::Delimiters"),
        ListenerRow::new(
            "framingfix.cisco.asa",
            Take::Binary(|listener, on| listener.delimiters.skips_spaces = on),
            "Whether spaces in front of a frame are none of it.",
        )
        .default("frame::Delimiters"),
        ListenerRow::new(
            "discardTruncatedMsg",
            Take::Binary(|listener, on| listener.discards_truncated = on),
            "Whether the rest of a message that is too long is dropped where oversizemsg.input.mode is split.",
        )
        .default("receive::ListenerOptions"),
        ListenerRow::new(
            "socketBacklog",
            Take::Whole(1, 65535, |listener, connections| {
                listener.backlog = i32::try_from(connections).unwrap_or(i32::MAX);
            }),
            "Connections that wait to be accepted; the kernel's net.core.somaxconn caps it.",
        )
        .unit("connections")
        .default("receive::ListenerOptions"),
        ListenerRow::new(
            "keepAlive",
            Take::Binary(|listener, on| listener.keep_alive.is_on = Some(on)),
            "Whether the kernel probes idle connections and closes dead ones; on if not set.",
        )
        .legacy(&["InputPTCPServerKeepAlive"]),
        ListenerRow::new(
            "keepAlive.time",
            Take::Whole(0, SECONDS_MAX as i64, |listener, seconds| {
                listener.keep_alive.time_s = set_above_0(seconds);
            }),
            "Silence before the first probe; the kernel's tcp_keepalive_time if 0 or not set.",
        )
        .legacy(&["InputPTCPServerKeepAlive_time"])
        .unit("s"),
        ListenerRow::new(
            "keepAlive.interval",
            Take::Whole(0, SECONDS_MAX as i64, |listener, seconds| {
                listener.keep_alive.interval_s = set_above_0(seconds);
            }),
            "Time between probes; the kernel's tcp_keepalive_intvl if 0 or not set.",
        )
        .legacy(&["InputPTCPServerKeepAlive_intvl"])
        .unit("s"),
        ListenerRow::new(
            "keepAlive.probes",
            Take::Whole(0, PROBES_MAX as i64, |listener, probes| {
                listener.keep_alive.probes = set_above_0(probes);
            }),
            "Probes without an answer after which a peer is dead; the kernel's tcp_keepalive_probes if 0 or not set.",
        )
        .legacy(&["InputPTCPServerKeepAlive_probes"]),
        ListenerRow::new(
            "tcp_user_timeout",
            Take::Milliseconds(|listener, time| {
                listener.keep_alive.user_timeout = (!time.is_zero()).then_some(time);
            }),
            "Time after which what a peer does not acknowledge, probes included, ends its connection; 0: none. With it `keepAlive.probes` has no effect (tcp(7)).",
        )
        .unit("ms"),
        ListenerRow::new(
            "idleTimeout",
            Take::Whole(0, i32::MAX as i64, |listener, seconds| {
                let seconds = set_above_0(seconds);
                listener.idle_timeout = seconds.map(|seconds| Duration::from_secs(seconds.into()));
            }),
            "Time without a byte after which a connection is closed; 0 or not set: none.",
        )
        .unit("s"),
        ListenerRow::new(
            "notifyOnConnectionClose",
            Take::Binary(|listener, on| listener.notify_on_close = on),
            "Whether the end of each connection is a message, with peer, reason, age and counts.",
        )
        .legacy(&["InputPTCPServerNotifyOnConnectionClose"])
        .default("receive::ListenerOptions"),
        ListenerRow::new(
            "notifyOnConnectionOpen",
            Take::Binary(|listener, on| listener.notify_on_open = on),
            "Whether the begin of each connection is a message.",
        )
        .default("receive::ListenerOptions"),
        ListenerRow::new(
            "maxSessions",
            Take::Whole(0, i32::MAX as i64, |listener, connections| {
                listener.max_sessions = set_above_0(connections);
            }),
            "Connections at a time; more are refused at once. 0 or not set: any number.",
        )
        .unit("connections"),
        ListenerRow::new(
            "path",
            Take::Path(|listener, path| listener.unix.path = Some(path)),
            "A unix stream socket to listen on, instead of a port.",
        ),
        ListenerRow::new(
            "unlink",
            Take::Binary(|listener, on| listener.unix.unlink = on),
            "Whether a socket that is at `path` is removed first; what is no socket never is.",
        )
        .default("receive::UnixOptions"),
        ListenerRow::new(
            "fileCreateMode",
            Take::Mode(|listener, mode| listener.unix.mode = mode),
            "Mode of the socket's file, whatever the umask is; who may write may connect.",
        )
        .default("receive::UnixOptions"),
        ListenerRow::new(
            "fileOwner",
            Take::User(Root::Allowed, |listener, number| {
                listener.unix.owner = Some(number);
            }),
            "Owner of the socket's file, by name.",
        ),
        ListenerRow::new(
            "fileOwnerNum",
            Take::Whole(0, u32::MAX as i64 - 1, |listener, number| {
                listener.unix.owner = u32::try_from(number).ok();
            }),
            "The same by number.",
        ),
        ListenerRow::new(
            "fileGroup",
            Take::Group(Root::Allowed, |listener, number| {
                listener.unix.group = Some(number);
            }),
            "Group of the socket's file, by name.",
        ),
        ListenerRow::new(
            "fileGroupNum",
            Take::Whole(0, u32::MAX as i64 - 1, |listener, number| {
                listener.unix.group = u32::try_from(number).ok();
            }),
            "The same by number.",
        ),
        ListenerRow::new(
            "failOnChownFailure",
            Take::Binary(|listener, on| listener.unix.must_have_owner = on),
            "Whether the start fails where owner or mode cannot be set.",
        )
        .default("receive::UnixOptions"),
        ListenerRow::new(
            "failOnPerms",
            Take::Binary(|listener, on| listener.unix.must_have_owner = on),
            "The same under its other name.",
        ),
        ListenerRow::new(
            "allow",
            Take::Networks(|listener, networks| listener.access.allow = networks.to_vec()),
            "Networks whose connections are taken; all if not set. Splashdam's own.",
        ),
        ListenerRow::new(
            "deny",
            Take::Networks(|listener, networks| listener.access.deny = networks.to_vec()),
            "Networks whose connections are not taken, whatever `allow` says. Splashdam's own.",
        ),
        ListenerRow::new(
            "proxyProtocol",
            Take::Binary(|listener, on| listener.proxy_protocol = on),
            "Whether each connection begins with a proxy's header that says who sends. Splashdam's own.",
        )
        .default("receive::ListenerOptions"),
        ListenerRow::new(
            "ratelimit.interval",
            Take::Whole(0, i32::MAX as i64, |listener, seconds| {
                listener.rate_limit.interval_s = set_above_0(seconds);
            }),
            "Time in which at most `ratelimit.burst` messages are taken; 0 or not set: no limit.",
        )
        .unit("s"),
        ListenerRow::new(
            "ratelimit.burst",
            Take::Whole(1, i32::MAX as i64, |listener, messages| {
                listener.rate_limit.burst = u32::try_from(messages).unwrap_or(u32::MAX);
            }),
            "Messages that are taken within the interval; more are discarded.",
        )
        .unit("messages")
        .default("receive::RateLimitOptions"),
        ListenerRow::new(
            "compression.mode",
            Take::Word(&["none", "stream:always"], &[], |listener, index| {
                listener.is_compressed = index == 1;
            }),
            "Whether each connection is a zlib stream.",
        )
        .default("receive::ListenerOptions"),
        ListenerRow::new(
            "ruleset",
            Take::ByObject("word"),
            "The ruleset that its messages go through; the default one if not set. It may be defined below.",
        )
        .legacy(&["InputPTCPServerBindRuleset"]),
        ListenerRow::new(
            "processOnPoller",
            Take::NoEffect,
            "As the module's.",
        ),
    ],
    rsyslog: &[
        "flowControl",
        "defaultTZ",
        "ratelimit.name",
    ],
};
