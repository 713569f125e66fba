"""The rows of one table compared on two servers."""
