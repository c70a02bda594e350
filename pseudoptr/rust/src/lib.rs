//! Pseudo-pointers.
