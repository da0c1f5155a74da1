//! `global()`.

use std::path::PathBuf;
use std::time::Duration;

use super::queue::forever_below_zero;
use super::row::{Root, Row, Take};
use super::{Table, known};
use crate::config::{Globals, PinThreads};
use crate::frame::OversizeMode;
use crate::limits::{MESSAGE_BYTES_MAX, MESSAGE_BYTES_MIN, NAME_WAIT_MS_MAX};

type GlobalRow = Row<Globals>;

const PIN_THREADS: [PinThreads; 3] = [PinThreads::Auto, PinThreads::On, PinThreads::Off];

const OVERSIZE_MODES: [OversizeMode; 3] = [
    OversizeMode::Truncate,
    OversizeMode::Split,
    OversizeMode::Accept,
];
/// The last number of a user or group; the one behind it means none
/// (setresuid(2)).
const ID_MAX: i64 = u32::MAX as i64 - 1;

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
            "Longest message; `oversizemsg.input.mode` says what is done with longer ones.",
        )
        .legacy(&["MaxMessageSize"])
        .unit("bytes")
        .default("limits::MESSAGE_BYTES_DEFAULT"),
        GlobalRow::new(
            "oversizemsg.input.mode",
            Take::Word(&["truncate", "split", "accept"], &[], |globals, index| {
                globals.oversize_mode = OVERSIZE_MODES.get(index).copied().unwrap_or_default();
            }),
            "What is done with a message that is longer than maxMessageSize.",
        )
        .default("frame::OversizeMode"),
        GlobalRow::new(
            "oversizemsg.errorfile",
            Take::Path(|globals, path| globals.oversize_error_file = Some(path)),
            "File into which messages that are longer than maxMessageSize are written, one line of JSON each.",
        ),
        GlobalRow::new(
            "oversizemsg.report",
            Take::Binary(|globals, on| globals.oversize_report = on),
            "Whether it is told, once a minute for each listener, that messages are too long.",
        )
        .default("config::Globals"),
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
            Take::SocketPath(|globals, path| globals.admin_socket = Some(path)),
            "Unix socket of the admin interface; /run/splashdam.sock if not set. Splashdam's own.",
        )
        .default("daemon::admin::SOCKET_DEFAULT"),
        GlobalRow::new(
            "metricsListen",
            Take::Endpoint(|globals, endpoint| globals.metrics_listen = Some(endpoint)),
            "Address and port where metrics are read over HTTP; nowhere if not set. Splashdam's own.",
        ),
        GlobalRow::new(
            "halfOpenIdle",
            Take::Whole(0, i32::MAX as i64, |globals, seconds| {
                let seconds = u64::try_from(seconds).ok().filter(|seconds| *seconds > 0);
                globals.half_open_idle = seconds.map(Duration::from_secs);
            }),
            "Silence after which firewalls forget a connection, for the suspicion of half-open ones; 0: no suspicion. Splashdam's own.",
        )
        .unit("s")
        .default("config::Globals"),
        GlobalRow::new(
            "privdrop.user.name",
            Take::User(Root::Refused, |globals, user| globals.privileges.user = Some(user)),
            "User that the daemon becomes once its listeners are bound.",
        )
        .legacy(&["PrivDropToUser"]),
        GlobalRow::new(
            "privdrop.user.id",
            Take::Whole(1, ID_MAX, |globals, user| {
                globals.privileges.user = Some(user as u32);
            }),
            "The same by number.",
        )
        .legacy(&["PrivDropToUserID"]),
        GlobalRow::new(
            "privdrop.group.name",
            Take::Group(Root::Refused, |globals, group| globals.privileges.group = Some(group)),
            "Group that it becomes; the user's primary group if only a user is set.",
        )
        .legacy(&["PrivDropToGroup"]),
        GlobalRow::new(
            "privdrop.group.id",
            Take::Whole(1, ID_MAX, |globals, group| {
                globals.privileges.group = Some(group as u32);
            }),
            "The same by number.",
        )
        .legacy(&["PrivDropToGroupID"]),
        GlobalRow::new(
            "privdrop.group.keepSupplemental",
            Take::Binary(|globals, keeps| globals.privileges.keep_supplemental = keeps),
            "Whether the supplementary groups it was started with stay.",
        ),
        GlobalRow::new(
            "default.ruleset.queue.timeoutShutdown",
            Take::Milliseconds(|globals, time| globals.ruleset_queues.shutdown = Some(time)),
            "queue.timeoutShutdown of queues in front of rules that do not set it.",
        )
        .unit("ms"),
        GlobalRow::new(
            "default.ruleset.queue.timeoutActionCompletion",
            Take::Milliseconds(|globals, time| globals.ruleset_queues.action_completion = Some(time)),
            "queue.timeoutActionCompletion of queues in front of rules that do not set it.",
        )
        .unit("ms"),
        GlobalRow::new(
            "default.ruleset.queue.timeoutEnqueue",
            Take::Milliseconds(|globals, time| globals.ruleset_queues.enqueue = Some(time)),
            "queue.timeoutEnqueue of queues in front of rules that do not set it.",
        )
        .unit("ms"),
        GlobalRow::new(
            "default.ruleset.queue.timeoutWorkerThreadShutdown",
            Take::Whole(-1, i32::MAX as i64, |globals, millis| {
                globals.ruleset_queues.worker_thread_shutdown = Some(forever_below_zero(millis));
            }),
            "queue.timeoutWorkerThreadShutdown of queues in front of rules that do not set it.",
        )
        .unit("ms"),
        GlobalRow::new(
            "default.action.queue.timeoutShutdown",
            Take::Milliseconds(|globals, time| globals.action_queues.shutdown = Some(time)),
            "queue.timeoutShutdown of actions' queues that do not set it.",
        )
        .unit("ms"),
        GlobalRow::new(
            "default.action.queue.timeoutActionCompletion",
            Take::Milliseconds(|globals, time| globals.action_queues.action_completion = Some(time)),
            "queue.timeoutActionCompletion of actions' queues that do not set it.",
        )
        .unit("ms"),
        GlobalRow::new(
            "default.action.queue.timeoutEnqueue",
            Take::Milliseconds(|globals, time| globals.action_queues.enqueue = Some(time)),
            "queue.timeoutEnqueue of actions' queues that do not set it.",
        )
        .unit("ms"),
        GlobalRow::new(
            "default.action.queue.timeoutWorkerThreadShutdown",
            Take::Whole(-1, i32::MAX as i64, |globals, millis| {
                globals.action_queues.worker_thread_shutdown = Some(forever_below_zero(millis));
            }),
            "queue.timeoutWorkerThreadShutdown of actions' queues that do not set it.",
        )
        .unit("ms"),
        GlobalRow::later("unsupported", &[]),
    ],
    rsyslog: known::RSYSLOG_GLOBALS,
};
