"""llvm_pass: rewrites the LLVM IR of foreign code so that it works on pseudo-pointers.

Layers, lowest first: ir (text and LLVM), analysis (facts about one function, never
edits), runtime (helpers as IR), passes (edits), pipeline, cli and driver.
"""
