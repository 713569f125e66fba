"""A living shop on a real engine, an accident in it, and the recovery of that accident."""
