"""`python -m tools.monitoring`: make the dashboards, and the rules for Kubernetes."""

from __future__ import annotations

from tools.monitoring.generated_files import write

if __name__ == "__main__":
    write()
