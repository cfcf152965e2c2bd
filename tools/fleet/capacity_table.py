"""The table that docs/OPERATIONS.md shows."""

from __future__ import annotations

from typing import Final

from tools.fleet.load import Fleet, load_of

#: Ten changes a second, each of a kilobyte, are a busy day; 100,000 entities are thirty venues.
ENTITIES: Final = 100_000
COMMITS_PER_S: Final = 10.0
COMMIT_BYTES: Final = 1_000
FLEETS: Final = (100, 1_000, 10_000)

_HEAD: Final = (
    "resolvers",
    "probes/s",
    "messages/s",
    "writers' cores",
    "NATS cores",
    "PostgreSQL cores",
    "NATS egress, Mbit/s",
    "all load at once: s",
    "GiB",
)


def table() -> str:
    """In Markdown."""
    lines = [_line(_HEAD), _line(["---:"] * len(_HEAD))]
    for resolvers in FLEETS:
        load = load_of(Fleet(resolvers, ENTITIES, COMMITS_PER_S, COMMIT_BYTES))
        cells = [f"{resolvers:,}", *(_figure(value) for value in load)]
        lines.append(_line(cells))
    return "\n".join(lines)


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def _line(cells: list[str] | tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"
