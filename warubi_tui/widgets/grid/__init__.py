"""The grid of differing rows: a window onto any number of them."""
