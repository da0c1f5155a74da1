//! `global()`.

use std::path::PathBuf;
use std::time::Duration;

use super::row::{Row, Take};
use super::{Table, known};
use crate::config::{Globals, PinThreads};
use crate::limits::{MESSAGE_BYTES_MAX, MESSAGE_BYTES_MIN, NAME_WAIT_MS_MAX};

type GlobalRow = Row<Globals>;

const PIN_THREADS: [PinThreads; 3] = [PinThreads::Auto, PinThreads::On, PinThreads::Off];

/// `global()`.
pub static GLOBAL: Table<Globals> = Table {
    object: "global()",
    rows: &[
        GlobalRow::new(
            "workDirectory",
            Take::Text(|globals, text| {
                globals.work_directory = PathBuf::from(&text.value);
                globals.work_directory_span = Some(text.span);
            }),
            "Where queues will keep their files; has no effect yet, and a warning says so.",
        )
        .legacy(&["WorkDirectory"])
        .default("config::Globals"),
        GlobalRow::new(
            "maxMessageSize",
            Take::Size(
                MESSAGE_BYTES_MIN as u64,
                MESSAGE_BYTES_MAX as u64,
                |globals, bytes| globals.max_message_size = bytes as usize,
            ),
            "Longest message; what is longer is truncated.",
        )
        .legacy(&["MaxMessageSize"])
        .unit("bytes")
        .default("limits::MESSAGE_BYTES_DEFAULT"),
        GlobalRow::new(
            "umask",
            Take::Mode(|globals, mode| globals.umask = Some(mode)),
            "The process's umask; that of its parent if not set.",
        )
        .legacy(&["Umask"]),
        GlobalRow::new(
            "net.enableDNS",
            Take::Binary(|globals, is_on| globals.names.is_on = is_on),
            "Whether senders' names are looked up.",
        )
        .default("names::NameOptions"),
        GlobalRow::new(
            "net.dnsTimeout",
            Take::Whole(0, NAME_WAIT_MS_MAX as i64, |globals, millis| {
                globals.names.timeout = Duration::from_millis(millis as u64);
            }),
            "How long a new connection waits for its sender's name at most; 0: not at all. Splashdam's own.",
        )
        .unit("ms")
        .default("names::NameOptions"),
        GlobalRow::new(
            "preserveFQDN",
            Take::Binary(|globals, is_on| globals.preserve_fqdn = is_on),
            "Whether this host's name in its own messages has its domain.",
        )
        .legacy(&["PreserveFQDN"]),
        GlobalRow::new(
            "localHostname",
            Take::Name(|globals, text| globals.local_hostname = Some(text.value.clone())),
            "Name of this host in its own messages; the kernel's if not set.",
        )
        .legacy(&["LocalHostName"]),
        GlobalRow::new(
            "pinThreads",
            Take::Word(&["auto", "on", "off"], &[], |globals, index| {
                globals.pin_threads = PIN_THREADS.get(index).copied().unwrap_or_default();
            }),
            "Whether threads keep to one core each; auto: where there are more cores than busy threads. Splashdam's own.",
        )
        .default("config::PinThreads"),
        GlobalRow::new(
            "adminSocket",
            Take::Path(|globals, path| globals.admin_socket = Some(path)),
            "Unix socket of the admin interface; /run/splashdam.sock if not set. Splashdam's own.",
        )
        .default("daemon::admin::SOCKET_DEFAULT"),
        GlobalRow::later("unsupported", &[]),
    ],
    rsyslog: known::RSYSLOG_GLOBALS,
};
