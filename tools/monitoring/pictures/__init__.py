"""A picture of each dashboard, drawn from what a Prometheus saw of a stack under load."""
