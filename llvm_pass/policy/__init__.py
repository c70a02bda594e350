"""galeed.toml: what a project says of its boundary, read by every command.

keys.py is the table of all keys; read.py finds and checks a file; schema.py makes the
published JSON schema from the same table.
"""

from __future__ import annotations

from llvm_pass.policy.find import VARIABLE, find, of_file
from llvm_pass.policy.read import Policy, PolicyError, load

__all__ = ["VARIABLE", "Policy", "PolicyError", "find", "load", "of_file"]
