//! Memory domains guarded by protection keys.
