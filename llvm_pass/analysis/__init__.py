"""Facts about one function. Analysis decides speed, never safety, and never edits."""
