"""Micro-benchmarks: what one access costs, raw and isolated."""
