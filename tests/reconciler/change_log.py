"""All that was committed, from the writer's outbox: each entity before and after, by revision."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import Any, Final, NamedTuple

import asyncpg
from cqc.replication.v1 import replication_pb2

from cqar_shared.codec import entity_codec
from cqar_shared.domain.instant import moment_of
from cqar_shared.domain.kinds import KIND_BY_NAME
from cqar_shared.domain.kinds.finding import FINDING, Finding
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL
from cqar_shared.replication import positions
from tests.reconciler.raw_differences.differences import LISTED, Difference
from tests.reconciler.raw_differences.plan_differences import (
    finding_differences,
    is_of_identity,
    listing_changes,
)

_ROWS: Final = (
    "SELECT revision, payload FROM outbox WHERE revision > $1 ORDER BY revision LIMIT 500"
)


#: Before a code, where a finding is about no one listing.
CODE: Final = "code "


class Logged(NamedTuple):
    """One entity's change in one revision; None where it was not there yet, or is no more."""

    revision: int
    at: dt.datetime
    actor: str
    kind: str
    key: str
    before: Any
    after: Any


class ChangeLog:
    """Reads the outbox on; keeps what it has read.

    Args:
        dsn: The writer's PostgreSQL.
    """

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._state: dict[tuple[str, str], Any] = {}
        self.revision = 0
        self.logged: list[Logged] = []

    async def read_on(self) -> None:
        """Read what was committed since."""
        connection = await asyncpg.connect(self._dsn)
        try:
            while rows := await connection.fetch(_ROWS, self.revision):
                for row in rows:
                    self._take(row["revision"], row["payload"])
        finally:
            await connection.close()

    def since(self, revision: int) -> list[Logged]:
        return [each for each in self.logged if each.revision > revision]

    def entities(self, kind: str) -> list[Any]:
        """What there is of a kind now."""
        return [each for (of, _), each in self._state.items() if of == kind and each is not None]

    def _take(self, revision: int, payload: bytes) -> None:
        assert revision == self.revision + 1, "a revision is missing"
        change_set = replication_pb2.ChangeSet.FromString(positions.unpack(payload))
        at = moment_of(change_set.committed_at)
        for change in change_set.changes:
            kind = KIND_BY_NAME[change.kind]
            ref = change.kind, change.key
            after = None
            if not change.deleted:
                after = entity_codec.from_message(kind, kind.message.FromString(change.entity))
            entry = (change.kind, change.key, self._state.get(ref), after)
            self.logged.append(Logged(revision, at, change_set.actor, *entry))
            self._state[ref] = after
        self.revision = revision


def venue_differences(logged: list[Logged], venue_id: str) -> Counter[Difference]:
    """What the revisions did to a venue's listings, in the oracle's form; each change counts."""
    found: Counter[Difference] = Counter()
    for each in logged:
        if each.kind == VENUE_SYMBOL.name and each.after.venue_id == venue_id:
            if each.before is None:
                found[Difference(each.after.venue_symbol, LISTED)] += 1
            else:
                found.update(listing_changes(each.before, each.after, each.at))
        elif is_new_finding(each, venue_id):
            found.update(finding_differences(each.after))
    return found


def identity_questions(logged: list[Logged], venue_id: str) -> Counter[tuple[str, str, str]]:
    """New findings about what a listing or a code means.

    Returns:
        (kind, spelling or `code CODE`, what it may be: two coins may become one) -> how often.
    """
    made = [each.after for each in logged if is_new_finding(each, venue_id)]
    return Counter(
        (f.kind, f.venue_symbol or f"{CODE}{f.code}", f"{f.from_venue_symbol} {f.asset_id}")
        for f in made
        if is_of_identity(f)
    )


def is_new_finding(each: Logged, venue_id: str) -> bool:
    is_made = each.kind == FINDING.name and each.before is None
    return is_made and isinstance(each.after, Finding) and each.after.venue_id == venue_id
