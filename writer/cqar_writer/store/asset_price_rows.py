"""Finds the prices of assets that were taken within a window, in SQL."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from cqar_shared.domain.kinds.asset_price import ASSET_PRICE
from cqar_shared.sql.schema import current
from cqar_shared.sql.tables import table_of


async def find_prices(
    tx: AsyncConnection,
    taken_from: dt.datetime | None,
    taken_until: dt.datetime | None,
    after: tuple[str, str] | None,
    limit: int,
) -> list[tuple[tuple[str, str], bytes]]:
    """Return (key, payload) of the first prices after a key, in key order by bytes.

    Args:
        taken_from, taken_until: Both included; None: no bound.
        after: Venue and asset of the last price of the page before.
    """
    table = table_of(ASSET_PRICE)
    venue, asset = table.c.venue_id.collate("C"), table.c.asset_id
    key = sa.func.concat(table.c.venue_id, "/", sa.cast(table.c.asset_id, sa.Text))
    query = (
        sa.select(table.c.venue_id, table.c.asset_id, current.c.payload)
        .join(current, (current.c.kind == ASSET_PRICE.name) & (current.c.key == key))
        .order_by(venue, asset)
        .limit(limit)
    )
    if taken_from is not None:
        query = query.where(table.c.taken_at >= taken_from)
    if taken_until is not None:
        query = query.where(table.c.taken_at <= taken_until)
    if after is not None:
        bounds = (sa.literal(after[0], sa.Text), sa.literal(after[1], asset.type))
        query = query.where(sa.tuple_(venue, asset) > sa.tuple_(*bounds))
    rows = await tx.execute(query)
    return [((row[0], str(row[1])), row[2]) for row in rows]
