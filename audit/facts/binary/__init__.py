"""ELF and DWARF: programs, libraries, objects and processes as they are."""
