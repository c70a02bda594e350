"""What is there: ELF, DWARF, IR, Rust source, processes. Facts never know rules."""
