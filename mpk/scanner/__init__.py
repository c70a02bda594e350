"""``galeed-probe --scan``: gadgets in files and processes, and where each stands.

``code`` finds them in runs of executable bytes; ``image`` and ``process`` say what
the runs of an ELF file or of a process are; ``place`` names function and instruction;
``command`` is what people type.
"""
