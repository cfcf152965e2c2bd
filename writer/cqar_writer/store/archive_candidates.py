"""What has been over for so long that it may leave snapshots, in SQL.

A listing whose period is over; one whose symbol expired only together with that symbol, since it
still is a spelling of it; a symbol once none of its listings stays. What a live alias stands for
stays with it.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from cqar_shared.domain.kinds.symbol import SYMBOL
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL
from cqar_writer.store import entity_rows

#: Of each kind: a change set of them is some 200 KiB.
ARCHIVED_MAX: Final = 1_000
#: Writers take turns by this advisory lock. Any constant would do.
ARCHIVE_LOCK: Final = 0x63716176


class ArchiveCandidate(NamedTuple):
    """An entity that may be archived.

    Attributes:
        venue_id, venue_symbol: Of a listing.
    """

    kind: str
    key: str
    payload: bytes
    symbol_id: str
    is_ended: bool
    venue_id: str = ""
    venue_symbol: str = ""


_LISTINGS: Final = """
    SELECT v.listing_id::text, c.payload, v.symbol_id::text, v.delisted_at < :before IS TRUE,
        v.venue_id, v.venue_symbol
    FROM venue_symbols v JOIN symbols s ON s.symbol_id = v.symbol_id
    JOIN current c ON c.kind = 'venue_symbol' AND c.key = v.listing_id::text AND NOT c.archived
    WHERE (v.delisted_at < :before OR s.expiry < :before) {among}
    ORDER BY v.symbol_id, v.listing_id LIMIT :most
"""
_SYMBOLS: Final = """
    SELECT s.symbol_id::text, c.payload FROM symbols s
    JOIN current c ON c.kind = 'symbol' AND c.key = s.symbol_id::text AND NOT c.archived
    WHERE s.expiry < :before {among} AND NOT EXISTS (
        SELECT FROM venue_symbols v
        JOIN current l ON l.kind = 'venue_symbol' AND l.key = v.listing_id::text AND NOT l.archived
        WHERE v.symbol_id = s.symbol_id AND v.listing_id::text <> ALL(:leaving))
    ORDER BY s.symbol_id LIMIT :most
"""
_HELD: Final = """
    SELECT DISTINCT p.listing_id::text FROM venue_symbols p
    JOIN venue_symbols a ON a.venue_id = p.venue_id AND a.alias_of = p.venue_symbol
        AND a.symbol_id = p.symbol_id
    JOIN current c ON c.kind = 'venue_symbol' AND c.key = a.listing_id::text AND NOT c.archived
    WHERE p.listing_id::text = ANY(:leaving) AND a.listing_id::text <> ALL(:leaving)
"""


async def try_turn(tx: AsyncConnection) -> bool:
    """Whether no other writer archives now; the turn ends with the transaction."""
    query = sa.text("SELECT pg_try_advisory_xact_lock(:lock)")
    return bool((await tx.execute(query, {"lock": ARCHIVE_LOCK})).scalar_one())


async def over(
    tx: AsyncConnection, before: dt.datetime, among: Sequence[ArchiveCandidate] | None = None
) -> list[ArchiveCandidate]:
    """Entities that have been over since before an instant, at most 1,000 of each kind.

    Args:
        among: Only those of these that still are.

    Raises:
        DataLoss: A table does not say of one what it says itself, so that it may not be over.
    """
    given = {"before": before, "most": ARCHIVED_MAX}
    asked = {kind.name: "" for kind in (SYMBOL, VENUE_SYMBOL)}
    keys: dict[str, list[str]] = {name: [] for name in asked}
    if among is not None:
        asked = {
            SYMBOL.name: "AND s.symbol_id = ANY(CAST(:keys AS uuid[]))",
            VENUE_SYMBOL.name: "AND v.listing_id = ANY(CAST(:keys AS uuid[]))",
        }
        for one in among:
            keys[one.kind].append(one.key)

    def query(text: str, name: str, **more: object) -> tuple[sa.TextClause, dict[str, object]]:
        arguments = {**given, **more} | ({"keys": keys[name]} if asked[name] else {})
        return sa.text(text.format(among=asked[name])), arguments

    rows = await tx.execute(*query(_LISTINGS, VENUE_SYMBOL.name))
    listings = [ArchiveCandidate(VENUE_SYMBOL.name, *row) for row in rows]
    listings = await _unheld(tx, listings)
    leaving = [one.key for one in listings]
    rows = await tx.execute(*query(_SYMBOLS, SYMBOL.name, leaving=leaving))
    symbols = [ArchiveCandidate(SYMBOL.name, row[0], row[1], row[0], is_ended=True) for row in rows]
    gone = {one.key for one in symbols}
    found = [*symbols, *(one for one in listings if one.is_ended or one.symbol_id in gone)]
    await entity_rows.require_rows(tx, [(one.kind, one.key, one.payload) for one in found])
    return found


def fitting(found: Sequence[ArchiveCandidate], most_bytes: int) -> list[ArchiveCandidate]:
    """As many of them as are that large together, beginning with the first.

    A symbol leaves with its listings, and a primary with its aliases: so all of a symbol's stay
    together. Where one symbol's alone are too many, those of its listings that are ended go ahead.
    """
    by_symbol: defaultdict[str, list[ArchiveCandidate]] = defaultdict(list)
    for one in found:
        by_symbol[one.symbol_id].append(one)
    taken: list[ArchiveCandidate] = []
    left_bytes = most_bytes
    for together in by_symbol.values():
        parts = [together]
        if _bytes_of(together) > most_bytes:
            ended = (one for one in together if one.kind == VENUE_SYMBOL.name and one.is_ended)
            parts = [[one] for one in ended]
        for part in parts:
            if (size := _bytes_of(part)) <= left_bytes:
                taken += part
                left_bytes -= size
    return taken


def _bytes_of(some: Iterable[ArchiveCandidate]) -> int:
    return sum(len(one.payload) for one in some)


async def _unheld(tx: AsyncConnection, listings: list[ArchiveCandidate]) -> list[ArchiveCandidate]:
    """Those that no alias stands for which stays."""
    while True:
        leaving = {"leaving": [one.key for one in listings]}
        held = set((await tx.execute(sa.text(_HELD), leaving)).scalars())
        if not held:
            return listings
        listings = [one for one in listings if one.key not in held]
