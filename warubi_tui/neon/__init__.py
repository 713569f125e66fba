"""Neon's management API v2: the control plane, on Neon or on the engine."""
