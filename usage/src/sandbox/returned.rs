//! The results of libc calls.

use rustix::io::Errno;

/// What a libc call returned, as a result.
pub fn checked(returned: i64) -> Result<i64, Errno> {
    if returned >= 0 {
        return Ok(returned);
    }
    let error = std::io::Error::last_os_error().raw_os_error();
    Err(Errno::from_raw_os_error(error.unwrap_or(libc::EIO)))
}
