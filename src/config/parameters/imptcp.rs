//! `module(load="imptcp")` and `input(type="imptcp")`.

use super::Table;
use super::row::{Row, Take};
use crate::receive::ListenerOptions;

type ModuleRow = Row<ImptcpModule>;
type ListenerRow = Row<ListenerOptions>;

/// Parameters of the module imptcp.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImptcpModule {
    /// `threads`; one per core that is given to input if not set.
    pub reactors: Option<usize>,
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
        ModuleRow::later("processOnPoller", &[]),
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
            Take::Binary(|listener, on| listener.keep_alive = on),
            "Whether the kernel probes idle connections and closes dead ones.",
        )
        .legacy(&["InputPTCPServerKeepAlive"])
        .default("receive::ListenerOptions"),
        ListenerRow::later("path", &[]),
        ListenerRow::later("keepAlive.time", &["InputPTCPServerKeepAlive_time"]),
        ListenerRow::later("keepAlive.interval", &["InputPTCPServerKeepAlive_intvl"]),
        ListenerRow::later("keepAlive.probes", &["InputPTCPServerKeepAlive_probes"]),
        ListenerRow::later("tcp_user_timeout", &[]),
        ListenerRow::later("idleTimeout", &[]),
        ListenerRow::later(
            "notifyOnConnectionClose",
            &["InputPTCPServerNotifyOnConnectionClose"],
        ),
        ListenerRow::later("notifyOnConnectionOpen", &[]),
        ListenerRow::later(
            "addtlFrameDelimiter",
            &["InputPTCPServerAddtlFrameDelimiter"],
        ),
        ListenerRow::later("ruleset", &["InputPTCPServerBindRuleset"]),
        ListenerRow::later("processOnPoller", &[]),
    ],
    rsyslog: &[
        "framing.delimiter.regex",
        "multiLine",
        "framingfix.cisco.asa",
        "flowControl",
        "maxFrameSize",
        "discardTruncatedMsg",
        "defaultTZ",
        "ratelimit.interval",
        "ratelimit.burst",
        "ratelimit.name",
        "compression.mode",
        "maxSessions",
        "unlink",
        "fileOwner",
        "fileOwnerNum",
        "fileGroup",
        "fileGroupNum",
        "fileCreateMode",
        "failOnChownFailure",
        "failOnPerms",
    ],
};
