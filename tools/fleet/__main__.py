"""`make fleet`: print the table."""

from __future__ import annotations

import sys

from tools.fleet.capacity_table import table

if __name__ == "__main__":
    sys.stdout.write(table() + "\n")
