"""What runs in a process of its own: each function measures one thing, and returns it as JSON."""
