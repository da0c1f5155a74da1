//! Users and groups of the machine (getpwnam(3), getgrnam(3)).

use std::ffi::CString;
use std::io;
use std::mem::MaybeUninit;

/// Bytes for the strings of an entry at first, and at most: a group with
/// thousands of members is long.
const ENTRY_BYTES_MIN: usize = 1 << 10;
const ENTRY_BYTES_MAX: usize = 16 << 20;

/// The number of a user; none where there is no user of this name.
///
/// # Errors
/// Those of getpwnam_r(3), EIO for example: the answer is not known then.
pub fn user_id(name: &str) -> io::Result<Option<u32>> {
    let Ok(name) = CString::new(name) else {
        return Ok(None);
    };
    look_up(
        |entry: *mut libc::passwd, buffer, found| {
            // SAFETY: `look_up` gives writable places of the entry's type and
            // the buffer's length; the name ends with NUL.
            unsafe {
                libc::getpwnam_r(
                    name.as_ptr(),
                    entry,
                    buffer.as_mut_ptr().cast(),
                    buffer.len(),
                    found,
                )
            }
        },
        |entry| entry.pw_uid,
    )
}

/// The primary group of a user; none where the user has no entry.
///
/// # Errors
/// Those of getpwuid_r(3).
pub fn primary_group(user: u32) -> io::Result<Option<u32>> {
    look_up(
        |entry: *mut libc::passwd, buffer, found| {
            // SAFETY: as in `user_id`.
            unsafe {
                libc::getpwuid_r(user, entry, buffer.as_mut_ptr().cast(), buffer.len(), found)
            }
        },
        |entry| entry.pw_gid,
    )
}

/// The number of a group; none where there is no group of this name.
///
/// # Errors
/// Those of getgrnam_r(3).
pub fn group_id(name: &str) -> io::Result<Option<u32>> {
    let Ok(name) = CString::new(name) else {
        return Ok(None);
    };
    look_up(
        |entry: *mut libc::group, buffer, found| {
            // SAFETY: as in `user_id`.
            unsafe {
                libc::getgrnam_r(
                    name.as_ptr(),
                    entry,
                    buffer.as_mut_ptr().cast(),
                    buffer.len(),
                    found,
                )
            }
        },
        |entry| entry.gr_gid,
    )
}

/// Calls `ask` with ever longer buffers until the entry fits.
fn look_up<E>(
    ask: impl Fn(*mut E, &mut [u8], *mut *mut E) -> i32,
    number: impl Fn(&E) -> u32,
) -> io::Result<Option<u32>> {
    let mut buffer = vec![0; ENTRY_BYTES_MIN];
    loop {
        let mut entry = MaybeUninit::<E>::uninit();
        let mut found = std::ptr::null_mut();
        match ask(entry.as_mut_ptr(), &mut buffer, &mut found) {
            0 if found.is_null() => return Ok(None),
            // SAFETY: success with a result means that the entry is filled, and
            // the result points to it.
            0 => return Ok(Some(number(unsafe { entry.assume_init_ref() }))),
            libc::ERANGE if buffer.len() < ENTRY_BYTES_MAX => buffer.resize(buffer.len() * 2, 0),
            // Databases say in these ways too that there is no such name.
            libc::ENOENT | libc::ESRCH => return Ok(None),
            error => return Err(io::Error::from_raw_os_error(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_known_and_nobody_has_an_impossible_name() {
        assert_eq!(user_id("root").unwrap(), Some(0));
        assert_eq!(primary_group(0).unwrap(), Some(0));
        assert_eq!(group_id("root").unwrap(), Some(0));
        for name in ["no such name", "a\0b", ""] {
            assert_eq!(user_id(name).unwrap(), None, "{name}");
            assert_eq!(group_id(name).unwrap(), None, "{name}");
        }
        assert_eq!(primary_group(4_000_000_123).unwrap(), None);
    }
}
