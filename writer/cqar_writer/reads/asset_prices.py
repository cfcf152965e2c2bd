"""What venues' tickers said of assets, about an instant, page by page."""

from __future__ import annotations

import datetime as dt
from typing import Any

from cqc.writer.v1 import registry_admin_pb2 as pb

from cqar_shared.codec import entity_codec
from cqar_shared.domain import rules
from cqar_shared.domain.instant import moment_of
from cqar_shared.domain.kinds.asset_price import ASSET_PRICE
from cqar_shared.errors import FieldViolation, Invalid
from cqar_shared.lists import paging
from cqar_shared.sql import entity_queries, row_check
from cqar_shared.sql.tables import table_of
from cqar_writer.reads.sessions import RegistryReader


async def prices_of(
    reader: RegistryReader, request: pb.ListAssetPricesRequest
) -> pb.ListAssetPricesResponse:
    """Return a page of the prices that were taken within the window, by venue and asset.

    Raises:
        Invalid: The page's size, its token or the window cannot be.
        DataLoss: A row has another time than its price.
    """
    taken_from = entity_codec.instant_in(request, "taken_from")
    taken_until = entity_codec.instant_in(request, "taken_until")
    _require_valid(request, taken_from, taken_until)
    query_id = paging.query_id_of("asset_prices", str(taken_from), str(taken_until))
    after = _place(request.page_token, query_id)
    limit = request.page_size or paging.PAGE_MAX
    rows = await reader.prices(taken_from, taken_until, after, limit + 1)
    page = pb.ListAssetPricesResponse()
    for (venue_id, asset_id), payload in rows[:limit]:
        key = f"{venue_id}/{asset_id}"
        price: Any = row_check.require_own(ASSET_PRICE, key, payload)
        if not _within(moment_of(price.taken_at), taken_from, taken_until):
            raise row_check.altered(ASSET_PRICE.table, key)
        page.prices.append(price)
    if len(rows) > limit:
        page.next_page_token = paging.make_token(query_id, rows[limit - 1][0])
    return page


def _within(
    taken_at: dt.datetime, taken_from: dt.datetime | None, taken_until: dt.datetime | None
) -> bool:
    is_late = taken_until is not None and taken_at > taken_until
    return not is_late and (taken_from is None or taken_at >= taken_from)


def _require_valid(
    request: pb.ListAssetPricesRequest,
    taken_from: dt.datetime | None,
    taken_until: dt.datetime | None,
) -> None:
    violations = [*paging.check_page_size(request.page_size)]
    if taken_from is not None and taken_until is not None and taken_from > taken_until:
        message = "must not be before taken_from"
        violations.append(FieldViolation("taken_until", "BEFORE_START", message))
    if violations:
        raise Invalid(violations)


def _place(token: str, query_id: bytes) -> tuple[str, str] | None:
    """Return venue and asset of the last entry of the page before; None of the first page."""
    if not token:
        return None
    venue_id, asset_id = paging.token_parts(token, query_id, 2)
    columns = table_of(ASSET_PRICE).c
    if not rules.is_uuid(asset_id) or not entity_queries.storable(columns.venue_id, venue_id):
        raise paging.other_query()
    return venue_id, asset_id
