"""The database's schema, one numbered step at a time. `cqar-migrate upgrade`."""
