//! `action()`: what all actions share, and omfile's own.

use super::Table;
use super::row::{Row, Take};
use crate::action::ActionOptions;
use crate::output::file::FileOptions;

type ActionRow = Row<ActionOptions>;
type FileRow = Row<FileOptions>;

/// What all actions share.
pub static ACTION: Table<ActionOptions> = Table {
    object: "action()",
    rows: &[
        ActionRow::new(
            "type",
            Take::ByObject("word"),
            "The output: omfile, or omdiscard, which forgets its messages (Splashdam's own, for measurements).",
        ),
        ActionRow::new(
            "name",
            Take::Text(|action, text| action.name = text.value.clone()),
            "Name of the action in messages and statistics; `action-N-omfile` if not set.",
        )
        .legacy_once(&["ActionName"])
        .default("action::ActionOptions"),
        ActionRow::new(
            "template",
            Take::ByObject("word"),
            "How a message is written: a template's name. In a selector line: `;name` behind the path.",
        )
        .legacy(&["ActionFileDefaultTemplate"]),
        ActionRow::new(
            "action.resumeRetryCount",
            Take::Whole(-1, i32::MAX as i64, |action, count| {
                action.resume_retry_count = u32::try_from(count).ok();
            }),
            "How often a failed batch is tried again after the retry at once; -1: for ever.",
        )
        .legacy_once(&["ActionResumeRetryCount"])
        .default("action::ActionOptions"),
        ActionRow::new(
            "action.resumeInterval",
            Take::Seconds(|action, time| action.resume_interval = time),
            "Time until the first of these; it grows from one to the next.",
        )
        .legacy(&["ActionResumeInterval"])
        .unit("s")
        .default("action::ActionOptions"),
        ActionRow::new(
            "action.resumeIntervalMax",
            Take::Seconds(|action, time| action.resume_interval_max = time),
            "The longest such time.",
        )
        .unit("s")
        .default("action::ActionOptions"),
        ActionRow::later(
            "action.execOnlyWhenPreviousIsSuspended",
            &["ActionExecOnlyWhenPreviousIsSuspended"],
        ),
        ActionRow::later(
            "action.execOnlyEveryNthTime",
            &["ActionExecOnlyEveryNthTime"],
        ),
        ActionRow::later(
            "action.execOnlyEveryNthTimeTimeout",
            &["ActionExecOnlyEveryNthTimeTimeout"],
        ),
        ActionRow::later(
            "action.execOnlyOnceEveryInterval",
            &["ActionExecOnlyOnceEveryInterval"],
        ),
        ActionRow::later(
            "action.repeatedMsgContainsOriginalMsg",
            &["RepeatedMsgContainsOriginalMsg"],
        ),
        ActionRow::later(
            "action.writeAllMarkMessages",
            &["ActionWriteAllMarkMessages"],
        ),
        ActionRow::later("action.copyMsg", &[]),
    ],
    rsyslog: &[
        "action.errorfile",
        "action.errorfile.maxsize",
        "action.externalstate.file",
        "action.reportSuspension",
        "action.reportSuspensionContinuation",
        "config.enabled",
    ],
};

/// omfile's own.
pub static FILE: Table<FileOptions> = Table {
    object: "action(type=\"omfile\")",
    rows: &[
        FileRow::new(
            "file",
            Take::ByObject("path"),
            "The file. In a selector line: the path, with a `-` before it that does not matter unless $ActionFileEnableSync is on.",
        ),
        FileRow::new(
            "createDirs",
            Take::Binary(|file, on| file.create_dirs = on),
            "Whether missing directories are made.",
        )
        .legacy(&["CreateDirs"])
        .default("output::file::FileOptions"),
        FileRow::new(
            "fileCreateMode",
            Take::Mode(|file, mode| file.file_create_mode = mode),
            "Mode of a new file, before the umask.",
        )
        .legacy(&["FileCreateMode"])
        .default("output::file::FileOptions"),
        FileRow::new(
            "dirCreateMode",
            Take::Mode(|file, mode| file.dir_create_mode = mode),
            "Mode of a new directory, before the umask.",
        )
        .legacy(&["DirCreateMode"])
        .default("output::file::FileOptions"),
        FileRow::new(
            "sync",
            Take::Binary(|file, on| file.sync = on),
            "Whether each write is on the disk before its messages count as delivered.",
        )
        .legacy(&["ActionFileEnableSync"])
        .default("output::file::FileOptions"),
        FileRow::later("dynaFile", &[]),
        FileRow::later("dynaFileCacheSize", &["DynaFileCacheSize"]),
        FileRow::later("fileOwner", &["FileOwner"]),
        FileRow::later("fileOwnerNum", &["FileOwnerNum"]),
        FileRow::later("fileGroup", &["FileGroup"]),
        FileRow::later("fileGroupNum", &["FileGroupNum"]),
        FileRow::later("dirOwner", &["DirOwner"]),
        FileRow::later("dirOwnerNum", &["DirOwnerNum"]),
        FileRow::later("dirGroup", &["DirGroup"]),
        FileRow::later("dirGroupNum", &["DirGroupNum"]),
        FileRow::later("failOnChownFailure", &["FailOnChownFailure"]),
        FileRow::later("ioBufferSize", &["OMFileIOBufferSize"]),
        FileRow::later("flushOnTXEnd", &["OMFileFlushOnTXEnd"]),
        FileRow::later("flushInterval", &["OMFileFlushInterval"]),
        FileRow::later("asyncWriting", &["OMFileAsyncWriting"]),
        FileRow::later("zipLevel", &["OMFileZipLevel"]),
    ],
    rsyslog: &[
        "dynafile.donotsuspend",
        "compression.driver",
        "compression.zstd.workers",
        "veryRobustZip",
        "followSymlinks",
        "closeTimeout",
        "rotation.sizeLimit",
        "rotation.sizeLimitCommand",
        "sig.provider",
        "cry.provider",
        "addLF",
    ],
};

/// The parameters of omfile that `module(load="builtin:omfile")` takes as
/// defaults for later actions.
pub const FILE_MODULE: &[&str] = &["template", "fileCreateMode", "dirCreateMode"];
