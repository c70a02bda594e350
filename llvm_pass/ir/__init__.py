"""LLVM modules as text: reading, the line model, types, call syntax, edits."""
