"""What differs between two databases: schemas and rows."""
