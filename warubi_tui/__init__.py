"""warubi: a terminal console for recovering PostgreSQL databases on Neon."""

__version__ = "0.1.0"
