//! Giving up privileges for good (credentials(7), capabilities(7)).

use std::io;

use thiserror::Error;

/// Whom the daemon becomes once its listeners are bound.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PrivilegeOptions {
    /// `privdrop.user.name`, `privdrop.user.id`.
    pub user: Option<u32>,
    /// `privdrop.group.name`, `privdrop.group.id`; the user's primary group if
    /// only a user is set.
    pub group: Option<u32>,
    /// `privdrop.group.keepSupplemental`.
    pub keep_supplemental: bool,
}

/// Why privileges were not given up.
#[derive(Debug, Error)]
pub enum PrivilegeError {
    /// setgroups(2): EPERM without CAP_SETGID.
    #[error("cannot remove the supplementary groups")]
    Groups(#[source] io::Error),
    /// setresgid(2): EPERM without CAP_SETGID.
    #[error("cannot become group {0}")]
    Group(u32, #[source] io::Error),
    /// setresuid(2): EPERM without CAP_SETUID, EAGAIN beyond RLIMIT_NPROC.
    #[error("cannot become user {0}")]
    User(u32, #[source] io::Error),
    /// capset(2), prctl(2).
    #[error("cannot give up the capabilities")]
    Capabilities(#[source] io::Error),
    /// All calls succeeded, and yet something is as before.
    #[error("privileges are not gone: {0}")]
    NotGone(&'static str),
}

/// Becomes `user` and `group`, for good: real, effective and saved. First all
/// supplementary groups go unless `keep_supplemental`; with a user, all
/// capabilities go too. The result is verified.
///
/// The capabilities are those of the calling thread: it must be called before
/// other threads are started. (Users and groups are those of all threads.)
///
/// # Errors
/// Those of [`PrivilegeError`]. The process must end then: what it has become
/// so far is not defined.
pub fn become_user(
    user: Option<u32>,
    group: Option<u32>,
    keep_supplemental: bool,
) -> Result<(), PrivilegeError> {
    if let Some(group) = group {
        // A process that has no other groups may lack the right to say so.
        if !keep_supplemental && has_groups_but(group) {
            // SAFETY: an empty list is not read.
            check(unsafe { libc::setgroups(0, std::ptr::null()) })
                .map_err(PrivilegeError::Groups)?;
        }
        // SAFETY: takes no pointers.
        check(unsafe { libc::setresgid(group, group, group) })
            .map_err(|error| PrivilegeError::Group(group, error))?;
    }
    if let Some(user) = user {
        // SAFETY: takes no pointers.
        check(unsafe { libc::setresuid(user, user, user) })
            .map_err(|error| PrivilegeError::User(user, error))?;
        // A process that was that user already, or was told to keep them
        // (securebits), has them still.
        clear_capabilities().map_err(PrivilegeError::Capabilities)?;
    }
    verify(user, group, keep_supplemental).map_err(PrivilegeError::NotGone)
}

fn verify(
    user: Option<u32>,
    group: Option<u32>,
    keep_supplemental: bool,
) -> Result<(), &'static str> {
    let mut ids = [0; 3];
    let [real, effective, saved] = &mut ids;
    if let Some(group) = group {
        // SAFETY: three writable numbers.
        unsafe { libc::getresgid(real, effective, saved) };
        if [*real, *effective, *saved] != [group; 3] {
            return Err("a group of the process is another one");
        }
        if !keep_supplemental && has_groups_but(group) {
            return Err("it has supplementary groups");
        }
    }
    if let Some(user) = user {
        // SAFETY: three writable numbers.
        unsafe { libc::getresuid(real, effective, saved) };
        if [*real, *effective, *saved] != [user; 3] {
            return Err("a user of the process is another one");
        }
        if has_capabilities() {
            return Err("it has capabilities");
        }
        // SAFETY: takes no pointers.
        if user != 0 && unsafe { libc::setresuid(0, 0, 0) } == 0 {
            return Err("it can become root again");
        }
        // SAFETY: takes no pointers.
        if group.is_some_and(|group| group != 0) && unsafe { libc::setresgid(0, 0, 0) } == 0 {
            return Err("it can become group root again");
        }
    }
    Ok(())
}

/// Whether the process has supplementary groups other than `group`.
fn has_groups_but(group: u32) -> bool {
    // SAFETY: a list of length 0 is not written; the call only counts.
    let count = unsafe { libc::getgroups(0, std::ptr::null_mut()) };
    let mut groups = vec![0; usize::try_from(count).unwrap_or(0)];
    // SAFETY: the list has `count` writable places.
    let count = unsafe { libc::getgroups(count, groups.as_mut_ptr()) };
    count < 0 || groups.iter().any(|other| *other != group)
}

/// capset(2)'s head and data of version 3: two halves of 32 capabilities each.
#[repr(C)]
struct CapabilityHead {
    version: u32,
    pid: i32,
}

#[repr(C)]
#[derive(Clone, Copy, Default, PartialEq)]
struct CapabilityHalf {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// `_LINUX_CAPABILITY_VERSION_3`.
const CAPABILITY_VERSION: u32 = 0x2008_0522;

fn clear_capabilities() -> io::Result<()> {
    // SAFETY: this prctl(2) takes no pointers.
    check(unsafe {
        libc::prctl(
            libc::PR_CAP_AMBIENT,
            libc::PR_CAP_AMBIENT_CLEAR_ALL,
            0,
            0,
            0,
        )
    })?;
    let head = CapabilityHead {
        version: CAPABILITY_VERSION,
        pid: 0,
    };
    let none = [CapabilityHalf::default(); 2];
    // SAFETY: head and both halves of the data are readable.
    check(unsafe { libc::syscall(libc::SYS_capset, &raw const head, none.as_ptr()) } as i32)
}

/// Whether the thread has a capability, or could have one.
fn has_capabilities() -> bool {
    let mut head = CapabilityHead {
        version: CAPABILITY_VERSION,
        pid: 0,
    };
    let mut data = [CapabilityHalf::default(); 2];
    // SAFETY: head and both halves of the data are writable.
    let result = unsafe { libc::syscall(libc::SYS_capget, &raw mut head, data.as_mut_ptr()) };
    result != 0 || data != [CapabilityHalf::default(); 2]
}

fn check(result: i32) -> io::Result<()> {
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
