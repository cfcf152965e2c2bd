"""The database's schema, one numbered step at a time. `python -m migrations upgrade`."""
