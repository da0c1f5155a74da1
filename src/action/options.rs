//! The parameters that all actions share, and their defaults.

use std::path::Path;
use std::time::Duration;

use crate::output::file::FileOptions;
use crate::queue::QueueOptions;

/// Parameters of one action.
#[derive(Clone, Debug, PartialEq)]
pub struct ActionOptions {
    /// `name`; `action-N-omfile` where none is given, N counted from 0.
    pub name: String,
    /// What it does with its messages.
    pub driver: DriverOptions,
    /// `template`: index into the configuration's templates.
    pub template: usize,
    /// `action.resumeRetryCount`; `None` is for ever.
    pub resume_retry_count: Option<u32>,
    /// `action.resumeInterval`.
    pub resume_interval: Duration,
    /// `action.resumeIntervalMax`.
    pub resume_interval_max: Duration,
    /// `queue.*`.
    pub queue: QueueOptions,
}

/// `type`.
#[derive(Clone, Debug, PartialEq)]
pub enum DriverOptions {
    /// `omfile`.
    File(FileOptions),
    /// `omdiscard`: delivered by forgetting it; for measurements.
    Discard,
}

impl ActionOptions {
    /// Defaults for an action with this driver: an omfile is retried for ever.
    pub fn new(name: String, driver: DriverOptions, template: usize) -> ActionOptions {
        let resume_retry_count = match driver {
            DriverOptions::File(_) => None,
            DriverOptions::Discard => Some(0),
        };
        ActionOptions {
            name,
            driver,
            template,
            resume_retry_count,
            resume_interval: Duration::from_secs(30),
            resume_interval_max: Duration::from_secs(1800),
            queue: QueueOptions::action(),
        }
    }

    /// The file that it writes, if it writes one.
    pub fn file(&self) -> Option<&Path> {
        match &self.driver {
            DriverOptions::File(options) => Some(&options.path),
            DriverOptions::Discard => None,
        }
    }
}
