//! Waking another thread of Node, at less than what a message to it costs: nothing is cloned and no event is made. A thread says once what it does when it
//! is woken; another one wakes it by its number, and gives it one number to look at.

use std::collections::HashMap;
use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{LazyLock, PoisonError, RwLock};

use napi_sys::{
    ThreadsafeFunctionCallMode, napi_add_env_cleanup_hook, napi_call_function, napi_call_threadsafe_function,
    napi_callback_info, napi_create_string_utf8, napi_create_threadsafe_function, napi_create_uint32, napi_env,
    napi_get_undefined, napi_get_value_uint32, napi_threadsafe_function, napi_unref_threadsafe_function, napi_value,
};

use crate::arguments;

/// How to call a thread.
struct Thread(napi_threadsafe_function);

// SAFETY: that any thread may call it is what such a function is for.
unsafe impl Send for Thread {}
// SAFETY: likewise.
unsafe impl Sync for Thread {}

/// The threads that can be woken, by their numbers; one that ends leaves before its function does.
static THREADS: LazyLock<RwLock<HashMap<u32, Thread>>> = LazyLock::new(RwLock::default);
/// Of a thread that is gone nobody else gets the number.
static NEXT: AtomicU32 = AtomicU32::new(1);

/// `onWake(callback: (what: number) => void): number`: has this thread call `callback` whenever another one wakes it by the number that is answered, until
/// the thread ends; this does not keep it running. 0 if Node cannot.
pub unsafe extern "C" fn on_wake(env: napi_env, info: napi_callback_info) -> napi_value {
    let [callback] = arguments(env, info);
    let (mut name, mut function, mut answer) = (null_mut(), null_mut(), null_mut());
    // SAFETY: `env` is the caller's. The hook runs before the one by which Node ends the function, since it is added later.
    unsafe {
        napi_create_string_utf8(env, c"copal".as_ptr(), 5, &mut name);
        let status = napi_create_threadsafe_function(
            env,
            callback,
            null_mut(),
            name,
            0,
            1,
            null_mut(),
            None,
            null_mut(),
            Some(call),
            &mut function,
        );
        let mut number = 0;
        if status == 0 {
            number = NEXT.fetch_add(1, Ordering::Relaxed);
            napi_unref_threadsafe_function(env, function);
            THREADS.write().unwrap_or_else(PoisonError::into_inner).insert(number, Thread(function));
            napi_add_env_cleanup_hook(env, Some(forget), number as usize as *mut c_void);
        }
        napi_create_uint32(env, number, &mut answer);
    }
    answer
}

/// `wake(thread: number, what: number): void`: has that thread's callback called with `what`. Nothing happens where the thread has ended.
pub unsafe extern "C" fn wake(env: napi_env, info: napi_callback_info) -> napi_value {
    let [thread, what] = arguments(env, info).map(|argument| {
        let mut number = 0;
        // SAFETY: `env` is the caller's; what is no number stays 0.
        unsafe { napi_get_value_uint32(env, argument, &mut number) };
        number
    });
    let threads = THREADS.read().unwrap_or_else(PoisonError::into_inner);
    if let Some(Thread(function)) = threads.get(&thread) {
        // SAFETY: it lives as long as it is in the table, and that does not change while it is read.
        unsafe {
            let mode = ThreadsafeFunctionCallMode::nonblocking;
            napi_call_threadsafe_function(*function, what as usize as *mut c_void, mode)
        };
    }
    null_mut()
}

/// Calls the thread's callback, in the thread.
unsafe extern "C" fn call(env: napi_env, callback: napi_value, _context: *mut c_void, what: *mut c_void) {
    if env.is_null() {
        return;
    }
    let (mut nothing, mut number, mut answer) = (null_mut(), null_mut(), null_mut());
    // SAFETY: `env` is the thread's own; what the callback throws becomes the thread's uncaught exception.
    unsafe {
        napi_get_undefined(env, &mut nothing);
        napi_create_uint32(env, what as usize as u32, &mut number);
        napi_call_function(env, nothing, callback, 1, &raw const number, &mut answer);
    }
}

unsafe extern "C" fn forget(number: *mut c_void) {
    THREADS.write().unwrap_or_else(PoisonError::into_inner).remove(&(number as usize as u32));
}
