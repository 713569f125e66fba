"""Neon's management API on this machine, over real PostgreSQL with real point-in-time recovery.

The rest of warubi talks to it by HTTP and SQL alone.
"""
