"""Listings that were voided, found by the spelling that they had, in SQL.

`current` keeps of a removed entity that it was, and no more; what it was last is in the change set
before. That never changes, so it is looked up once. Each function needs an open transaction.
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

#: Removed listings looked up for one answer: each may take a change set of 900 KiB, packed.
LEARNED_MAX: Final = 500
#: Removed listings that are known at all; of 500 bytes each.
KNOWN_MAX: Final = 50_000
#: Change sets that are in memory at once.
CHANGE_SETS_AT_ONCE: Final = 8

_REMOVED: Final = sa.text(
    "SELECT key, revision FROM current WHERE kind = :kind AND deleted"
    " AND (revision, key) > (:revision, :key) ORDER BY revision, key LIMIT :most"
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


class Voided(NamedTuple):
    """Removed listings of one spelling.

    Attributes:
        is_partial: More may be found by asking again, or there are more than `KNOWN_MAX`.
    """

    listings: list[venue_symbol_pb2.VenueSymbol]
    is_partial: bool


class VoidedListings:
    """What removed listings were last; without metadata, which may be long."""

    def __init__(self) -> None:
        self._forget(0)

    def _forget(self, epoch: int) -> None:
        self._epoch = epoch
        self._reached: Removed = ("", 0)
        self._count = 0
        #: Venue and spelling -> listing -> what it was, serialised.
        self._of: dict[tuple[str, str], dict[str, bytes]] = {}

    async def find(self, tx: AsyncConnection, epoch: int, venue_id: str, spelling: str) -> Voided:
        """The removed listings that a venue's spelling had, as of the transaction's epoch."""
        if epoch != self._epoch:
            # What was removed by commits that are lost was not removed.
            self._forget(epoch)
        is_partial = await self._learn(tx)
        found = self._of.get((venue_id, spelling), {}).values()
        parse = venue_symbol_pb2.VenueSymbol.FromString
        return Voided([parse(payload) for payload in found], is_partial)

    async def _learn(self, tx: AsyncConnection) -> bool:
        """Look up what was removed since; whether more may be left."""
        if self._count >= KNOWN_MAX:
            return True
        key, revision = self._reached
        given = {"kind": VENUE_SYMBOL.name, "key": key, "revision": revision, "most": LEARNED_MAX}
        rows: list[Removed] = [(key, at) for key, at in await tx.execute(_REMOVED, given)]
        for listing in await _last_of(tx, rows):
            place = self._of.setdefault((listing.venue_id, listing.venue_symbol), {})
            self._count += listing.listing_id not in place
            place[listing.listing_id] = listing.SerializeToString()
        if rows:
            self._reached = max(self._reached, rows[-1], key=lambda one: (one[1], one[0]))
        return len(rows) == LEARNED_MAX


async def _last_of(
    tx: AsyncConnection, removed: Sequence[Removed]
) -> list[venue_symbol_pb2.VenueSymbol]:
    """What each was before it was removed."""
    keys, revisions = [key for key, _ in removed], [revision for _, revision in removed]
    given = {"kind": VENUE_SYMBOL.name, "keys": keys, "removed": revisions}
    told: dict[int, set[str]] = {}
    for key, last in await tx.execute(_LAST, given):
        told.setdefault(last, set()).add(key)
    found: list[venue_symbol_pb2.VenueSymbol] = []
    places = list(told)
    for start in range(0, len(places), CHANGE_SETS_AT_ONCE):
        some = places[start : start + CHANGE_SETS_AT_ONCE]
        for revision, payload in await tx.execute(_PAYLOADS, {"revisions": some}):
            found += await asyncio.to_thread(_told_by, payload, told[revision])
    return found


def _told_by(packed: bytes, keys: Collection[str]) -> list[venue_symbol_pb2.VenueSymbol]:
    """These listings as a change set has them."""
    change_set = replication_pb2.ChangeSet.FromString(positions.unpack(packed))
    found = []
    for change in change_set.changes:
        if change.kind == VENUE_SYMBOL.name and change.key in keys:
            listing = venue_symbol_pb2.VenueSymbol.FromString(change.entity)
            listing.ClearField("metadata")
            found.append(listing)
    return found
