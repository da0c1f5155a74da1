//! `module(load="imptcp")` and `input(type="imptcp")`.

use super::module::{LOAD, MAX_SESSIONS_TOTAL, ModuleParameters, THREADS};
use super::row::{Row, Take};
use super::{Table, listener};
use crate::receive::ListenerOptions;

/// imptcp, whose parameters are those of the listener as it is.
pub static IMPTCP: ModuleParameters = ModuleParameters {
    name: "imptcp",
    own: Table {
        object: "module(load=\"imptcp\")",
        rows: &[
            LOAD,
            THREADS.legacy(&["InputPTCPServerHelperThreads"]),
            MAX_SESSIONS_TOTAL,
            Row::new(
                "processOnPoller",
                Take::NoEffect,
                "Whether the thread that polls works on what it finds; there is no such thread.",
            ),
        ],
        rsyslog: &[],
    },
    inherited: Table {
        object: "module(load=\"imptcp\")",
        rows: &[listener::MAX_SESSIONS],
        rsyslog: &[],
    },
    input: Table {
        object: "input(type=\"imptcp\")",
        rows: &[
            listener::TYPE,
            listener::PORT.legacy(&["InputPTCPServerRun"]),
            listener::ADDRESS.legacy(&["InputPTCPServerListenIP"]),
            listener::NAME.legacy(&["InputPTCPServerInputName"]),
            listener::LISTEN_PORT_FILE_NAME,
            listener::SUPPORT_OCTET_COUNTED_FRAMING
                .legacy(&["InputPTCPServerSupportOctetCountedFraming"]),
            listener::MAX_FRAME_SIZE,
            listener::ADDTL_FRAME_DELIMITER.legacy(&["InputPTCPServerAddtlFrameDelimiter"]),
            listener::MULTI_LINE,
            listener::FRAMING_DELIMITER_REGEX,
            listener::FRAMINGFIX_CISCO_ASA,
            listener::DISCARD_TRUNCATED_MSG,
            listener::SOCKET_BACKLOG,
            listener::KEEP_ALIVE.legacy(&["InputPTCPServerKeepAlive"]),
            listener::KEEP_ALIVE_TIME.legacy(&["InputPTCPServerKeepAlive_time"]),
            listener::KEEP_ALIVE_INTERVAL.legacy(&["InputPTCPServerKeepAlive_intvl"]),
            listener::KEEP_ALIVE_PROBES.legacy(&["InputPTCPServerKeepAlive_probes"]),
            listener::TCP_USER_TIMEOUT,
            listener::IDLE_TIMEOUT,
            listener::NOTIFY_ON_CONNECTION_CLOSE
                .legacy(&["InputPTCPServerNotifyOnConnectionClose"]),
            listener::NOTIFY_ON_CONNECTION_OPEN,
            listener::MAX_SESSIONS,
            listener::PATH,
            listener::UNLINK,
            listener::FILE_CREATE_MODE,
            listener::FILE_OWNER,
            listener::FILE_OWNER_NUM,
            listener::FILE_GROUP,
            listener::FILE_GROUP_NUM,
            listener::FAIL_ON_CHOWN_FAILURE,
            listener::FAIL_ON_PERMS,
            listener::ALLOW,
            listener::DENY,
            listener::PROXY_PROTOCOL,
            listener::RATELIMIT_INTERVAL,
            listener::RATELIMIT_BURST,
            listener::COMPRESSION_MODE,
            listener::FLOW_CONTROL,
            listener::RULESET.legacy(&["InputPTCPServerBindRuleset"]),
            Row::new("processOnPoller", Take::NoEffect, "As the module's."),
        ],
        rsyslog: &["defaultTZ", "ratelimit.name"],
    },
    beside_module: None,
    defaults: ListenerOptions::default,
};
