//! The parameters of a TCP listener, for the tables of the modules that have
//! listeners. A module adds its directives.

use std::time::Duration;

use super::module::set_above_0;
use super::row::{Root, Row, Take};
use crate::limits::FRAME_BYTES_MAX;
use crate::message::Delay;
use crate::receive::{ListenerOptions, PROBES_MAX, SECONDS_MAX};

type ListenerRow = Row<ListenerOptions>;

pub const TYPE: ListenerRow =
    ListenerRow::new("type", Take::ByObject("word"), "The input's module.");

pub const PORT: ListenerRow = ListenerRow::new(
    "port",
    Take::Whole(0, 65535, |listener, port| {
        listener.port = u16::try_from(port).unwrap_or_default();
    }),
    "Port; 0 lets the kernel choose. The directive makes the listener, with what stands before it.",
);

pub const ADDRESS: ListenerRow = ListenerRow::new(
    "address",
    Take::Address(|listener, address| listener.address = address),
    "Address to listen on; all of the host's if not set.",
)
.default("receive::ListenerOptions");

pub const NAME: ListenerRow = ListenerRow::new(
    "name",
    Take::Text(|listener, text| listener.name = text.value.clone()),
    "The `inputname` of its messages.",
)
.default("receive::ListenerOptions");

pub const LISTEN_PORT_FILE_NAME: ListenerRow = ListenerRow::new(
    "listenPortFileName",
    Take::Path(|listener, path| listener.port_file = Some(path)),
    "File into which the port is written; for port 0.",
);

pub const SUPPORT_OCTET_COUNTED_FRAMING: ListenerRow = ListenerRow::new(
    "supportOctetCountedFraming",
    Take::Binary(|listener, on| listener.octet_counted_framing = on),
    "Whether frames may begin with their length (RFC 6587 section 3.4.1).",
)
.default("receive::ListenerOptions");

pub const MAX_FRAME_SIZE: ListenerRow = ListenerRow::new(
    "maxFrameSize",
    Take::Whole(1, FRAME_BYTES_MAX as i64, |listener, bytes| {
        listener.frame_bytes_max = usize::try_from(bytes).ok();
    }),
    "Largest octet count; a frame with a larger one is text that ends with a delimiter.",
)
.unit("bytes")
.default("frame::FramerOptions");

pub const ADDTL_FRAME_DELIMITER: ListenerRow = ListenerRow::new(
    "addtlFrameDelimiter",
    Take::Whole(-1, 255, |listener, byte| {
        listener.delimiters.additional = u8::try_from(byte).ok();
    }),
    "A byte that ends a frame as a line feed does; -1: none.",
)
.default("frame::Delimiters");

pub const MULTI_LINE: ListenerRow = ListenerRow::new(
    "multiLine",
    Take::Binary(|listener, on| listener.delimiters.is_multi_line = on),
    "Whether a delimiter ends a frame only where `<` follows it.",
)
.default("frame::Delimiters");

pub const FRAMING_DELIMITER_REGEX: ListenerRow = ListenerRow::new(
    "framing.delimiter.regex",
    Take::LineStart(|listener, start| listener.delimiters.line_start = Some(start)),
    "A message begins with a line that this matches, and there only.",
)
.default("frame::Delimiters");

pub const FRAMINGFIX_CISCO_ASA: ListenerRow = ListenerRow::new(
    "framingfix.cisco.asa",
    Take::Binary(|listener, on| listener.delimiters.skips_spaces = on),
    "Whether spaces in front of a frame are none of it.",
)
.default("frame::Delimiters");

pub const DISCARD_TRUNCATED_MSG: ListenerRow = ListenerRow::new(
    "discardTruncatedMsg",
    Take::Binary(|listener, on| listener.discards_truncated = on),
    "Whether the rest of a message that is too long is dropped where oversizemsg.input.mode is split.",
)
.default("receive::ListenerOptions");

pub const SOCKET_BACKLOG: ListenerRow = ListenerRow::new(
    "socketBacklog",
    Take::Whole(1, 65535, |listener, connections| {
        listener.backlog = i32::try_from(connections).unwrap_or(i32::MAX);
    }),
    "Connections that wait to be accepted; the kernel's net.core.somaxconn caps it.",
)
.unit("connections")
.default("receive::ListenerOptions");

