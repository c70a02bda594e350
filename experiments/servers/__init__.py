"""Asynchronous servers whose tasks call C, isolated and not."""
