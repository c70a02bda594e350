#[repr(C)]
pub struct Device {
    _private: [u8; 0],
}

extern "C" {
    fn disk_name(number: i32) -> *const u8;
    fn device_open() -> *mut Device;
    fn device_select(device: *mut Device) -> i32;
}

/// Any thread may call it.
pub fn name(number: i32) -> u8 {
    unsafe { *disk_name(number) }
}

pub struct Handle(*mut Device);

unsafe impl Send for Handle {}

impl Handle {
    pub fn open() -> Handle {
        Handle(unsafe { device_open() })
    }

    pub fn select(&self) -> i32 {
        unsafe { device_select(self.0) }
    }
}
