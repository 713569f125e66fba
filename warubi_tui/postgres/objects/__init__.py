"""Everything that a database's schema is made of, read from the catalogs."""
