//! Mixing channels.

use std::os::raw::c_int;

#[repr(C)]
struct RawMixer {
    _private: [u8; 0],
}

#[repr(C)]
struct RawVoice {
    _private: [u8; 0],
}

unsafe extern "C" {
    fn mixer_new(channels: c_int) -> *mut RawMixer;
    fn mixer_free(mixer: *mut RawMixer);
    fn mixer_voice(mixer: *mut RawMixer, channel: c_int) -> *mut RawVoice;
    fn voice_play(voice: *mut RawVoice) -> c_int;
    fn mixer_underrun(hook: extern "C" fn(c_int));
}

pub struct Mixer(*mut RawMixer);

pub struct Voice<'a>(*mut RawVoice, std::marker::PhantomData<&'a Mixer>);

impl Mixer {
    pub fn new(channels: u8) -> Option<Mixer> {
        // SAFETY: any number.
        let raw = unsafe { mixer_new(channels.into()) };
        if raw.is_null() {
            None
        } else {
            Some(Mixer(raw))
        }
    }

    pub fn voice(&self, channel: u8) -> Option<Voice<'_>> {
        // SAFETY: alive.
        let raw = unsafe { mixer_voice(self.0, channel.into()) };
        if raw.is_null() {
            None
        } else {
            Some(Voice(raw, std::marker::PhantomData))
        }
    }
}

impl Voice<'_> {
    pub fn play(&self) -> bool {
        // SAFETY: alive as long as its mixer.
        unsafe { voice_play(self.0) == 0 }
    }
}

static UNDERRUNS: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);

extern "C" fn on_underrun(frames: c_int) {
    UNDERRUNS.fetch_add(frames.unsigned_abs(), std::sync::atomic::Ordering::Relaxed);
}

pub fn underruns() -> u32 {
    UNDERRUNS.load(std::sync::atomic::Ordering::Relaxed)
}

pub fn count_underruns() {
    // SAFETY: the function stays.
    unsafe { mixer_underrun(on_underrun) }
}

impl Drop for Mixer {
    fn drop(&mut self) {
        // SAFETY: alive.
        unsafe { mixer_free(self.0) }
    }
}
