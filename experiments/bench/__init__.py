"""The project's own figures, as ratios taken in one run."""
