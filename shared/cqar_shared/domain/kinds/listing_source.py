"""Where the terms of a listing are from: the venue's answer, and what in it decided.

It lives at the writer: in PostgreSQL, in History and in Export. Resolvers do not hold it, since
nothing is resolved by it. A listing has one at a time, of the newest answer: a newer one replaces
it, and an older one does not.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any, Final

import msgspec
from cqc.venues.v1 import listing_source_pb2

from cqar_shared.domain import rules
from cqar_shared.domain.kind import Entity, Kind, RegistryView
from cqar_shared.errors import FieldViolation

READER_CHARS_MAX: Final = 128
RAW_BYTES_MAX: Final = 4_096
ANSWERS_MAX: Final = 16


class RecordedAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """An answer of a venue: what was asked, when, and the hash of what came."""

    request: str = ""
    sha256: str = ""
    taken_at: dt.datetime | None = None


class ListingSource(Entity, frozen=True, kw_only=True):
    """The answer that a listing's terms were read from.

    Attributes:
        request: What was asked of the venue, such as its path with parameters.
        sha256: Of the answer as received, in hexadecimal.
        reader: Which reader read it, with its version.
        raw: The fields of the raw record that decided, as a JSON object.
        answers: Other answers that its terms are from; None: no others.
    """

    listing_id: str = ""
    request: str = ""
    taken_at: dt.datetime | None = None
    sha256: str = ""
    reader: str = ""
    raw: str | None = None
    answers: tuple[RecordedAnswer, ...] | None = None


def complete(before: ListingSource | None, given: ListingSource, _: RegistryView) -> ListingSource:
    if before is not None and rules.is_older(given, before):
        return before
    source: ListingSource = rules.without_empty(given, "answers")
    return source


def check_listing_source(
    _: ListingSource | None, after: ListingSource, registry: RegistryView
) -> Iterator[FieldViolation]:
    yield from rules.check_uuid("listing_id", after.listing_id)
    # No reference: a listing may be archived, or voided, and how it was read stays.
    if rules.is_uuid(after.listing_id) and registry.get("venue_symbol", after.listing_id) is None:
        yield FieldViolation("listing_id", "NOT_FOUND", f"no venue symbol {after.listing_id!r}")
    yield from rules.check_required(after, "reader")
    yield from rules.check_length(after, reader=READER_CHARS_MAX)
    yield from _check_answer(after, "", registry)
    answers = after.answers or ()
    if len(answers) > ANSWERS_MAX:
        yield FieldViolation("answers", "TOO_MANY", f"at most {ANSWERS_MAX}")
        return
    for place, answer in enumerate(answers):
        yield from _check_answer(answer, f"answers[{place}].", registry)
    if after.raw is not None:
        yield from rules.check_json_object("raw", after.raw, RAW_BYTES_MAX)


def _check_answer(answer: Any, prefix: str, registry: RegistryView) -> Iterator[FieldViolation]:
    yield from rules.check_answer(answer, prefix, registry.now)
    if answer.taken_at is None:
        yield FieldViolation(f"{prefix}taken_at", "REQUIRED", "is required")


LISTING_SOURCE = Kind(
    name="listing_source",
    entity=ListingSource,
    message=listing_source_pb2.ListingSource,
    key=("listing_id",),
    table="listing_sources",
    check=check_listing_source,
    complete=complete,
    event=lambda _, __: None,
    resident=False,
)
