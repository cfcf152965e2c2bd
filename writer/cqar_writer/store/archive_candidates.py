"""Finds entities that have been over for so long that they may leave snapshots, in SQL.

A listing may leave once its period is over. If only its symbol expired, it leaves together with the
symbol, since it still spells the symbol. A symbol leaves once none of its listings stays. A primary
listing stays as long as a live alias stands for it.
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

#: Candidates of each kind; a change set of them is about 200 KiB.
ARCHIVED_MAX: Final = 1_000
#: Writers take turns by this advisory lock. Any constant would do.
ARCHIVE_LOCK: Final = 0x63716176


class ArchiveCandidate(NamedTuple):
    """An entity that may be archived.

    Attributes:
        venue_id: Of a listing, as `venue_symbol`; empty for a symbol.
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
    ORDER BY v.symbol_id, v.listing_id LIMIT :limit
"""
_SYMBOLS: Final = """
    SELECT s.symbol_id::text, c.payload FROM symbols s
    JOIN current c ON c.kind = 'symbol' AND c.key = s.symbol_id::text AND NOT c.archived
    WHERE s.expiry < :before {among} AND NOT EXISTS (
        SELECT FROM venue_symbols v
        JOIN current l ON l.kind = 'venue_symbol' AND l.key = v.listing_id::text AND NOT l.archived
        WHERE v.symbol_id = s.symbol_id AND v.listing_id::text <> ALL(:leaving))
    ORDER BY s.symbol_id LIMIT :limit
"""
_HELD: Final = """
    SELECT DISTINCT p.listing_id::text FROM venue_symbols p
    JOIN venue_symbols a ON a.venue_id = p.venue_id AND a.alias_of = p.venue_symbol
        AND a.symbol_id = p.symbol_id
    JOIN current c ON c.kind = 'venue_symbol' AND c.key = a.listing_id::text AND NOT c.archived
    WHERE p.listing_id::text = ANY(:leaving) AND a.listing_id::text <> ALL(:leaving)
"""


async def try_lock(tx: AsyncConnection) -> bool:
    """Take the archiver's lock until the transaction ends; returns whether it was free."""
    query = sa.text("SELECT pg_try_advisory_xact_lock(:lock)")
    return bool((await tx.execute(query, {"lock": ARCHIVE_LOCK})).scalar_one())


async def find_candidates(
    tx: AsyncConnection, before: dt.datetime, among: Sequence[ArchiveCandidate] | None = None
) -> list[ArchiveCandidate]:
    """Find entities that were over before an instant, at most 1,000 of each kind.

    Args:
        among: Only candidates of these; None: of all.

    Raises:
        DataLoss: a table differs from what an entity states, so that it may not be over.
    """
    given = {"before": before, "limit": ARCHIVED_MAX}
    conditions = {kind.name: "" for kind in (SYMBOL, VENUE_SYMBOL)}
    keys: dict[str, list[str]] = {name: [] for name in conditions}
    if among is not None:
        conditions = {
            SYMBOL.name: "AND s.symbol_id = ANY(CAST(:keys AS uuid[]))",
            VENUE_SYMBOL.name: "AND v.listing_id = ANY(CAST(:keys AS uuid[]))",
        }
        for candidate in among:
            keys[candidate.kind].append(candidate.key)

    def query(text: str, name: str, **more: object) -> tuple[sa.TextClause, dict[str, object]]:
        arguments = {**given, **more} | ({"keys": keys[name]} if conditions[name] else {})
        return sa.text(text.format(among=conditions[name])), arguments

    rows = await tx.execute(*query(_LISTINGS, VENUE_SYMBOL.name))
    listings = [ArchiveCandidate(VENUE_SYMBOL.name, *row) for row in rows]
    listings = await _unheld(tx, listings)
    leaving = [listing.key for listing in listings]
    rows = await tx.execute(*query(_SYMBOLS, SYMBOL.name, leaving=leaving))
    symbols = [ArchiveCandidate(SYMBOL.name, row[0], row[1], row[0], is_ended=True) for row in rows]
    gone = {symbol.key for symbol in symbols}
    ended = (c for c in listings if c.is_ended or c.symbol_id in gone)
    candidates = [*symbols, *ended]
    await entity_rows.require_rows(tx, [(c.kind, c.key, c.payload) for c in candidates])
    return candidates


def select_fitting(
    candidates: Sequence[ArchiveCandidate], limit_bytes: int
) -> list[ArchiveCandidate]:
    """Select candidates, from the first on, whose payloads together fit into `limit_bytes`.

    A symbol leaves with its listings and a primary with its aliases, so all candidates of a symbol
    stay together. If those of one symbol alone exceed the limit, its ended listings are taken
    one by one.
    """
    by_symbol: defaultdict[str, list[ArchiveCandidate]] = defaultdict(list)
    for candidate in candidates:
        by_symbol[candidate.symbol_id].append(candidate)
    selected: list[ArchiveCandidate] = []
    left_bytes = limit_bytes
    for together in by_symbol.values():
        parts = [together]
        if _bytes_of(together) > limit_bytes:
            parts = [[c] for c in together if c.kind == VENUE_SYMBOL.name and c.is_ended]
        for part in parts:
            if (size := _bytes_of(part)) <= left_bytes:
                selected += part
                left_bytes -= size
    return selected


def _bytes_of(candidates: Iterable[ArchiveCandidate]) -> int:
    return sum(len(candidate.payload) for candidate in candidates)


async def _unheld(tx: AsyncConnection, listings: list[ArchiveCandidate]) -> list[ArchiveCandidate]:
    """Leave out listings that an alias which stays stands for."""
    while True:
        leaving = {"leaving": [listing.key for listing in listings]}
        held = set((await tx.execute(sa.text(_HELD), leaving)).scalars())
        if not held:
            return listings
        listings = [listing for listing in listings if listing.key not in held]
