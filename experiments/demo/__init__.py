"""The demo: a real CVE, a quiet overflow, a stale address, a use after free."""
