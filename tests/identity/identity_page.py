"""docs/IDENTITY.md: how codes are bound, what is asked, and examples of each with what decided."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from cqar_shared.domain.kinds.asset import ASSET
from tests.identity import orders
from tests.identity.false_friends import merges, read_friends
from tests.identity.judges import verdicts
from tests.identity.review_list import IDENTITY_KINDS, Cause, review_list
from tests.identity.world import World

PATH: Final = Path(__file__).resolve().parents[2] / "docs" / "IDENTITY.md"
EXAMPLES: Final = 10

HEAD: Final = """\
# Which coin is it

*Written by `python -m tests.identity`; `tests/identity/test_whole.py` holds it current.*

One registry from the catalogue, the token lists, the reviewed map of venues' codes, and every
listing of `../shared/data/venues`, the oldest first. How a code is bound: [FINDINGS](FINDINGS.md).

"""
TAIL: Final = """
Only BitMEX's listing is of the same day as prices: the tickers that the files have are all of
2022-11-22, so prices decide nothing here. The venues of these codes state neither names nor
contracts in the files, but for MEXC, Hyperliquid, Upbit and Bitstamp.
"""


def text_of(world: World, other: World) -> str:
    """The page.

    Args:
        world: All files, the oldest first.
        other: The same, the newest first.
    """
    parts = (_bindings(world), _findings(world), _orders(world, other), _judged(world))
    parts = (*parts, _review_list(world))
    return "".join((HEAD, *(line for part in parts for line in part), TAIL))


def _cell(text: Any) -> str:
    return str(text).replace("|", "\\|")[:160]


def _bindings(world: World) -> Iterator[str]:
    by_kind: dict[str, list[Any]] = defaultdict(list)
    for bindings in world.bindings().values():
        for held in bindings:
            kind = str(held.evidence[0].kind) if held.evidence else "its own asset, unverified"
            by_kind[kind].append(held)
    yield "## Bindings by their strongest evidence\n\n| evidence | codes |\n|---|---:|\n"
    for kind in sorted(by_kind, key=lambda name: (-len(by_kind[name]), name)):
        yield f"| {kind} | {len(by_kind[kind]):,} |\n"
    for kind, held in sorted(by_kind.items()):
        if held[0].evidence:
            yield f"\n### {kind}\n\n| code | asset | what decided |\n|---|---|---|\n"
            yield from _binding_rows(world, held)


def _binding_rows(world: World, held: list[Any]) -> Iterator[str]:
    ordered = sorted(held, key=lambda one: (one.venue_asset_symbol, one.venue_id))
    for one in ordered[:: max(1, len(ordered) // EXAMPLES)][:EXAMPLES]:
        asset = world.get(ASSET, one.asset_id)
        detail = one.evidence[0].detail or ""
        yield f"| {_cell(one.venue_id)} {_cell(one.venue_asset_symbol)} | {_cell(asset.name)} |"
        yield f" {_cell(detail)} |\n"


def _review_list(world: World) -> Iterator[str]:
    asked = review_list(world)
    yield "\n## What falls short\n\nThe goal is 3 % in the review list. What is there, by cause:\n"
    yield "\n| cause | assets |\n|---|---:|\n"
    for cause in Cause:
        yield f"| {cause.name}: {cause} | {asked.counts[cause]} |\n"


def _orders(world: World, other: World) -> Iterator[str]:
    differences = orders.Comparison(world, other)
    codes, listings = differences.codes(), differences.listings()
    known = world.bindings().keys() | other.bindings().keys()
    yield "\n## Two orders\n\n"
    yield f"The newest file first binds {len(codes)} of {len(known):,} codes otherwise, and"
    yield f" {len(listings)} spellings stand on other assets at some time. An older answer changes"
    yield " nothing of now, so what is read first stays.\n"
    yield "\n| cause | codes | spellings |\n|---|---|---|\n"
    for cause in (*orders.OF_LISTINGS, orders.Cause.UNKNOWN):
        cells = [
            ", ".join(f"{d.where} {d.name}" for d in found if d.cause is cause) or "none"
            for found in (codes, listings)
        ]
        yield f"| {cause.name}: {cause} | {cells[0]} | {cells[1]} |\n"


def _judged(world: World) -> Iterator[str]:
    found = verdicts(world)
    yield "\n## What others say\n\nEach judge's rows that speak of what is here; every"
    yield " disagreement has its cause, and one without fails the test. Rotki's map was imported"
    yield " before the venues' files, so it is no judge of what it bound itself.\n"
    yield "\n| judge | compared | agree | disagree |\n|---|---:|---:|---:|\n"
    for one in found:
        differ = len(one.disagreements)
        yield f"| `{one.judge}` | {one.compared:,} | {one.compared - differ:,} | {differ} |\n"
    yield "\n| judge | where | it says | here | why |\n|---|---|---|---|---|\n"
    for one in found:
        for d in one.disagreements:
            cells = map(_cell, (d.where, d.says, d.here, d.reason))
            name = one.judge.rpartition("/")[2].partition("_")[0]
            yield f"| {name} | {' | '.join(cells)} |\n"


def _findings(world: World) -> Iterator[str]:
    found = [f for f in world.open_findings() if f.kind in IDENTITY_KINDS]
    counts = Counter(str(f.kind) for f in found)
    asked = review_list(world)
    share = 100 * len(asked.causes) / asked.listed
    false = sum(1 for _ in merges(world, read_friends()))
    yield "\n## What is asked of people\n\n"
    yield f"Of {asked.listed:,} assets that listings stand on, {len(asked.causes):,} are in the"
    yield " review list"
    yield f": {share:.1f} %.\n"
    yield f"Of the {len(read_friends())} known false friends, {false} are merged.\n"
    yield "\n| finding | open |\n|---|---:|\n"
    for kind in IDENTITY_KINDS:
        yield f"| {kind} | {counts[kind]:,} |\n"
    for kind in IDENTITY_KINDS:
        ours = sorted((f for f in found if f.kind == kind), key=lambda f: f.summary or "")
        if ours:
            yield f"\n### {kind}\n\n"
        for one in ours[:: max(1, len(ours) // EXAMPLES)][:EXAMPLES]:
            speaks = sorted({f"{e.kind}{' against' if e.is_against else ''}" for e in one.evidence})
            yield f"- {_cell(one.summary)} ({', '.join(speaks)})\n"
