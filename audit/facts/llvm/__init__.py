"""LLVM IR of both sides: what functions promise, what they do with pointers."""
