//! From root to an ordinary user, between the opening of what root alone may
//! open and the start of the threads.

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::base::{PrivilegeOptions, account, privilege};

/// Whom the daemon is going to be.
pub struct Identity {
    user: Option<u32>,
    group: Option<u32>,
    keep_supplemental: bool,
}

impl Identity {
    /// As configured; none where nothing is.
    ///
    /// # Errors
    /// A user without an entry whose group is not set: rsyslog would stay in
    /// the group root then.
    pub fn of(options: &PrivilegeOptions) -> Result<Option<Identity>> {
        let PrivilegeOptions {
            user,
            group,
            keep_supplemental,
        } = *options;
        let group = match (user, group) {
            (None, None) => return Ok(None),
            (Some(user), None) => {
                let found = account::primary_group(user)
                    .with_context(|| format!("cannot look up the group of user {user}"))?;
                let Some(group) = found else {
                    bail!("user {user} has no entry, and so no group; set privdrop.group.id");
                };
                Some(group)
            }
            (_, group) => group,
        };
        Ok(Some(Identity {
            user,
            group,
            keep_supplemental,
        }))
    }

    /// Becomes it; the admin socket, only for its owner, goes with it. Called
    /// while there is one thread only: rings and threads that are made later
    /// have no other credentials. Returns what to tell.
    ///
    /// # Errors
    /// Those of lchown(2) and [`privilege::become_user`]; the start must fail
    /// then.
    pub fn assume(&self, admin_socket: Option<&Path>) -> Result<Vec<String>> {
        if let Some(path) = admin_socket {
            std::os::unix::fs::lchown(path, self.user, self.group).with_context(|| {
                format!(
                    "cannot drop privileges: the admin socket {} is another's",
                    path.display()
                )
            })?;
        }
        privilege::become_user(self.user, self.group, self.keep_supplemental)
            .context("cannot drop privileges")?;
        let group = self.group.map(|group| ("groupid", group));
        let user = self.user.map(|user| ("userid", user));
        // rsyslog's words, and its order.
        let told = group.into_iter().chain(user);
        Ok(told
            .map(|(what, id)| format!("splashdam's {what} changed to {id}"))
            .collect())
    }
}
