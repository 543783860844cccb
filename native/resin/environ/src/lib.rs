//! A Node-API module of one function: this process's environment as one block of bytes, each `NAME=value` ended by NUL, and only if it has changed
//! since it was last asked for. `process.env` costs a call out of JavaScript per variable, and a start reads them all.
//!
//! Node's main thread sets variables with `setenv(3)`, so the C library's `environ` is what `process.env` shows there. A worker thread has a copy of
//! its own in JavaScript, of which this module knows nothing.

#![allow(unsafe_code)]

use std::cell::RefCell;
use std::ffi::{CStr, c_char, c_void};
use std::ptr::null_mut;

use napi_sys::{napi_callback_info, napi_create_buffer_copy, napi_create_function, napi_env, napi_value};

unsafe extern "C" {
    static environ: *const *const c_char;
}

thread_local! {
    static LAST: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Writes the environment into `block`.
fn read_into(block: &mut Vec<u8>) {
    // SAFETY: `environ` is null or a list ended by null, of texts ended by NUL, which only this thread changes.
    unsafe {
        let mut entry = environ;
        while !entry.is_null() && !(*entry).is_null() {
            block.extend_from_slice(CStr::from_ptr(*entry).to_bytes_with_nul());
            entry = entry.add(1);
        }
    }
}

/// `(): Buffer | undefined`: the block if it is another than the last one given, else undefined.
unsafe extern "C" fn changed(env: napi_env, _info: napi_callback_info) -> napi_value {
    LAST.with_borrow_mut(|last| {
        let mut block = Vec::with_capacity(last.len().max(4096));
        read_into(&mut block);
        if block == *last {
            return null_mut();
        }
        let mut buffer = null_mut();
        // SAFETY: `env` is the caller's, the bytes are copied. On failure an exception is pending or the answer is undefined.
        unsafe { napi_create_buffer_copy(env, block.len(), block.as_ptr().cast::<c_void>(), null_mut(), &mut buffer) };
        *last = block;
        buffer
    })
}

/// What Node calls when the module is loaded: its export is the function itself.
///
/// # Safety
/// To be called by Node alone.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn napi_register_module_v1(env: napi_env, exports: napi_value) -> napi_value {
    let mut function = null_mut();
    // SAFETY: `env` is the caller's; a name of null is allowed, and so are no data.
    let status = unsafe { napi_create_function(env, null_mut(), 0, Some(changed), null_mut(), &mut function) };
    if status == 0 { function } else { exports }
}
