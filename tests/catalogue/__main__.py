"""`python -m tests.catalogue`: the files in which each fact of the catalogue stands."""

from __future__ import annotations

from tests.catalogue import standing

if __name__ == "__main__":
    for kind in standing.KINDS:
        print(f"== {kind.__name__}")  # noqa: T201 - a report for people
        for fact, files in sorted(kind().items()):
            print(f"{fact}: {', '.join(files) or 'nowhere'}")  # noqa: T201 - a report for people
