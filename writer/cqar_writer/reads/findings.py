"""Pages of findings, the newest first."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Collection, Iterator
from typing import Any, Final

from cqc.writer.v1 import registry_admin_pb2 as pb

from cqar_shared.codec import entity_codec
from cqar_shared.domain import rules
from cqar_shared.domain.instant import moment_of
from cqar_shared.domain.kinds.finding import FINDING, FindingAction, FindingState
from cqar_shared.errors import FieldViolation, Invalid
from cqar_shared.lists import paging
from cqar_shared.rpc.message_size import DEFAULT_BYTES_MAX
from cqar_shared.sql import row_check
from cqar_writer.reads.sessions import RegistryReader
from cqar_writer.store.finding_rows import FindingFilter

PAGE_DEFAULT: Final = 100
#: Kinds that one request asks for.
NAMES_MAX: Final = 100
#: Digits of the last instant that PostgreSQL and protobuf both have, in microseconds.
INSTANT_DIGITS_MAX: Final = 18
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND: Final = dt.timedelta(microseconds=1)
_LAST: Final = dt.datetime(9998, 12, 31, tzinfo=dt.UTC)


async def page_of(
    reader: RegistryReader, request: pb.ListProposalsRequest
) -> pb.ListProposalsResponse:
    """Return a page of findings; the first one with how many there are of each kind.

    Raises:
        Invalid: A filter cannot be, or the page's size or token.
        DataLoss: A finding does not say what its row says.
    """
    wanted = _filter_of(request)
    query_id = paging.query_id_of("proposals", *wanted)
    after = _place(request.page_token, query_id) if request.page_token else None
    limit = request.page_size or PAGE_DEFAULT
    rows = await reader.findings(wanted, after, limit + 1)
    page, size = pb.ListProposalsResponse(), 0
    if after is None:
        page.counts.update(await reader.finding_counts(wanted))
    for place, row in enumerate(rows):
        size += len(row.payload)
        if place and (place == limit or size > DEFAULT_BYTES_MAX):
            last = rows[place - 1]
            us = (last.opened_at - _EPOCH) // _MICROSECOND
            page.next_page_token = paging.make_token(query_id, [str(us), last.finding_id])
            break
        page.findings.append(_finding_in(row.finding_id, row.payload, wanted))
    return page


def _finding_in(finding_id: str, payload: bytes, wanted: FindingFilter) -> Any:
    message: Any = row_check.require_own(FINDING, finding_id, payload)
    passes = (
        (not wanted.states or message.state in wanted.states)
        and (not wanted.kinds or message.kind in wanted.kinds)
        and (not wanted.actions or message.action in wanted.actions)
        and all(
            not value or getattr(message, name) == value
            for name in ("venue_id", "venue_symbol", "code")
            if (value := getattr(wanted, name))
        )
        and _was_opened_within(message, wanted)
    )
    if not passes:
        raise row_check.altered(FINDING.table, finding_id)
    return message


def _was_opened_within(message: Any, wanted: FindingFilter) -> bool:
    opened_at = moment_of(message.opened_at)
    begin, end = wanted.opened_from, wanted.opened_until
    return (begin is None or opened_at >= begin) and (end is None or opened_at < end)


def _filter_of(request: pb.ListProposalsRequest) -> FindingFilter:
    if violations := list(_violations(request)):
        raise Invalid(violations)
    return FindingFilter(
        states=tuple(sorted({FindingState(number) for number in request.states})),
        kinds=tuple(sorted(set(request.kinds))),
        actions=tuple(sorted({FindingAction(number) for number in request.actions})),
        venue_id=request.venue_id,
        venue_symbol=request.venue_symbol,
        code=request.code,
        asset_id=request.asset_id,
        opened_from=entity_codec.instant_in(request, "opened_from"),
        opened_until=entity_codec.instant_in(request, "opened_until"),
    )


def _violations(request: pb.ListProposalsRequest) -> Iterator[FieldViolation]:
    yield from _check_numbers("states", request.states, FindingState)
    yield from _check_numbers("actions", request.actions, FindingAction)
    yield from rules.check_words("kinds", sorted(set(request.kinds)), NAMES_MAX)
    if request.venue_id:
        yield from rules.check_slug("venue_id", request.venue_id)
    for field in ("venue_symbol", "code"):
        if value := getattr(request, field):
            yield from rules.check_printable(field, value)
    if request.asset_id:
        yield from rules.check_uuid("asset_id", request.asset_id)
    yield from paging.check_page_size(request.page_size)


def _check_numbers(
    field: str, numbers: Collection[int], values: type[enum.IntEnum]
) -> Iterator[FieldViolation]:
    known = {int(value) for value in values}
    for number in sorted(set(numbers) - known)[:NAMES_MAX]:
        yield rules.unknown_number(field, number, values)


def _place(token: str, query_id: bytes) -> tuple[dt.datetime, str]:
    """Return when the last finding of the page before was opened, and its id."""
    us, finding_id = paging.token_parts(token, query_id, 2)
    if not rules.is_uuid(finding_id):
        raise paging.other_query()
    since = paging.whole_number(us, INSTANT_DIGITS_MAX) * _MICROSECOND
    return _EPOCH + min(since, _LAST - _EPOCH), finding_id
