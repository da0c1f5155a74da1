//! `module(load="imtcp")` and `input(type="imtcp")`: the listener of imptcp
//! without unix sockets, by rsyslog's older names for it.

use super::module::{LOAD, MAX_SESSIONS_TOTAL, ModuleParameters, THREADS};
use super::row::{Row, Take};
use super::{Table, listener};
use crate::receive::ListenerOptions;

/// Parameters that rsyslog has in module and input, and Splashdam in neither:
/// TLS and others.
const NOT_BUILT: &[&str] = &[
    "streamDriver.mode",
    "streamDriver.authMode",
    "streamDriver.permitExpiredCerts",
    "streamDriver.name",
    "streamDriver.checkExtendedKeyPurpose",
    "streamDriver.prioritizeSAN",
    "streamDriver.tlsVerifyDepth",
    "streamDriver.tlsRevocationCheck",
    "streamDriver.CAFile",
    "streamDriver.CRLFile",
    "streamDriver.keyFile",
    "streamDriver.certFile",
    "permittedPeer",
    "gnutlsPriorityString",
    "allowedSender",
    "compression.driver",
    "compression.maxExpansionRatio",
    "compression.maxDecompressedBytesPerReceive",
    "compression.maxTotalZstdWindowBytes",
    "networkNamespace",
    // Of inputs only.
    "defaultTZ",
    "ratelimit.name",
];

const fn max_listeners<T>(name: &'static str) -> Row<T> {
    let doc = "How many sockets listen; there are as many as there are inputs.";
    Row::new(name, Take::NoEffectNumber, doc)
}

const fn max_reads<T>() -> Row<T> {
    Row::new(
        "starvationProtection.maxReads",
        Take::NoEffectNumber,
        "How long one connection may keep the others waiting; the daemon sees to that.",
    )
}

/// imtcp.
pub static IMTCP: ModuleParameters = ModuleParameters {
    name: "imtcp",
    own: Table {
        object: "module(load=\"imtcp\")",
        rows: &[
            LOAD,
            Row {
                name: "workerThreads",
                ..THREADS
            },
            MAX_SESSIONS_TOTAL,
            max_listeners("maxListeners"),
            max_listeners("maxListners"),
            max_reads(),
        ],
        rsyslog: &[],
    },
    inherited: Table {
        object: "module(load=\"imtcp\")",
        rows: &[
            Row {
                name: "octetCountedFraming",
                ..listener::SUPPORT_OCTET_COUNTED_FRAMING
            },
            listener::MAX_FRAME_SIZE,
            listener::ADDTL_FRAME_DELIMITER,
            listener::DISABLE_LF_DELIMITER,
            listener::DISCARD_TRUNCATED_MSG,
            listener::KEEP_ALIVE,
            listener::KEEP_ALIVE_TIME,
            listener::KEEP_ALIVE_INTERVAL,
            listener::KEEP_ALIVE_PROBES,
            listener::NOTIFY_ON_CONNECTION_CLOSE,
            listener::NOTIFY_ON_CONNECTION_OPEN,
            listener::MAX_SESSIONS,
            listener::COMPRESSION_MODE,
            listener::FLOW_CONTROL,
            listener::PRESERVE_CASE,
        ],
        rsyslog: NOT_BUILT,
    },
    input: Table {
        object: "input(type=\"imtcp\")",
        rows: &[
            listener::TYPE,
            listener::PORT.legacy(&["InputTCPServerRun"]),
            listener::ADDRESS,
            listener::NAME.legacy(&["InputTCPServerInputName"]),
            listener::LISTEN_PORT_FILE_NAME.legacy(&["InputTCPServerListenPortFile"]),
            listener::SUPPORT_OCTET_COUNTED_FRAMING
                .legacy(&["InputTCPServerSupportOctetCountedFraming"]),
            listener::MAX_FRAME_SIZE,
            listener::ADDTL_FRAME_DELIMITER.legacy(&["InputTCPServerAddtlFrameDelimiter"]),
            listener::DISABLE_LF_DELIMITER.legacy(&["InputTCPServerDisableLFDelimiter"]),
            listener::MULTI_LINE,
            listener::FRAMING_DELIMITER_REGEX,
            listener::FRAMINGFIX_CISCO_ASA,
            listener::DISCARD_TRUNCATED_MSG,
            listener::SOCKET_BACKLOG,
            listener::KEEP_ALIVE.legacy(&["InputTCPServerKeepAlive"]),
            listener::KEEP_ALIVE_TIME.legacy(&["InputTCPServerKeepAlive_time"]),
            listener::KEEP_ALIVE_INTERVAL.legacy(&["InputTCPServerKeepAlive_intvl"]),
            listener::KEEP_ALIVE_PROBES.legacy(&["InputTCPServerKeepAlive_probes"]),
            listener::TCP_USER_TIMEOUT,
            listener::IDLE_TIMEOUT,
            listener::NOTIFY_ON_CONNECTION_CLOSE.legacy(&["InputTCPServerNotifyOnConnectionClose"]),
            listener::NOTIFY_ON_CONNECTION_OPEN,
            listener::MAX_SESSIONS.legacy(&["InputTCPMaxSessions"]),
            listener::ALLOW,
            listener::DENY,
            listener::PROXY_PROTOCOL,
            listener::RATELIMIT_INTERVAL,
            listener::RATELIMIT_BURST,
            listener::COMPRESSION_MODE,
            listener::FLOW_CONTROL.legacy(&["InputTCPFlowControl"]),
            listener::PRESERVE_CASE.legacy(&["InputTCPServerPreserveCase"]),
            listener::RULESET.legacy(&["InputTCPServerBindRuleset"]),
            max_listeners("maxListeners").legacy(&["InputTCPMaxListeners"]),
            Row::new(
                "workerThreads",
                Take::NoEffectNumber,
                "Threads of this listener; its module's are those of all listeners.",
            ),
            max_reads(),
        ],
        rsyslog: NOT_BUILT,
    },
    beside_module: Some(&["name"]),
    defaults: ListenerOptions::imtcp,
};
