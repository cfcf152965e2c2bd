"""Counts of refused orders in SQL, by spelling, reason, actor and hour.

Each function needs an open transaction.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection


class ReportedReject(NamedTuple):
    """One report of a refused order."""

    venue_id: str
    venue_symbol: str
    listing_id: str | None
    reason: int
    actor: str
    occurred_at: dt.datetime
    code: str
    message: str
    price: Decimal | None
    quantity: Decimal | None


class RejectTotal(NamedTuple):
    """What one actor reported of a spelling and a reason."""

    actor: str
    reports: int
    code: str
    message: str


_COUNT_ROWS: Final = sa.text(
    "SELECT count(*) FROM (SELECT 1 FROM order_rejects WHERE actor = :actor LIMIT :most) AS held"
)
_ADD: Final = sa.text(
    "INSERT INTO order_rejects (venue_id, venue_symbol, reason, actor, hour, listing_id, reports,"
    " first_at, last_at, code, message, price, quantity)"
    " VALUES (:venue_id, :venue_symbol, :reason, :actor, date_trunc('hour', :occurred_at),"
    " :listing_id, 1, :occurred_at, :occurred_at, :code, :message, :price, :quantity)"
    " ON CONFLICT (venue_id, venue_symbol, reason, actor, hour) DO UPDATE SET"
    " reports = least(order_rejects.reports + 1, 1000000000), listing_id = excluded.listing_id,"
    " first_at = least(order_rejects.first_at, excluded.first_at),"
    " last_at = greatest(order_rejects.last_at, excluded.last_at), code = excluded.code,"
    " message = excluded.message, price = excluded.price, quantity = excluded.quantity"
).bindparams(
    sa.bindparam("occurred_at", type_=sa.DateTime(timezone=True)),
    sa.bindparam("price", type_=sa.Numeric),
    sa.bindparam("quantity", type_=sa.Numeric),
    sa.bindparam("listing_id", type_=sa.Uuid(as_uuid=False)),
)
_TOTALS: Final = sa.text(
    "SELECT actor, sum(reports)::int, (array_agg(code ORDER BY last_at DESC))[1],"
    " (array_agg(message ORDER BY last_at DESC))[1] FROM order_rejects"
    " WHERE venue_id = :venue_id AND venue_symbol = :venue_symbol AND reason = :reason"
    " AND first_at >= :since GROUP BY actor ORDER BY 2 DESC, 1 LIMIT 1000"
).bindparams(sa.bindparam("since", type_=sa.DateTime(timezone=True)))
_PURGE: Final = sa.text(
    "DELETE FROM order_rejects WHERE ctid IN"
    " (SELECT ctid FROM order_rejects WHERE hour < :before LIMIT :most)"
).bindparams(sa.bindparam("before", type_=sa.DateTime(timezone=True)))


async def has_room(tx: AsyncConnection, actor: str, most: int) -> bool:
    """Whether an actor has fewer than so many rows."""
    return bool((await tx.execute(_COUNT_ROWS, {"actor": actor, "most": most})).scalar_one() < most)


async def add(tx: AsyncConnection, report: ReportedReject) -> None:
    await tx.execute(_ADD, report._asdict())


async def totals(
    tx: AsyncConnection, report: ReportedReject, since: dt.datetime
) -> list[RejectTotal]:
    """What is known of the report's spelling and reason since an instant, by actor."""
    of = {name: getattr(report, name) for name in ("venue_id", "venue_symbol", "reason")}
    rows = await tx.execute(_TOTALS, {**of, "since": since})
    return [RejectTotal(*row) for row in rows]


async def purge(tx: AsyncConnection, before: dt.datetime, most: int) -> int:
    """Delete up to so many rows of hours before an instant; return how many there were."""
    return (await tx.execute(_PURGE, {"before": before, "most": most})).rowcount


_COLUMNS: Final = (
    *("venue_id", "venue_symbol", "reason", "actor", "hour", "listing_id", "reports"),
    *("first_at", "last_at", "code", "message", "price", "quantity"),
)


async def page(
    tx: AsyncConnection,
    venue_id: str,
    venue_symbol: str,
    after: Sequence[Any] | None,
    limit: int,
) -> list[dict[str, Any]]:
    """Rows of a venue, or of one of its spellings, the newest hour first.

    Args:
        after: (hour, venue_symbol, reason, actor) of the last row of the page before.
    """
    names = ", ".join(_COLUMNS)
    conditions = ["venue_id = :venue_id"]
    values: dict[str, Any] = {"venue_id": venue_id, "limit": limit}
    if venue_symbol:
        conditions.append("venue_symbol = :venue_symbol")
        values["venue_symbol"] = venue_symbol
    if after is not None:
        conditions.append(
            "(hour < :hour OR (hour = :hour AND (venue_symbol, reason, actor)"
            " > (:after_symbol, :after_reason, :after_actor)))"
        )
        keys = ("hour", "after_symbol", "after_reason", "after_actor")
        values |= dict(zip(keys, after, strict=True))
    query = sa.text(
        f"SELECT {names} FROM order_rejects WHERE {' AND '.join(conditions)}"  # noqa: S608
        " ORDER BY hour DESC, venue_symbol, reason, actor LIMIT :limit"
    )
    if after is not None:
        query = query.bindparams(sa.bindparam("hour", type_=sa.DateTime(timezone=True)))
    return [dict(row) for row in (await tx.execute(query, values)).mappings()]
