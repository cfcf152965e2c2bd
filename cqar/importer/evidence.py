"""Where a listing's terms are from: the answers, and the fields of the raw record that decided.

Facts are kept, not files: an answer's request, time and hash, and of its record what the reader
uses. Pure.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

import msgspec

from cqar.importer.answer_reader import AnswerSource, Reading
from cqar.importer.readers.product_line import RawRecord
from cqar_shared.domain import rules
from cqar_shared.domain.kinds.listing_source import (
    ANSWERS_MAX,
    RAW_BYTES_MAX,
    ListingSource,
    RecordedAnswer,
)

#: In the place of fields that are too long to be kept: their names.
LEFT_OUT: Final = "left out"


def source_of(
    reading: Reading, spelling: str, listing_id: str, at: dt.datetime
) -> ListingSource | None:
    """What decided a listing's terms, or cannot be read; None if no record of the reading did.

    Args:
        at: The instant of the answers as they are imported. It stands for that of an answer that
            states none, or whose own clock is ahead of it.
    """
    read = reading.raw.get(spelling) or reading.unread.get(spelling)
    if read is None or not reading.sources:
        return None
    first, *others = answers_of(reading, at)
    return ListingSource(
        listing_id=listing_id,
        request=first.request,
        taken_at=first.taken_at,
        sha256=first.sha256,
        reader=reading.reader,
        raw=_bounded(deciding_fields(*read)),
        answers=tuple(others[:ANSWERS_MAX]) or None,
    )


def answers_of(reading: Reading, at: dt.datetime) -> list[RecordedAnswer]:
    """The answers that were read, as evidence; `at` as above."""
    return [_recorded(source, at) for source in reading.sources]


def _recorded(source: AnswerSource, at: dt.datetime) -> RecordedAnswer:
    return RecordedAnswer(
        request=source.request[: rules.REQUEST_CHARS_MAX],
        sha256=source.sha256,
        taken_at=min(source.taken_at or at, at),
    )


def deciding_fields(record: Any, shape: type[RawRecord] | None) -> dict[str, Any]:
    """The fields of a raw record that its reader uses; all of them, if ccxt read it."""
    if not isinstance(record, dict):
        return {"record": record}
    if shape is None:
        return dict(record)
    used = shape.__struct_encode_fields__
    return {name: record[name] for name in used if name in record}


def _bounded(fields: dict[str, Any]) -> str:
    """JSON of the fields; the longest ones are left out, by name, where all are too long."""
    text = msgspec.json.encode(fields).decode()
    if len(text.encode()) <= RAW_BYTES_MAX:
        return text
    kept = dict(fields)
    left_out: list[str] = []
    sizes = {name: len(msgspec.json.encode(value)) for name, value in fields.items()}
    for name in sorted(sizes, key=sizes.__getitem__, reverse=True):
        del kept[name]
        left_out.append(name[:64])
        text = msgspec.json.encode({**kept, LEFT_OUT: left_out[:32]}).decode()
        if len(text.encode()) <= RAW_BYTES_MAX:
            break
    return text
