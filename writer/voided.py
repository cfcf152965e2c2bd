"""Listings that were voided, found by the spelling that they had, in SQL.

`current` keeps of a removed entity that it was, and no more; what it was last is in the change set
before. That never changes, so it is looked up once. Each function needs an open transaction.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import sqlalchemy as sa
from cqc.replication.v1 import replication_pb2
from cqc.venues.v1 import venue_symbol_pb2
from sqlalchemy.ext.asyncio import AsyncConnection

from shared import history
from shared.entities.venue_symbol import VENUE_SYMBOL

#: Removed listings that are looked at, the newest; of 400 bytes each.
REMOVED_MAX: Final = 20_000
#: Of those, how many are looked up for one answer: each may take a change set of 900 KiB, packed.
LEARNED_MAX: Final = 2_000
#: Change sets that are in memory at once.
CHANGE_SETS_AT_ONCE: Final = 8

_REMOVED: Final = sa.text(
    "SELECT key, revision FROM current WHERE kind = :kind AND deleted"
    " ORDER BY revision DESC LIMIT :most"
)
_LAST: Final = sa.text(
    "SELECT w.key, w.removed, l.revision"
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
        is_partial: Older ones were not looked at: ask again, or there are too many.
    """

    listings: list[venue_symbol_pb2.VenueSymbol]
    is_partial: bool


class VoidedListings:
    """What removed listings were last; without metadata, which may be long."""

    def __init__(self) -> None:
        self._known: dict[Removed, bytes] = {}

    async def find(self, tx: AsyncConnection, venue_id: str, spelling: str) -> Voided:
        """The removed listings that a venue's spelling had."""
        given = {"kind": VENUE_SYMBOL.name, "most": REMOVED_MAX + 1}
        rows: list[Removed] = [(key, at) for key, at in await tx.execute(_REMOVED, given)]
        removed = rows[:REMOVED_MAX]
        unknown = [one for one in removed if one not in self._known]
        learned = await _last_of(tx, unknown[:LEARNED_MAX])
        # What was removed twice, or is not among the newest any more, is forgotten.
        known = {one: self._known[one] for one in removed if one in self._known}
        self._known = known | learned
        found = map(venue_symbol_pb2.VenueSymbol.FromString, self._known.values())
        same = [one for one in found if (one.venue_id, one.venue_symbol) == (venue_id, spelling)]
        return Voided(same, len(rows) > len(removed) or len(unknown) > LEARNED_MAX)


async def _last_of(tx: AsyncConnection, removed: Sequence[Removed]) -> dict[Removed, bytes]:
    """What each was, serialised; empty for one whose change set does not tell."""
    keys, revisions = [key for key, _ in removed], [revision for _, revision in removed]
    given = {"kind": VENUE_SYMBOL.name, "keys": keys, "removed": revisions}
    told: dict[int, list[Removed]] = {}
    for key, at, last in await tx.execute(_LAST, given):
        told.setdefault(last, []).append((key, at))
    found = dict.fromkeys(removed, b"")
    places = list(told)
    for start in range(0, len(places), CHANGE_SETS_AT_ONCE):
        some = places[start : start + CHANGE_SETS_AT_ONCE]
        for revision, payload in await tx.execute(_PAYLOADS, {"revisions": some}):
            found |= await asyncio.to_thread(_told_by, payload, told[revision])
    return found


def _told_by(packed: bytes, removed: Iterable[Removed]) -> dict[Removed, bytes]:
    change_set = replication_pb2.ChangeSet.FromString(history.unpack(packed))
    wanted = dict(removed)
    found = {}
    for change in change_set.changes:
        if change.kind == VENUE_SYMBOL.name and change.key in wanted:
            listing = venue_symbol_pb2.VenueSymbol.FromString(change.entity)
            listing.ClearField("metadata")
            found[change.key, wanted[change.key]] = listing.SerializeToString()
    return found
