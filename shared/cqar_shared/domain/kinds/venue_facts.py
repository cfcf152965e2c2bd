"""How current what the registry says of a venue is: of when, by what answers, and how much of it.

A venue has one, of its newest whole reading. What was read of an earlier instant, or of the same
one again, does not replace it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Final

import msgspec
from cqc.venues.v1 import venue_facts_pb2

from cqar_shared.domain import rules
from cqar_shared.domain.kind import Entity, Kind, RegistryView
from cqar_shared.errors import FieldViolation

ANSWERS_MAX: Final = 64
READER_CHARS_MAX: Final = 128
RECORDS_MAX: Final = 10_000_000


class VenueAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """An answer of a venue: what was asked, when, and the size and the hash of what came."""

    request: str = ""
    sha256: str = ""
    size: int | None = None
    taken_at: dt.datetime | None = None


class VenueFacts(Entity, frozen=True, kw_only=True):
    """A venue's newest whole reading.

    Attributes:
        as_of: The instant that it tells of: the oldest of the answers that it needed.
        read_at: When it was read.
        markets, unsupported, unreadable: Raw records by outcome; they add up to all there were.
    """

    venue_id: str = ""
    as_of: dt.datetime | None = None
    read_at: dt.datetime | None = None
    reader: str | None = None
    answers: tuple[VenueAnswer, ...] | None = None
    markets: int | None = None
    unsupported: int | None = None
    unreadable: int | None = None


def complete(before: VenueFacts | None, given: VenueFacts, _: RegistryView) -> VenueFacts:
    if before is not None and before.as_of and given.as_of and given.as_of <= before.as_of:
        return before
    facts: VenueFacts = rules.without_empty(given, "answers")
    return facts


def check_venue_facts(
    _: VenueFacts | None, after: VenueFacts, registry: RegistryView
) -> Iterator[FieldViolation]:
    yield from rules.check_slug("venue_id", after.venue_id)
    yield from rules.check_required(after, "as_of", "read_at")
    for field in ("as_of", "read_at"):
        yield from rules.check_taken(field, getattr(after, field), registry.now)
    yield from rules.check_length(after, reader=READER_CHARS_MAX)
    for field in ("markets", "unsupported", "unreadable"):
        count = getattr(after, field)
        if count is not None and not 0 <= count <= RECORDS_MAX:
            yield FieldViolation(field, "OUT_OF_RANGE", f"must be 0 to {RECORDS_MAX}")
    answers = after.answers or ()
    if len(answers) > ANSWERS_MAX:
        yield FieldViolation("answers", "TOO_MANY", f"at most {ANSWERS_MAX}")
        return
    for place, answer in enumerate(answers):
        yield from _check_answer(answer, f"answers[{place}].", registry)


def _check_answer(
    answer: VenueAnswer, prefix: str, registry: RegistryView
) -> Iterator[FieldViolation]:
    yield from rules.check_answer(answer, prefix, registry.now)
    if answer.size is not None and answer.size < 0:
        yield FieldViolation(f"{prefix}size", "OUT_OF_RANGE", "must not be negative")


VENUE_FACTS = Kind(
    name="venue_facts",
    entity=VenueFacts,
    message=venue_facts_pb2.VenueFacts,
    key=("venue_id",),
    slugs=frozenset({"venue_id"}),
    table="venue_facts",
    check=check_venue_facts,
    complete=complete,
    referents={"venue_id": "venue"},
    event=lambda _, __: None,
)
