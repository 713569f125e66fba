"""Neon's management API v2 over the engine, and our extra routes under `/api/v2/warubi`."""
