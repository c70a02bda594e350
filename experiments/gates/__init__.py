"""What a crossing into foreign code costs, whole and in parts."""
