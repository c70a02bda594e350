"""libc: what functions that are not rewritten do with the memory behind their arguments."""
