//! A Node-API module: what Copal asks of the system that Node.js has no way to ask for, or a slow one. Each function is a room's own; what is here says
//! only how JavaScript finds them.

#![allow(unsafe_code)]

mod descriptors;
mod environment;
mod waker;

use std::ffi::CStr;
use std::ptr::null_mut;

use napi_sys::{
    napi_callback, napi_callback_info, napi_create_function, napi_env, napi_get_cb_info, napi_set_named_property,
    napi_value,
};

const FUNCTIONS: &[(&CStr, napi_callback)] = &[
    (c"changedEnvironment", Some(environment::changed_environment)),
    (c"openMailbox", Some(descriptors::open_mailbox)),
    (c"emptyMailbox", Some(descriptors::empty_mailbox)),
    (c"onWake", Some(waker::on_wake)),
    (c"wake", Some(waker::wake)),
];

/// What Node calls when the module is loaded, once for each thread that does.
///
/// # Safety
/// To be called by Node alone.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn napi_register_module_v1(env: napi_env, exports: napi_value) -> napi_value {
    for (name, function) in FUNCTIONS {
        let mut made = null_mut();
        // SAFETY: `env` and `exports` are the caller's; a name of null is allowed, and so are no data. On failure the property is undefined.
        unsafe {
            if napi_create_function(env, null_mut(), 0, *function, null_mut(), &mut made) == 0 {
                napi_set_named_property(env, exports, name.as_ptr(), made);
            }
        }
    }
    exports
}

/// The first arguments of a call; undefined where there are fewer.
fn arguments<const COUNT: usize>(env: napi_env, info: napi_callback_info) -> [napi_value; COUNT] {
    let mut arguments = [null_mut(); COUNT];
    let mut count = COUNT;
    // SAFETY: `env` and `info` are those of the call that goes on, and there is room for as many as `count` says.
    unsafe { napi_get_cb_info(env, info, &mut count, arguments.as_mut_ptr(), null_mut(), null_mut()) };
    arguments
}
