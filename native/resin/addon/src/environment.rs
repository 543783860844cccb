//! This process's environment as one block of bytes, each `NAME=value` ended by NUL, and only if it has changed since it was last asked for.
//! `process.env` costs a call out of JavaScript per variable, and a start reads them all.
//!
//! Node's main thread sets variables with `setenv(3)`, so the C library's `environ` is what `process.env` shows there. A worker thread has a copy of
//! its own in JavaScript, of which this module knows nothing.

use std::cell::RefCell;
use std::ffi::{CStr, c_char, c_void};
use std::ptr::null_mut;

use napi_sys::{napi_callback_info, napi_create_buffer_copy, napi_env, napi_value};

unsafe extern "C" {
    static environ: *const *const c_char;
}

thread_local! {
    static LAST: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// The environment's entries, each ended by NUL.
fn entries() -> impl Iterator<Item = &'static [u8]> {
    // SAFETY: whoever reads it is on the only thread that changes it.
    let mut next = unsafe { environ };
    std::iter::from_fn(move || {
        // SAFETY: `environ` is null or a list ended by null, of texts ended by NUL, which nobody changes while `changed_environment` runs.
        unsafe {
            if next.is_null() || (*next).is_null() {
                return None;
            }
            let entry = CStr::from_ptr(*next).to_bytes_with_nul();
            next = next.add(1);
            Some(entry)
        }
    })
}

/// Whether the environment is this block, which is found out without making one.
fn is_same(block: &[u8]) -> bool {
    let rest = entries().try_fold(block, |rest, entry| rest.strip_prefix(entry));
    rest.is_some_and(<[u8]>::is_empty)
}

/// `changedEnvironment(): Buffer | undefined`: the block if it is another than the last one given, else undefined. For the main thread alone.
pub unsafe extern "C" fn changed_environment(env: napi_env, _info: napi_callback_info) -> napi_value {
    LAST.with_borrow_mut(|last| {
        if is_same(last) {
            return null_mut();
        }
        let block = entries().collect::<Vec<_>>().concat();
        let mut buffer = null_mut();
        // SAFETY: `env` is the caller's, the bytes are copied. On failure an exception is pending or the answer is undefined.
        unsafe { napi_create_buffer_copy(env, block.len(), block.as_ptr().cast::<c_void>(), null_mut(), &mut buffer) };
        *last = block;
        buffer
    })
}
