//! `global()`.

use std::path::PathBuf;

use super::row::{Row, Take};
use super::{Table, known};
use crate::config::{Globals, PinThreads};
use crate::limits::{MESSAGE_BYTES_MAX, MESSAGE_BYTES_MIN};

type GlobalRow = Row<Globals>;

const PIN_THREADS: [PinThreads; 3] = [PinThreads::Auto, PinThreads::On, PinThreads::Off];

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
            Take::OnlyOff,
            "Whether senders' names are looked up.",
        ),
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
        GlobalRow::new(
            "privdrop.user.name",
            Take::User(|globals, user| globals.privileges.user = Some(user)),
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
            Take::Group(|globals, group| globals.privileges.group = Some(group)),
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
        GlobalRow::later("unsupported", &[]),
    ],
    rsyslog: known::RSYSLOG_GLOBALS,
};
