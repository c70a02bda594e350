"""Many crates and binaries, one result each: a unit is audited in a process of its own, under limits, and is done once."""
