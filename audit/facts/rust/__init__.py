"""Rust source, by its syntax."""
