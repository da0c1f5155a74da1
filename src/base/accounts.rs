//! Users and groups of the host, by name (getpwnam_r(3), getgrnam_r(3)): through
//! whatever the host's nsswitch.conf names.

use std::ffi::CString;
use std::io;
use std::mem::MaybeUninit;
use std::ptr;

/// Bytes that an entry may have; a group with ten thousand members has fewer.
const ENTRY_BYTES_MAX: usize = 1 << 20;

/// The number of the user of this name; `None` where there is none.
///
/// # Errors
/// Those of getpwnam_r(3).
pub fn user(name: &str) -> io::Result<Option<u32>> {
    let Ok(name) = CString::new(name) else {
        return Ok(None);
    };
    let mut text = vec![0; ENTRY_BYTES_MAX];
    let mut entry = MaybeUninit::<libc::passwd>::uninit();
    let mut found = ptr::null_mut();
    // SAFETY: the name ends with a NUL, the buffer is as long as said, and both
    // places that are written to outlive the call.
    let error = unsafe {
        libc::getpwnam_r(
            name.as_ptr(),
            entry.as_mut_ptr(),
            text.as_mut_ptr(),
            text.len(),
            &mut found,
        )
    };
    if found.is_null() {
        return none_or(error);
    }
    // SAFETY: `found` is not null: the entry was filled in.
    Ok(Some(unsafe { entry.assume_init_ref() }.pw_uid))
}

/// The number of the group of this name; `None` where there is none.
///
/// # Errors
/// Those of getgrnam_r(3).
pub fn group(name: &str) -> io::Result<Option<u32>> {
    let Ok(name) = CString::new(name) else {
        return Ok(None);
    };
    let mut text = vec![0; ENTRY_BYTES_MAX];
    let mut entry = MaybeUninit::<libc::group>::uninit();
    let mut found = ptr::null_mut();
    // SAFETY: as in `user`.
    let error = unsafe {
        libc::getgrnam_r(
            name.as_ptr(),
            entry.as_mut_ptr(),
            text.as_mut_ptr(),
            text.len(),
            &mut found,
        )
    };
    if found.is_null() {
        return none_or(error);
    }
    // SAFETY: `found` is not null: the entry was filled in.
    Ok(Some(unsafe { entry.assume_init_ref() }.gr_gid))
}

/// What it means that nothing was found. "Not found" has several numbers
/// (getpwnam(3), ERRORS).
fn none_or(error: i32) -> io::Result<Option<u32>> {
    match error {
        0 | libc::ENOENT | libc::ESRCH | libc::EBADF | libc::EPERM => Ok(None),
        _ => Err(io::Error::from_raw_os_error(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_their_numbers() {
        assert_eq!(user("root").unwrap(), Some(0));
        assert_eq!(group("root").unwrap(), Some(0));
        let passwd = std::fs::read_to_string("/etc/passwd").unwrap();
        let mut fields = passwd.lines().last().unwrap().split(':');
        let name = fields.next().unwrap();
        let number = fields.nth(1).unwrap().parse().unwrap();
        assert_eq!(user(name).unwrap(), Some(number));
        for nobody in ["no such user", "", "a\0b"] {
            assert_eq!(user(nobody).unwrap(), None);
            assert_eq!(group(nobody).unwrap(), None);
        }
    }
}
