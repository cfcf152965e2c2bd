"""Finds voided listings by the spelling that they had, in SQL.

`current` keeps only the key of a removed entity; its last state is in the change set before the
removal. That never changes, so it is read once. Each function needs an open transaction.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

import sqlalchemy as sa
from cqc.replication.v1 import replication_pb2
from cqc.venues.v1 import venue_symbol_pb2
from sqlalchemy.ext.asyncio import AsyncConnection

from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL
from cqar_shared.replication import positions

#: Removed listings read for one answer; each may need a change set of 900 KiB, packed.
LOADED_MAX: Final = 500
#: Removed listings kept in memory, of 500 bytes each.
KNOWN_MAX: Final = 50_000
#: Change sets in memory at once.
CHANGE_SETS_AT_ONCE: Final = 8

_REMOVED: Final = sa.text(
    "SELECT key, revision FROM current WHERE kind = :kind AND deleted"
    " AND (revision, key) > (:revision, :key) ORDER BY revision, key LIMIT :limit"
)
_LAST: Final = sa.text(
    "SELECT w.key, l.revision"
    " FROM unnest(CAST(:keys AS text[]), CAST(:removed AS bigint[])) AS w(key, removed)"
    " CROSS JOIN LATERAL (SELECT r.revision FROM entity_revisions r WHERE r.kind = :kind"
    " AND r.key = w.key AND r.revision < w.removed ORDER BY r.revision DESC LIMIT 1) AS l"
    " ORDER BY l.revision"
)
_PAYLOADS: Final = sa.text(
    "SELECT revision, payload FROM outbox WHERE revision = ANY(CAST(:revisions AS bigint[]))"
)

#: A removed listing, and the revision that removed it.
Removed = tuple[str, int]


class VoidedMatches(NamedTuple):
    """Removed listings of one spelling.

    Attributes:
        is_partial: Another call may find more, or there are more than `KNOWN_MAX`.
    """

    listings: list[venue_symbol_pb2.VenueSymbol]
    is_partial: bool


class VoidedListings:
    """Remembers the last state of removed listings, without metadata, which may be long."""

    def __init__(self) -> None:
        self._reset(0)

    def _reset(self, epoch: int) -> None:
        self._epoch = epoch
        self._reached: Removed = ("", 0)
        self._count = 0
        #: Venue and spelling -> listing id -> its last state, encoded.
        self._by_spelling: dict[tuple[str, str], dict[str, bytes]] = {}

    async def find(
        self, tx: AsyncConnection, epoch: int, venue_id: str, spelling: str
    ) -> VoidedMatches:
        """Find the removed listings of a venue's spelling, as of the transaction's epoch."""
        if epoch != self._epoch:
            # Removals by lost commits did not happen.
            self._reset(epoch)
        is_partial = await self._load(tx)
        payloads = self._by_spelling.get((venue_id, spelling), {}).values()
        parse = venue_symbol_pb2.VenueSymbol.FromString
        return VoidedMatches([parse(payload) for payload in payloads], is_partial)

    async def _load(self, tx: AsyncConnection) -> bool:
        """Load listings that were removed since the last call; returns whether more may be left."""
        if self._count >= KNOWN_MAX:
            return True
        key, revision = self._reached
        given = {"kind": VENUE_SYMBOL.name, "key": key, "revision": revision, "limit": LOADED_MAX}
        rows: list[Removed] = [(key, removed) for key, removed in await tx.execute(_REMOVED, given)]
        for listing in await _last_of(tx, rows):
            spelling = (listing.venue_id, listing.venue_symbol)
            known = self._by_spelling.setdefault(spelling, {})
            self._count += listing.listing_id not in known
            known[listing.listing_id] = listing.SerializeToString()
        if rows:
            self._reached = max(
                self._reached, rows[-1], key=lambda removed: (removed[1], removed[0])
            )
        return len(rows) == LOADED_MAX


async def _last_of(
    tx: AsyncConnection, removed: Sequence[Removed]
) -> list[venue_symbol_pb2.VenueSymbol]:
    """Return each listing as it was before it was removed."""
    keys, revisions = [key for key, _ in removed], [revision for _, revision in removed]
    given = {"kind": VENUE_SYMBOL.name, "keys": keys, "removed": revisions}
    keys_by_revision: dict[int, set[str]] = {}
    for key, last in await tx.execute(_LAST, given):
        keys_by_revision.setdefault(last, set()).add(key)
    listings: list[venue_symbol_pb2.VenueSymbol] = []
    last_revisions = list(keys_by_revision)
    for start in range(0, len(last_revisions), CHANGE_SETS_AT_ONCE):
        part = last_revisions[start : start + CHANGE_SETS_AT_ONCE]
        for revision, payload in await tx.execute(_PAYLOADS, {"revisions": part}):
            keys_in = keys_by_revision[revision]
            listings += await asyncio.to_thread(_listings_in, payload, keys_in)
    return listings


def _listings_in(packed: bytes, keys: Collection[str]) -> list[venue_symbol_pb2.VenueSymbol]:
    """Return these listings as a change set states them."""
    change_set = replication_pb2.ChangeSet.FromString(positions.unpack(packed))
    listings = []
    for change in change_set.changes:
        if change.kind == VENUE_SYMBOL.name and change.key in keys:
            listing = venue_symbol_pb2.VenueSymbol.FromString(change.entity)
            listing.ClearField("metadata")
            listings.append(listing)
    return listings
