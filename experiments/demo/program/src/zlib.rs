//! zlib through ordinary FFI, in the manner of the crates that wrap it: the
//! `z_stream` lies on Rust's stack, zlib's memory comes from Rust's allocator
//! through callbacks that keep the size in front of each block.

use libz_sys as z;
use std::alloc::Layout;
use std::ffi::{CStr, c_int, c_void};
use std::mem::{MaybeUninit, size_of};

/// Window bits of `inflateInit2_`: the largest window, gzip wrapping only.
const GZIP_WINDOW_BITS: c_int = 15 + 16;
/// In front of each block: its whole size. 16 keeps the block aligned as malloc's is.
const PREFIX_BYTES: usize = 16;

extern "C" fn allocate(_opaque: *mut c_void, items: u32, item_bytes: u32) -> *mut c_void {
    let wanted = (items as usize).checked_mul(item_bytes as usize);
    let whole = wanted.and_then(|bytes| bytes.checked_add(PREFIX_BYTES));
    let Some(layout) = whole.and_then(|bytes| Layout::from_size_align(bytes, PREFIX_BYTES).ok())
    else {
        return std::ptr::null_mut();
    };
    // SAFETY: the layout is not empty; the prefix lies inside the block.
    unsafe {
        let base = std::alloc::alloc(layout);
        if base.is_null() {
            return std::ptr::null_mut();
        }
        base.cast::<usize>().write(layout.size());
        base.add(PREFIX_BYTES).cast()
    }
}

extern "C" fn release(_opaque: *mut c_void, block: *mut c_void) {
    if block.is_null() {
        return;
    }
    // SAFETY: zlib gives back what `allocate` returned, so the prefix is there
    // and holds the size of a layout that was valid then.
    unsafe {
        let base = block.cast::<u8>().sub(PREFIX_BYTES);
        let size = base.cast::<usize>().read();
        std::alloc::dealloc(base, Layout::from_size_align_unchecked(size, PREFIX_BYTES));
    }
}

/// A stream ready for `inflateInit2_`.
pub fn new_stream() -> z::z_stream {
    let mut stream = MaybeUninit::<z::z_stream>::zeroed();
    // SAFETY: all zero is right for every field but the two function pointers,
    // which are set before the value is taken out.
    unsafe {
        (&raw mut (*stream.as_mut_ptr()).zalloc).write(allocate);
        (&raw mut (*stream.as_mut_ptr()).zfree).write(release);
        stream.assume_init()
    }
}

/// `inflateInit2` for gzip.
///
/// # Safety
/// The stream must not move until `inflateEnd`: zlib compares its address.
pub unsafe fn start(stream: &mut z::z_stream) -> Result<(), String> {
    // SAFETY: the caller keeps the stream where it is.
    let code = unsafe {
        z::inflateInit2_(
            stream,
            GZIP_WINDOW_BITS,
            z::zlibVersion(),
            size_of::<z::z_stream>() as c_int,
        )
    };
    if code == z::Z_OK {
        Ok(())
    } else {
        Err(format!("inflateInit2 returned {code}"))
    }
}

/// The version that the linked zlib states.
pub fn version() -> String {
    // SAFETY: zlibVersion returns a static string.
    unsafe { CStr::from_ptr(z::zlibVersion()) }
        .to_string_lossy()
        .into_owned()
}

/// Decompresses a whole gzip file into `out`, which is emptied first and grows by steps.
pub fn decompress(file: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
    const STEP_BYTES: usize = 64 * 1024;
    out.clear();
    let mut stream = new_stream();
    // SAFETY: the stream stays in this frame until `inflateEnd`.
    unsafe { start(&mut stream)? };
    stream.next_in = file.as_ptr().cast_mut();
    stream.avail_in =
        u32::try_from(file.len()).map_err(|_| "the file is longer than 4 GiB".to_owned())?;
    let code = loop {
        out.reserve(STEP_BYTES);
        let room = out.spare_capacity_mut();
        stream.next_out = room.as_mut_ptr().cast();
        stream.avail_out = u32::try_from(room.len()).unwrap_or(u32::MAX);
        let before = stream.avail_out;
        // SAFETY: next_in and next_out name live memory of avail_in and avail_out bytes.
        let code = unsafe { z::inflate(&mut stream, z::Z_NO_FLUSH) };
        let written = (before - stream.avail_out) as usize;
        // SAFETY: inflate has written that many bytes of the spare capacity.
        unsafe { out.set_len(out.len() + written) };
        if code != z::Z_OK {
            break code;
        }
    };
    // SAFETY: the stream was started above and has not moved.
    unsafe { z::inflateEnd(&mut stream) };
    if code == z::Z_STREAM_END {
        Ok(())
    } else {
        Err(format!("inflate returned {code}"))
    }
}
