"""Crates with bundled C, under their own test suites, isolated and not."""
