"""What happened when, read from the log itself: rows written per table, changes of the schema."""
