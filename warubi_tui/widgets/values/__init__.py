"""Values in full: on as many lines as they need, with what changed in them."""