pub const KEEP_ALIVE: ListenerRow = ListenerRow::new(
    "keepAlive",
    Take::Binary(|listener, on| listener.keep_alive.is_on = Some(on)),
    "Whether the kernel probes idle connections and closes dead ones; on if not set.",
);

pub const KEEP_ALIVE_TIME: ListenerRow = ListenerRow::new(
    "keepAlive.time",
    Take::Whole(0, SECONDS_MAX as i64, |listener, seconds| {
        listener.keep_alive.time_s = set_above_0(seconds);
    }),
    "Silence before the first probe; the kernel's tcp_keepalive_time if 0 or not set.",
)
.unit("s");

pub const KEEP_ALIVE_INTERVAL: ListenerRow = ListenerRow::new(
    "keepAlive.interval",
    Take::Whole(0, SECONDS_MAX as i64, |listener, seconds| {
        listener.keep_alive.interval_s = set_above_0(seconds);
    }),
    "Time between probes; the kernel's tcp_keepalive_intvl if 0 or not set.",
)
.unit("s");

pub const KEEP_ALIVE_PROBES: ListenerRow = ListenerRow::new(
    "keepAlive.probes",
    Take::Whole(0, PROBES_MAX as i64, |listener, probes| {
        listener.keep_alive.probes = set_above_0(probes);
    }),
    "Probes without an answer after which a peer is dead; the kernel's tcp_keepalive_probes if 0 or not set.",
);

pub const TCP_USER_TIMEOUT: ListenerRow = ListenerRow::new(
    "tcp_user_timeout",
    Take::Milliseconds(|listener, time| {
        listener.keep_alive.user_timeout = (!time.is_zero()).then_some(time);
    }),
    "Time after which what a peer does not acknowledge, probes included, ends its connection; 0: none. With it `keepAlive.probes` has no effect (tcp(7)).",
)
.unit("ms");

pub const IDLE_TIMEOUT: ListenerRow = ListenerRow::new(
    "idleTimeout",
    Take::Whole(0, i32::MAX as i64, |listener, seconds| {
        let seconds = set_above_0(seconds);
        listener.idle_timeout = seconds.map(|seconds| Duration::from_secs(seconds.into()));
    }),
    "Time without a byte after which a connection is closed; 0 or not set: none.",
)
.unit("s");

pub const NOTIFY_ON_CONNECTION_CLOSE: ListenerRow = ListenerRow::new(
    "notifyOnConnectionClose",
    Take::Binary(|listener, on| listener.notify_on_close = on),
    "Whether the end of each connection is a message, with peer, reason, age and counts.",
)
.default("receive::ListenerOptions");

pub const NOTIFY_ON_CONNECTION_OPEN: ListenerRow = ListenerRow::new(
    "notifyOnConnectionOpen",
    Take::Binary(|listener, on| listener.notify_on_open = on),
    "Whether the begin of each connection is a message.",
)
.default("receive::ListenerOptions");

pub const MAX_SESSIONS: ListenerRow = ListenerRow::new(
    "maxSessions",
    Take::Whole(0, i32::MAX as i64, |listener, connections| {
        listener.max_sessions = set_above_0(connections);
    }),
    "Connections at a time; more are refused at once. 0: any number.",
)
.unit("connections")
.default("receive::ListenerOptions");

pub const PATH: ListenerRow = ListenerRow::new(
    "path",
    Take::SocketPath(|listener, path| listener.unix.path = Some(path)),
    "A unix stream socket to listen on, instead of a port.",
);

pub const UNLINK: ListenerRow = ListenerRow::new(
    "unlink",
    Take::Binary(|listener, on| listener.unix.unlink = on),
    "Whether a socket that is at `path` is removed first; what is no socket never is.",
)
.default("receive::UnixOptions");

pub const FILE_CREATE_MODE: ListenerRow = ListenerRow::new(
    "fileCreateMode",
    Take::Mode(|listener, mode| listener.unix.mode = mode),
    "Mode of the socket's file, whatever the umask is; who may write may connect.",
)
.default("receive::UnixOptions");

pub const FILE_OWNER: ListenerRow = ListenerRow::new(
    "fileOwner",
    Take::User(Root::Allowed, |listener, number| {
        listener.unix.owner = Some(number);
    }),
    "Owner of the socket's file, by name.",
);

