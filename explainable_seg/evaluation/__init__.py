"""Detection scores a class, pooled over files."""
