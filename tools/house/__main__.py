"""`python -m tools.house`: print what breaks the rules of the house; fail if anything does."""

from __future__ import annotations

import sys
from pathlib import Path

from tools.house.checks import findings
from tools.house.source import read_modules

if __name__ == "__main__":
    found = findings(read_modules(Path(__file__).parents[2]))
    sys.stdout.writelines(f"{finding}\n" for finding in found)
    sys.exit(1 if found else 0)