pub const FILE_OWNER_NUM: ListenerRow = ListenerRow::new(
    "fileOwnerNum",
    Take::Whole(0, u32::MAX as i64 - 1, |listener, number| {
        listener.unix.owner = u32::try_from(number).ok();
    }),
    "The same by number.",
);

pub const FILE_GROUP: ListenerRow = ListenerRow::new(
    "fileGroup",
    Take::Group(Root::Allowed, |listener, number| {
        listener.unix.group = Some(number);
    }),
    "Group of the socket's file, by name.",
);

pub const FILE_GROUP_NUM: ListenerRow = ListenerRow::new(
    "fileGroupNum",
    Take::Whole(0, u32::MAX as i64 - 1, |listener, number| {
        listener.unix.group = u32::try_from(number).ok();
    }),
    "The same by number.",
);

pub const FAIL_ON_CHOWN_FAILURE: ListenerRow = ListenerRow::new(
    "failOnChownFailure",
    Take::Binary(|listener, on| listener.unix.must_have_owner = on),
    "Whether the start fails where owner or mode cannot be set.",
)
.default("receive::UnixOptions");

pub const FAIL_ON_PERMS: ListenerRow = ListenerRow::new(
    "failOnPerms",
    Take::Binary(|listener, on| listener.unix.must_have_owner = on),
    "The same under its other name.",
);

pub const ALLOW: ListenerRow = ListenerRow::new(
    "allow",
    Take::Networks(|listener, networks| listener.access.allow = networks.to_vec()),
    "Networks whose connections are taken; all if not set. Splashdam's own.",
);

pub const DENY: ListenerRow = ListenerRow::new(
    "deny",
    Take::Networks(|listener, networks| listener.access.deny = networks.to_vec()),
    "Networks whose connections are not taken, whatever `allow` says. Splashdam's own.",
);

pub const PROXY_PROTOCOL: ListenerRow = ListenerRow::new(
    "proxyProtocol",
    Take::Binary(|listener, on| listener.proxy_protocol = on),
    "Whether each connection begins with a proxy's header that says who sends. Splashdam's own.",
)
.default("receive::ListenerOptions");

pub const RATELIMIT_INTERVAL: ListenerRow = ListenerRow::new(
    "ratelimit.interval",
    Take::Whole(0, i32::MAX as i64, |listener, seconds| {
        listener.rate_limit.interval_s = set_above_0(seconds);
    }),
    "Time in which at most `ratelimit.burst` messages are taken; 0 or not set: no limit.",
)
.unit("s");

pub const RATELIMIT_BURST: ListenerRow = ListenerRow::new(
    "ratelimit.burst",
    Take::Whole(1, i32::MAX as i64, |listener, messages| {
        listener.rate_limit.burst = u32::try_from(messages).unwrap_or(u32::MAX);
    }),
    "Messages that are taken within the interval; more are discarded.",
)
.unit("messages")
.default("receive::RateLimitOptions");

pub const COMPRESSION_MODE: ListenerRow = ListenerRow::new(
    "compression.mode",
    Take::Word(&["none", "stream:always"], &[], |listener, index| {
        listener.is_compressed = index == 1;
    }),
    "Whether each connection is a zlib stream.",
)
.default("receive::ListenerOptions");

pub const RULESET: ListenerRow = ListenerRow::new(
    "ruleset",
    Take::ByObject("word"),
    "The ruleset that its messages go through; the default one if not set. It may be defined below.",
);

pub const FLOW_CONTROL: ListenerRow = ListenerRow::new(
    "flowControl",
    Take::Binary(|listener, on| {
        listener.delay = match on {
            true => Delay::Delayable,
            false => Delay::NotDelayable,
        };
    }),
    "Whether senders wait while the queue is full; else what it does not take within its \
     `queue.timeoutEnqueue` is discarded.",
)
.default("receive::ListenerOptions");

pub const DISABLE_LF_DELIMITER: ListenerRow = ListenerRow::new(
    "disableLFDelimiter",
    Take::Binary(|listener, on| listener.delimiters.line_feed_is_text = on),
    "Whether a line feed ends no frame, so that only `addtlFrameDelimiter` does.",
)
.default("frame::Delimiters");

pub const PRESERVE_CASE: ListenerRow = ListenerRow::new(
    "preserveCase",
    Take::Binary(|listener, on| listener.preserve_case = on),
    "Whether the names of senders keep their capitals.",
)
.default("receive::ListenerOptions");
