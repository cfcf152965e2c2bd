"""A synthetic registry of any size, as the writer would have left it in PostgreSQL."""
