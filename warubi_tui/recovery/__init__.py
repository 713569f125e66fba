"""The way through a recovery: restoring, proving, and the guided scenarios."""
