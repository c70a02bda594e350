//! A scene graph in C++.

use std::ffi::CStr;
use std::os::raw::{c_char, c_int};

#[repr(C)]
struct RawScene {
    _private: [u8; 0],
}

unsafe extern "C" {
    fn scene_new() -> *mut RawScene;
    fn scene_free(scene: *mut RawScene);
    fn scene_load(scene: *mut RawScene, text: *const c_char) -> c_int;
    fn scene_child(scene: *const RawScene, index: usize) -> c_int;
    fn scene_visible(scene: *const RawScene, node: c_int) -> c_int;
}

pub struct Scene(*mut RawScene);

impl Scene {
    pub fn parse(text: &CStr) -> Option<Scene> {
        // SAFETY: a new scene, and a C string.
        unsafe {
            let scene = Scene(scene_new());
            if scene.0.is_null() || scene_load(scene.0, text.as_ptr()) != 0 {
                return None;
            }
            Some(scene)
        }
    }

    pub fn child(&self, index: usize) -> i32 {
        // SAFETY: alive.
        unsafe { scene_child(self.0, index) }
    }

    pub fn is_visible(&self, node: i32) -> bool {
        // SAFETY: alive.
        unsafe { scene_visible(self.0, node) != 0 }
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if !self.0.is_null() {
            // SAFETY: alive.
            unsafe { scene_free(self.0) }
        }
    }
}
