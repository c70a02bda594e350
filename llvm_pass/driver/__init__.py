"""The drivers: stand-ins for the C compiler, the archiver and cargo.

They decide *which* code is rewritten; how it is rewritten is `llvm_pass`'s business.
"""
