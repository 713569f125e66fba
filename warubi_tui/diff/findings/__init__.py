"""What differing rows have in common: in words, and as a WHERE clause."""
