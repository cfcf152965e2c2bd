"""`python -m migrations upgrade [REVISION]`, which may be there without what it needs."""

from __future__ import annotations

from shared import extras

if __name__ == "__main__":
    extras.run("migrations.program:run", "writer")
