"""The time machine: history once more through the production path, to see what would have happened."""
