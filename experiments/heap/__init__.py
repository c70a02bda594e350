"""The heap beside glibc, mimalloc and jemalloc: the same programs, the same run."""
