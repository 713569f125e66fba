"""The routes, a module per theme. Each has a `ROUTES` table and the functions that answer."""
