"""Random C programs, compiled as they are and rewritten: both must say the same."""
