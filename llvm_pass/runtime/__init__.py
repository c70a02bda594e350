"""Helpers that rewritten code calls: IR, generated per shape, inlined by LLVM."""
