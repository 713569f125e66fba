"""How the schemas of two databases differ: as a list of changes, and as text."""
