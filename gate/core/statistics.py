"""Statistics that decide: pure functions over samples and counts."""
