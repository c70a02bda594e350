"""What is unsafe at the boundary between Rust and the C and C++ that it calls.

Reads what is really built: ELF, DWARF, LLVM IR, Rust source. ``galeed-audit`` is the command.
"""
