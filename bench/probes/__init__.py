"""Functions that run in a process of their own: each measures one thing and returns it as JSON."""
