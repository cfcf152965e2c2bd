"""What is known to come of listings: ends, announced changes, expiries and starts, in order."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any, Final

from cqc.writer.v1 import registry_admin_pb2 as pb

from cqar_shared.codec import entity_codec
from cqar_shared.domain import rules
from cqar_shared.domain.instant import moment_of, state
from cqar_shared.domain.kinds.symbol import SYMBOL
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL
from cqar_shared.errors import Invalid
from cqar_shared.lists import filter_names, paging
from cqar_shared.sql import row_check
from cqar_writer.reads.sessions import RegistryReader
from cqar_writer.store.upcoming_rows import UpcomingRow

#: Digits of the last instant that PostgreSQL and protobuf both have, in microseconds.
INSTANT_DIGITS_MAX: Final = 18
_LAST: Final = dt.datetime(9998, 12, 31, tzinfo=dt.UTC)
_FIRST_ID: Final = "00000000-0000-0000-0000-000000000000"
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND: Final = dt.timedelta(microseconds=1)


async def upcoming_of(
    reader: RegistryReader, request: pb.ListUpcomingRequest, now: dt.datetime
) -> pb.ListUpcomingResponse:
    """Return a page of what comes after `now`.

    Raises:
        Invalid: The venue, the page's size or its token cannot be.
        EntityNotFound: The venue does not exist.
        DataLoss: A table says that something comes of which its listing does not say so.
    """
    until = entity_codec.instant_in(request, "until") or _LAST
    _require_valid(request)
    query_id = paging.query_id_of("upcoming", request.venue_id, str(until))
    after = _place(request.page_token, query_id, now)
    limit = request.page_size or paging.PAGE_MAX
    rows = await reader.upcoming(now, until, after, limit + 1, request.venue_id)
    if not rows:
        await filter_names.require_named(reader, [("venue_id", request.venue_id)])
    page = pb.ListUpcomingResponse(upcoming=await _changes_at(reader, rows[:limit]))
    if len(rows) > limit:
        last = rows[limit - 1]
        us = (last.effective_at - _EPOCH) // _MICROSECOND
        page.next_page_token = paging.make_token(query_id, [str(us), last.listing_id])
    return page


def _require_valid(request: pb.ListUpcomingRequest) -> None:
    violations = list(rules.check_slug("venue_id", request.venue_id)) if request.venue_id else []
    violations += paging.check_page_size(request.page_size)
    if violations:
        raise Invalid(violations)


def _place(token: str, query_id: bytes, now: dt.datetime) -> tuple[dt.datetime, str]:
    """Return instant and listing of the last entry of the page before; `now` of the first page."""
    if not token:
        return now, _FIRST_ID
    us, listing_id = paging.token_parts(token, query_id, 2)
    if not rules.is_uuid(listing_id):
        raise paging.other_query()
    moment = _EPOCH + min(
        paging.whole_number(us, INSTANT_DIGITS_MAX) * _MICROSECOND, _LAST - _EPOCH
    )
    return moment, listing_id


async def _changes_at(reader: RegistryReader, rows: list[UpcomingRow]) -> list[pb.UpcomingChange]:
    listings = {
        listing.listing_id: listing
        for listing in await reader.get_many(VENUE_SYMBOL, (row.listing_id for row in rows))
    }
    symbols = {
        symbol.symbol_id: symbol
        for symbol in await reader.get_many(SYMBOL, (row.symbol_id for row in rows))
    }
    told = []
    for row in rows:
        listing = listings.get(row.listing_id)
        symbol = symbols.get(row.symbol_id)
        terms = list(changes_at(listing, symbol, row.effective_at)) if listing else []
        if listing is None or not terms:
            raise row_check.altered(VENUE_SYMBOL.table, row.listing_id)
        change = pb.UpcomingChange(
            venue_id=listing.venue_id,
            venue_symbol=listing.venue_symbol,
            listing_id=listing.listing_id,
            changes=[pb.UpcomingTerm(field=field, value=value) for field, value in terms],
        )
        state(change.effective_at, row.effective_at)
        told.append(change)
    return told


def changes_at(listing: Any, symbol: Any, moment: dt.datetime) -> Iterator[tuple[str, str]]:
    """Yield (field, value) of all that comes of a listing at an instant.

    Args:
        listing, symbol: Messages; the symbol may be None.
    """
    for field in ("listed_at", "trading_starts_at"):
        if listing.HasField(field) and moment_of(getattr(listing, field)) == moment:
            yield field, _text(moment)
    for change in listing.scheduled:
        if moment_of(change.effective_at) == moment:
            yield change.field, change.value
    if listing.HasField("delisted_at") and moment_of(listing.delisted_at) == moment:
        yield "status", "DELISTED"
        return
    of_symbol = symbol is not None and symbol.HasField("expiry") and not listing.alias_of
    if of_symbol and moment_of(symbol.expiry) == moment:
        yield "expiry", _text(moment)


def _text(moment: dt.datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
