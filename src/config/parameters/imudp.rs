//! `module(load="imudp")` and `input(type="imudp")`: listeners for datagrams.

use super::module::{LOAD, ModuleParameters};
use super::row::{Row, Take};
use super::{Table, listener};
use crate::receive::{FreeBind, ListenerOptions, UdpOptions};

type ListenerRow = Row<ListenerOptions>;

/// What an imudp listener has beside what all have.
fn udp(listener: &mut ListenerOptions) -> &mut UdpOptions {
    listener.udp.get_or_insert_default()
}

const THREADS: ListenerRow = ListenerRow::new(
    "threads",
    Take::Whole(1, 32, |listener, count| {
        udp(listener).sockets = usize::try_from(count).unwrap_or(1);
    }),
    "Sockets of each listener, each received from by another thread; the kernel shares the senders among them (SO_REUSEPORT).",
)
.default("receive::UdpOptions");

const PORT: ListenerRow = ListenerRow::new(
    "port",
    Take::Ports(|listener, ports| udp(listener).ports = ports.to_vec()),
    "Ports, each of which makes a listener of its own; 0 lets the kernel choose. The directive makes the listener, with what stands before it.",
);

const NAME_APPEND_PORT: ListenerRow = ListenerRow::new(
    "name.appendPort",
    Take::Binary(|listener, on| udp(listener).appends_port = on),
    "Whether the port follows the name.",
)
.default("receive::UdpOptions");

const DEVICE: ListenerRow = ListenerRow::new(
    "device",
    Take::Name(|listener, name| udp(listener).device = Some(name.value.clone())),
    "Interface that is received from, no other; all if not set.",
);

const RCVBUF_SIZE: ListenerRow = ListenerRow::new(
    "rcvbufSize",
    Take::Size(1, (i32::MAX / 2) as u64, |listener, bytes| {
        udp(listener).receive_buffer_bytes = u32::try_from(bytes).ok();
    }),
    "Size of the kernel's receive buffer of each socket; its net.core.rmem_default if not set.",
)
.unit("bytes");

const IP_FREE_BIND: ListenerRow = ListenerRow::new(
    "ipFreeBind",
    Take::Whole(0, 2, |listener, number| {
        udp(listener).free_bind = match number {
            0 => FreeBind::Off,
            1 => FreeBind::Silent,
            _ => FreeBind::Told,
        };
    }),
    "Whether an address that the host does not have is bound to: 0: no, 1: yes, 2: yes, and it is told.",
)
.default("receive::UdpOptions");

/// imudp.
pub static IMUDP: ModuleParameters = ModuleParameters {
    name: "imudp",
    own: Table {
        object: "module(load=\"imudp\")",
        rows: &[
            LOAD,
            Row::new(
                "timeRequery",
                Take::NoEffectNumber,
                "How many datagrams may have one time of reception; those that come in one turn have one.",
            )
            .legacy(&["UDPServerTimeRequery"]),
            Row::new(
                "batchSize",
                Take::NoEffectNumber,
                "Datagrams that are received by one system call; as many as there are.",
            ),
        ],
        rsyslog: &["schedulingPolicy", "schedulingPriority"],
    },
    inherited: Table {
        object: "module(load=\"imudp\")",
        rows: &[THREADS, listener::PRESERVE_CASE],
        rsyslog: &[],
    },
    input: Table {
        object: "input(type=\"imudp\")",
        rows: &[
            listener::TYPE,
            PORT.legacy(&["UDPServerRun"]),
            listener::ADDRESS.legacy(&["UDPServerAddress"]),
            DEVICE,
            listener::NAME,
            NAME_APPEND_PORT,
            listener::RULESET.legacy(&["InputUDPServerBindRuleset"]),
            RCVBUF_SIZE,
            IP_FREE_BIND,
            listener::ALLOW,
            listener::DENY,
            listener::RATELIMIT_INTERVAL,
            listener::RATELIMIT_BURST,
        ],
        rsyslog: &["defaultTZ", "networkNamespace", "ratelimit.name"],
    },
    beside_module: None,
    defaults: ListenerOptions::imudp,
};
