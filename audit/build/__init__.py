"""Builds what is audited, once, with the IR and debug information that facts need."""
