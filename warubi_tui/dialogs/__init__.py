"""Questions that have to be answered before anything goes on. Cancel is always the easy answer."""
