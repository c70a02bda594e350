"""The audit over the most downloaded crates with C or C++ code: `make audit-corpus`."""
