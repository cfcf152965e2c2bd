"""Whether the registry was told newer answers of a venue than those that a round has.

Two processes may ask one venue, and a cache on the way may answer what it said before. What is
older than what the registry was told is not taken for the present.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Final

from cqc.writer.v1 import registry_admin_pb2 as pb

from cqar.admin.connection import Connection
from cqar.importer.answer_reader import Reading
from cqar.importer.saved_answers import UnusableAnswer
from cqar_shared.codec import entity_codec
from cqar_shared.domain.kinds.finding import FINDING
from cqar_shared.domain.kinds.venue_asset import VENUE_ASSET
from cqar_shared.domain.kinds.venue_facts import VENUE_FACTS, VenueFacts
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL

#: What a plan for a venue is made of, beside the registry's products.
_PLANNED_BY: Final = (FINDING.name, VENUE_ASSET.name, VENUE_SYMBOL.name)


class OldAnswer(UnusableAnswer):
    """Answers are older than they may be."""


class ReadMeanwhile(OldAnswer):
    """Another process has asked the venue since, and told the registry: nothing is wrong."""


def require_newest(
    connection: Connection, venue_id: str, reading: Reading, began_at: dt.datetime
) -> None:
    """Refuse answers that are older than those that the registry was told.

    Args:
        began_at: When the venue was asked.

    Raises:
        ReadMeanwhile: The registry was told of a round that began later.
        OldAnswer: The answers state an earlier time themselves.
        CallFailed: The writer refused or did not answer.
    """
    request = pb.ListVenueFactsRequest(venue_ids=[venue_id])
    for message in connection.call(connection.admin.ListVenueFacts, request).facts:
        facts = entity_codec.from_message(VENUE_FACTS, message)
        if facts.read_at is not None and facts.read_at > began_at:
            text = f"another process read {venue_id} at {facts.read_at}, after this one"
            raise ReadMeanwhile(text)
        _require_later(reading, facts)


def _require_later(reading: Reading, facts: VenueFacts) -> None:
    known = {one.request: one.taken_at for one in facts.answers or ()}
    for source in reading.sources:
        newest = known.get(source.request)
        if newest is not None and source.taken_at is not None and source.taken_at < newest:
            raise OldAnswer(f"{source.request} is of {source.taken_at}: known is one of {newest}")


def has_moved_on(connection: Connection, venue_ids: Iterable[str], revision: int) -> bool:
    """Whether what a plan for these venues was made of has changed after a revision.

    Raises:
        CallFailed: The writer refused or did not answer.
    """
    request = pb.ListChangesRequest(
        after_revision=revision,
        kinds=_PLANNED_BY,
        venue_ids=venue_ids,
        page_size=1,
        without_before=True,
    )
    return bool(connection.call(connection.admin.ListChanges, request).changes)
