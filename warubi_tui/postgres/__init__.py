"""A branch as a database: connections, settings, and what the catalog says."""
